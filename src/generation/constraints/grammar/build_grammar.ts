/**
 * From the tree of an expression to the graph of its bytes.
 *
 * @module
 */
import { doAtOnce } from "../../../base/event_loop.ts";
import { ByteGrammar } from "./byte_grammar.ts";
import { type CodePoints, intersection } from "./code_points.ts";
import { type Expression, reference, Rule } from "./expression.ts";
import { nonEmpty } from "./non_empty.ts";
import { utf8Sequences } from "./utf8_sequences.ts";

const ASCII: CodePoints = [0, 0x7f];
const NON_ASCII: CodePoints = [0x80, 0x10ffff];

const encoder = new TextEncoder();

/** Others have their turn when so many nodes more have been laid, which takes about a millisecond. */
const NODES_PER_STEP = 2048;

/** The grammar of the texts that an expression stands for. */
export function buildGrammar(expression: Expression): ByteGrammar {
  return doAtOnce(buildGrammarInSteps(expression));
}

/** The same in steps: a large one takes a tenth of a second. */
export function buildGrammarInSteps(expression: Expression): Generator<void, ByteGrammar> {
  return new GrammarBuilder().build(expression);
}

/** A set of characters, divided. */
interface KnownSet {
  readonly ascii: CodePoints;
  readonly others: CodePoints;
  /** The first node of the rule for the others, if there are several. */
  readonly rule: number | undefined;
}

/** What has no parts. */
type SimpleExpression = Exclude<Expression, { readonly kind: "sequence" | "choice" | "repeat" }>;

/**
 * Lays expressions between two nodes. None leads back into the node that it begins at, nor on from the one that it ends at:
 * so several may lie between the same two.
 */
class GrammarBuilder {
  readonly #grammar = new ByteGrammar();
  /** The first node of each rule. */
  readonly #rules = new Map<Rule, number>();
  /** Rules for what is not one, and laid several times. */
  readonly #rulesOf = new Map<Expression, Rule>();
  /** Rules that were called and are not built yet. */
  readonly #unbuilt: [first: number, expression: Expression][] = [];
  /** By their ranges: the first nodes of the rules for characters that are not ASCII. */
  readonly #characterRules = new Map<string, number>();
  /** What was found out about a set: many places may have the same one, of a thousand ranges. */
  readonly #knownSets = new Map<CodePoints, KnownSet>();
  #numNodesBefore = 0;

  *build(expression: Expression): Generator<void, ByteGrammar> {
    const grammar = this.#grammar;
    this.#unbuilt.push([grammar.node(), expression]);
    for (let next = this.#unbuilt.pop(); next !== undefined; next = this.#unbuilt.pop()) {
      yield* this.#lay(next[1], next[0], grammar.node(true));
    }
    return grammar;
  }

  *#lay(expression: Expression, from: number, to: number): Generator<void, void> {
    if (this.#isDue()) yield;
    switch (expression.kind) {
      case "sequence":
        return yield* this.#laySequence(expression.parts, from, to);
      case "choice":
        return yield* this.#layChoice(expression.options, from, to);
      case "repeat":
        return yield* this.#layRepeat(expression, from, to);
      default:
        return this.#layOne(expression, from, to);
    }
  }

  /** Whether it is time for others to have their turn. */
  #isDue(): boolean {
    const numNodes = this.#grammar.nodes.length;
    if (numNodes - this.#numNodesBefore < NODES_PER_STEP) return false;
    this.#numNodesBefore = numNodes;
    return true;
  }

  /** What has no parts. */
  #layOne(expression: SimpleExpression, from: number, to: number): void {
    switch (expression.kind) {
      case "text":
        return this.#layText(encoder.encode(expression.text), from, to);
      case "characters":
        return this.#layCharacters(expression.set, from, to);
      case "rule":
        return this.#layCall(expression.rule, from, to);
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

  *#laySequence(
    parts: readonly Expression[],
    from: number,
    to: number,
  ): Generator<void, void> {
    if (parts.length === 0) this.#grammar.addEmpty(from, to);
    for (const [i, part] of parts.entries()) {
      const next = i === parts.length - 1 ? to : this.#grammar.node();
      yield* this.#lay(part, from, next);
      from = next;
    }
  }

  *#layChoice(
    options: readonly Expression[],
    from: number,
    to: number,
  ): Generator<void, void> {
    const texts: Uint8Array[] = [];
    for (const option of options) {
      if (option.kind === "text") texts.push(encoder.encode(option.text));
      else yield* this.#lay(option, from, to);
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

  *#layRepeat(
    repetition: Expression & { kind: "repeat" },
    from: number,
    to: number,
  ): Generator<void, void> {
    const grammar = this.#grammar;
    const { max } = repetition;
    const body = nonEmpty(repetition.body);
    // What may be empty may be so each time.
    const min = body === repetition.body ? repetition.min : 0;
    const numCopies = max === Infinity ? min + 1 : max;
    // Nested repetitions would multiply: each copy is one call of what is built once.
    const isCalled = numCopies > 1 && !isOneStep(body);
    const copy = isCalled ? reference(this.#ruleOf(body)) : body;
    let node = from;
    for (let i = 0; i < min; i++) {
      const next = grammar.node();
      yield* this.#lay(copy, node, next);
      node = next;
    }
    if (max === Infinity) {
      const [start, end] = [grammar.node(), grammar.node()];
      grammar.addEmpty(node, start);
      yield* this.#lay(copy, start, end);
      grammar.addEmpty(end, start);
      node = start;
    }
    grammar.addEmpty(node, to);
    for (let i = min; i < max && max < Infinity; i++) {
      const next = grammar.node();
      yield* this.#lay(copy, node, next);
      grammar.addEmpty(next, to);
      node = next;
    }
  }

  #ruleOf(expression: Expression): Rule {
    let rule = this.#rulesOf.get(expression);
    if (rule === undefined) this.#rulesOf.set(expression, rule = new Rule(expression));
    return rule;
  }

  #layCall(rule: Rule, from: number, to: number): void {
    let first = this.#rules.get(rule);
    if (first === undefined) {
      first = this.#grammar.node();
      this.#rules.set(rule, first);
      this.#unbuilt.push([first, rule.expression]);
    }
    this.#grammar.addCall(from, first, to);
  }

  #layCharacters(set: CodePoints, from: number, to: number): void {
    const { ascii, others, rule } = this.#knownSet(set);
    for (let i = 0; i < ascii.length; i += 2) {
      this.#grammar.addBytes(from, ascii[i], ascii[i + 1], to);
    }
    if (rule !== undefined) this.#grammar.addCall(from, rule, to);
    else if (others.length > 0) {
      this.#layText(encoder.encode(String.fromCodePoint(others[0])), from, to);
    }
  }

  #knownSet(set: CodePoints): KnownSet {
    let known = this.#knownSets.get(set);
    if (known === undefined) {
      const ascii = intersection(set, ASCII);
      const others = intersection(set, NON_ASCII);
      const isSeveral = others.length > 2 || others[0] !== others[1];
      known = { ascii, others, rule: isSeveral ? this.#characterRule(others) : undefined };
      this.#knownSets.set(set, known);
    }
    return known;
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
