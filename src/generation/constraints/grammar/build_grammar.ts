/**
 * From the tree of an expression to the graph of its bytes.
 *
 * @module
 */
import { ByteGrammar } from "./byte_grammar.ts";
import { type CodePoints, intersection, rangesOf } from "./code_points.ts";
import type { Expression, Rule } from "./expression.ts";
import { nonEmpty } from "./non_empty.ts";
import { utf8Sequences } from "./utf8_sequences.ts";

const ASCII: CodePoints = [0, 0x7f];
const NON_ASCII: CodePoints = [0x80, 0x10ffff];

const encoder = new TextEncoder();

/** The grammar of the texts that an expression stands for. */
export function buildGrammar(expression: Expression): ByteGrammar {
  return new GrammarBuilder().build(expression);
}

/**
 * Lays expressions between two nodes. None leads back into the node that it begins at, nor on from the one that it ends at:
 * so several may lie between the same two.
 */
class GrammarBuilder {
  readonly #grammar = new ByteGrammar();
  /** The first node of each rule. */
  readonly #rules = new Map<Rule | Expression, number>();
  /** Rules that were called and are not built yet. */
  readonly #unbuilt: [first: number, expression: Expression][] = [];
  /** By their ranges: the first nodes of the rules for characters that are not ASCII. */
  readonly #characterRules = new Map<string, number>();

  build(expression: Expression): ByteGrammar {
    const grammar = this.#grammar;
    this.#unbuilt.push([grammar.node(), expression]);
    for (let next = this.#unbuilt.pop(); next !== undefined; next = this.#unbuilt.pop()) {
      this.#lay(next[1], next[0], grammar.node(true));
    }
    return grammar;
  }

  #lay(expression: Expression, from: number, to: number): void {
    switch (expression.kind) {
      case "text":
        return this.#layText(encoder.encode(expression.text), from, to);
      case "characters":
        return this.#layCharacters(expression.set, from, to);
      case "sequence":
        return this.#laySequence(expression.parts, from, to);
      case "choice":
        return this.#layChoice(expression.options, from, to);
      case "repeat":
        return this.#layRepeat(expression, from, to);
      case "rule":
        return this.#layCall(expression.rule, expression.rule.expression, from, to);
    }
  }

  #layText(bytes: Uint8Array, from: number, to: number): void {
    if (bytes.length === 0) this.#grammar.addEmpty(from, to);
    for (const [i, byte] of bytes.entries()) {
      const next = i === bytes.length - 1 ? to : this.#grammar.node();
      this.#grammar.addBytes(from, byte, byte, next);
      from = next;
    }
  }

  #laySequence(parts: readonly Expression[], from: number, to: number): void {
    if (parts.length === 0) this.#grammar.addEmpty(from, to);
    for (const [i, part] of parts.entries()) {
      const next = i === parts.length - 1 ? to : this.#grammar.node();
      this.#lay(part, from, next);
      from = next;
    }
  }

  #layChoice(options: readonly Expression[], from: number, to: number): void {
    const texts: Uint8Array[] = [];
    for (const option of options) {
      if (option.kind === "text") texts.push(encoder.encode(option.text));
      else this.#lay(option, from, to);
    }
    this.#layTexts(texts, from, to);
  }

  /** Texts with a common beginning share its nodes: one step into a thousand texts is then not a thousand steps. */
  #layTexts(texts: readonly Uint8Array[], from: number, to: number): void {
    const next = new Map<string, number>();
    for (const bytes of texts) {
      let node = from;
      for (const byte of bytes) {
        const key = `${node},${byte}`;
        let child = next.get(key);
        if (child === undefined) {
          child = this.#grammar.node();
          next.set(key, child);
          this.#grammar.addBytes(node, byte, byte, child);
        }
        node = child;
      }
      this.#grammar.addEmpty(node, to);
    }
  }

  #layRepeat(repetition: Expression & { kind: "repeat" }, from: number, to: number): void {
    const grammar = this.#grammar;
    const { max } = repetition;
    const body = nonEmpty(repetition.body);
    // What may be empty may be so each time.
    const min = body === repetition.body ? repetition.min : 0;
    const numCopies = max === Infinity ? min + 1 : max;
    const layBody = numCopies === 1 || isOneStep(body)
      ? (start: number, end: number) => this.#lay(body, start, end)
      // Nested repetitions would multiply: each copy is one call of what is built once.
      : (start: number, end: number) => this.#layCall(body, body, start, end);
    let node = from;
    for (let i = 0; i < min; i++) {
      const next = grammar.node();
      layBody(node, next);
      node = next;
    }
    if (max === Infinity) {
      const [start, end] = [grammar.node(), grammar.node()];
      grammar.addEmpty(node, start);
      layBody(start, end);
      grammar.addEmpty(end, start);
      node = start;
    }
    grammar.addEmpty(node, to);
    for (let i = min; i < max && max < Infinity; i++) {
      const next = grammar.node();
      layBody(node, next);
      grammar.addEmpty(next, to);
      node = next;
    }
  }

  #layCall(key: Rule | Expression, expression: Expression, from: number, to: number): void {
    let first = this.#rules.get(key);
    if (first === undefined) {
      first = this.#grammar.node();
      this.#rules.set(key, first);
      this.#unbuilt.push([first, expression]);
    }
    this.#grammar.addCall(from, first, to);
  }

  #layCharacters(set: CodePoints, from: number, to: number): void {
    for (const [first, last] of rangesOf(intersection(set, ASCII))) {
      this.#grammar.addBytes(from, first, last, to);
    }
    const rest = intersection(set, NON_ASCII);
    if (rest.length === 2 && rest[0] === rest[1]) {
      return this.#layText(encoder.encode(String.fromCodePoint(rest[0])), from, to);
    }
    if (rest.length > 0) this.#grammar.addCall(from, this.#characterRule(rest), to);
  }

  /** A rule for one of some characters of several bytes, which there are hundreds of ranges of: built once for each set. */
  #characterRule(set: CodePoints): number {
    const key = set.join();
    let first = this.#characterRules.get(key);
    if (first === undefined) {
      const grammar = this.#grammar;
      first = grammar.node();
      this.#characterRules.set(key, first);
      const end = grammar.node(true);
      const next = new Map<string, number>();
      for (const ranges of utf8Sequences(set)) {
        let node = first;
        for (const [i, [low, high]] of ranges.entries()) {
          if (i === ranges.length - 1) {
            grammar.addBytes(node, low, high, end);
            break;
          }
          const step = `${node},${low},${high}`;
          let child = next.get(step);
          if (child === undefined) {
            child = grammar.node();
            next.set(step, child);
            grammar.addBytes(node, low, high, child);
          }
          node = child;
        }
      }
    }
    return first;
  }
}

/** Whether an expression is laid without a node of its own. */
function isOneStep(expression: Expression): boolean {
  return (expression.kind === "text" && expression.text.length === 1) ||
    expression.kind === "characters" || expression.kind === "rule";
}
