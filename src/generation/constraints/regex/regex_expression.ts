/**
 * From a regular expression to the texts that match it.
 *
 * @module
 */
import { quote } from "../../../base/describe.ts";
import { InvalidArgumentError } from "../../../base/errors.ts";
import { ALL, type CodePoints, codePoints, complement, union } from "../grammar/code_points.ts";
import {
  characters,
  choice,
  EMPTY,
  type Expression,
  MAX_REPETITIONS,
  repeat,
  sequence,
} from "../grammar/expression.ts";
import {
  DIGITS,
  LINE_BREAKS,
  matchedCharacters,
  SPACES,
  withOtherCases,
  WORD,
} from "./character_sets.ts";
import { type ParsedRegex, parseRegex } from "./parse_regex.ts";
import type {
  Alternative,
  Assertion,
  Character,
  CharacterClass,
  CharacterClassRange,
  CharacterSet,
  ClassPart,
  ExpressionCharacterClass,
  Quantifier,
  RegexElement,
} from "./regex_syntax.ts";

/** Any text. */
const ANYTHING = repeat(characters(ALL), 0, Infinity);

/**
 * The texts that match a regular expression as a whole.
 *
 * @param name what it was given as, for error messages
 * @param options `search`: those in which it matches anywhere, unless it begins with `^` and ends with `$`
 * @throws {SyntaxError} if it is no regular expression
 * @throws {RangeError} if it has something that is not supported
 */
export async function regexExpression(
  name: string,
  regex: string | RegExp,
  { search = false }: { search?: boolean } = {},
): Promise<Expression> {
  const parsed = await parseRegex(name, regex);
  return new RegexReader(name, parsed).read(search);
}

class RegexReader {
  readonly #name: string;
  readonly #regex: ParsedRegex;
  readonly #ignoreCase: boolean;

  constructor(name: string, regex: ParsedRegex) {
    this.#name = name;
    this.#regex = regex;
    this.#ignoreCase = regex.flags.includes("i");
  }

  read(search: boolean): Expression {
    const { alternatives } = this.#regex.pattern;
    if (!search) return this.#alternatives(alternatives, { atStart: true, atEnd: true });
    return choice(alternatives.map((alternative) => {
      const { elements } = alternative;
      const isAnchor = (element: RegexElement | undefined, kind: "start" | "end") =>
        element?.type === "Assertion" && element.kind === kind;
      const inner = elements.filter((element, i) =>
        !(i === 0 && isAnchor(element, "start")) &&
        !(i === elements.length - 1 && isAnchor(element, "end"))
      );
      return sequence(
        isAnchor(elements[0], "start") ? EMPTY : ANYTHING,
        oneAfterAnother(inner, (each) => this.#element(each, { atStart: false, atEnd: false })),
        isAnchor(elements.at(-1), "end") ? EMPTY : ANYTHING,
      );
    }));
  }

  #alternatives(alternatives: readonly Alternative[], place: Place): Expression {
    return choice(alternatives.map(({ elements }) => {
      // An anchor stands for nothing, so what is beside it is at the end as well.
      const isAnchor = ({ type }: RegexElement) => type === "Assertion";
      const first = elements.findIndex((element) => !isAnchor(element));
      const last = elements.findLastIndex((element) => !isAnchor(element));
      return oneAfterAnother(elements, (element, i) =>
        this.#element(element, {
          atStart: place.atStart && (first < 0 || i <= first),
          atEnd: place.atEnd && i >= last,
        }));
    }));
  }

  #element(element: RegexElement, place: Place): Expression {
    switch (element.type) {
      case "Character":
        return characters(this.#withCases(this.#one(element)));
      case "CharacterSet":
      case "CharacterClass":
      case "ExpressionCharacterClass":
        return characters(this.#set(element));
      case "Group":
      case "CapturingGroup":
        if (element.modifiers) throw this.#unsupported("modifiers of a group", element);
        return this.#alternatives(element.alternatives, place);
      case "Quantifier":
        return this.#quantifier(element);
      case "Backreference":
        throw this.#unsupported("a backreference", element);
      case "Assertion":
        return this.#assertion(element, place);
    }
  }

  #quantifier(quantifier: Quantifier): Expression {
    const { min, max, element } = quantifier;
    if (min > MAX_REPETITIONS || (max > MAX_REPETITIONS && max !== Infinity)) {
      throw this.#unsupported(`more than ${MAX_REPETITIONS} repetitions`, quantifier);
    }
    return repeat(this.#element(element, { atStart: false, atEnd: false }), min, max);
  }

  #assertion(assertion: Assertion, { atStart, atEnd }: Place): Expression {
    const { kind } = assertion;
    if (kind === "word") throw this.#unsupported("a word boundary", assertion);
    if (kind === "lookahead" || kind === "lookbehind") {
      throw this.#unsupported(`a ${kind}`, assertion);
    }
    if (!(kind === "start" ? atStart : atEnd)) {
      throw this.#unsupported("an anchor that is not at the end of the expression", assertion);
    }
    return EMPTY;
  }

  #set(
    node: CharacterSet | CharacterClass | ExpressionCharacterClass,
  ): CodePoints {
    if (node.type === "CharacterSet") return this.#characterSet(node);
    const texts = textsIn(node);
    if (texts !== undefined) throw this.#unsupported("a class with texts in it", texts);
    if (node.type === "ExpressionCharacterClass" || !node.elements.every(isSimple)) {
      return matchedCharacters(node.raw, this.#regex.flags);
    }
    const parts = node.elements.map((part) => {
      if (part.type === "CharacterSet") return this.#characterSet(part);
      if (part.type === "Character") return this.#one(part);
      return codePoints([[part.min.value, part.max.value]]);
    });
    const set = this.#withCases(union(parts));
    return node.negate ? complement(set) : set;
  }

  #characterSet(node: CharacterSet): CodePoints {
    switch (node.kind) {
      case "any":
        return this.#regex.dotAll ? ALL : complement(LINE_BREAKS);
      case "property":
        if (node.strings) throw this.#unsupported("a property of texts", node);
        return matchedCharacters(node.raw, this.#regex.flags);
      default: {
        const set = { digit: DIGITS, space: SPACES, word: this.#withCases(WORD) }[node.kind];
        return node.negate ? complement(set) : set;
      }
    }
  }

  #one({ value }: Character): CodePoints {
    return codePoints([[value, value]]);
  }

  #withCases(set: CodePoints): CodePoints {
    return this.#ignoreCase ? withOtherCases(set) : set;
  }

  #unsupported(what: string, { raw }: { raw: string }): InvalidArgumentError {
    return new InvalidArgumentError(
      `Cannot generate: ${this.#name} has ${what}, which is not supported: received ${
        quote(raw)
      }. Say the same without it.`,
    );
  }
}

/** As a list, not as arguments: there may be more of them than a function can have. */
function oneAfterAnother(
  elements: readonly RegexElement[],
  convert: (element: RegexElement, index: number) => Expression,
): Expression {
  return { kind: "sequence", parts: elements.map(convert) };
}

/** Whether a part of an expression is at its ends, where anchors may stand. */
interface Place {
  readonly atStart: boolean;
  readonly atEnd: boolean;
}

/** Whether a part of a class is one whose characters are known without asking the engine. */
function isSimple(part: ClassPart): part is Character | CharacterClassRange | CharacterSet {
  return part.type === "Character" || part.type === "CharacterClassRange" ||
    (part.type === "CharacterSet" && part.kind !== "property");
}

/** The part of a class that stands for texts of more or less than one character, which the flag v has. */
function textsIn(part: ClassPart): ClassPart | undefined {
  switch (part.type) {
    case "ClassStringDisjunction":
      return part;
    case "CharacterSet":
      return part.kind === "property" && part.strings ? part : undefined;
    case "CharacterClass":
      return part.elements.map(textsIn).find((texts) => texts !== undefined);
    case "ExpressionCharacterClass":
      return textsIn(part.expression);
    case "ClassIntersection":
    case "ClassSubtraction":
      return textsIn(part.left) ?? textsIn(part.right);
    default:
      return undefined;
  }
}
