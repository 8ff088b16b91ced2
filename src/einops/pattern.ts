/**
 * Reads the notation of einops: Alex Rogozhnikov, "Einops: Clear and Reliable Tensor Manipulations with Einstein-like
 * Notation", ICLR 2022.
 *
 * ```text
 * pattern = side { "," side } "->" side
 * side    = { name | number | "..." | "(" { name | number | "..." } ")" }
 * ```
 *
 * A side names the axes of one tensor, outermost first. `(heads head_dim)` is one axis that is composed of two; `1` and
 * `()` are axes of size 1; `...` stands for any number of axes. A name is what einops takes for one: an identifier of
 * Python, of letters and digits of any script, that neither begins nor ends with an underscore. Only spaces separate.
 *
 * The notation of `einsum()` differs: it has names only, no numbers and no axes of size 1; a name may be there twice,
 * which means the diagonal, and may be `_`.
 *
 * @module
 */

/** Stands for any number of axes that have no name. */
export const ELLIPSIS = "...";

/** The elementary axes that one axis is composed of, outermost first. None at all: an axis of size 1. */
export type AxisGroup = readonly string[];

/** The axes of one tensor as the pattern writes them; a bare {@linkcode ELLIPSIS} is not yet known to be how many. */
export type Side = readonly (AxisGroup | typeof ELLIPSIS)[];

/** A pattern that has been read. */
export interface Pattern {
  /** The tensors on the left of the arrow. */
  readonly inputs: readonly Side[];
  /** The tensor on the right of the arrow. */
  readonly output: Side;
  /** The sizes of the axes written as numbers, under the names they have in the sides. */
  readonly numbers: ReadonlyMap<string, number>;
}

/**
 * Reads a pattern.
 *
 * @param caller the function whose argument the pattern is, for messages
 * @throws {SyntaxError} pointing at the character where the text stops being a pattern
 */
export function parsePattern(caller: string, text: string): Pattern {
  return new Parser(caller, text).pattern();
}

/** How a message calls an elementary axis: numbers and ellipsis axes carry a suffix that makes their name unique. */
export function axisLabel(name: string): string {
  return name.replace(/@.*$/, "");
}

/** Of what was scanned, a name, a number or an ellipsis: it is no parenthesis, comma or arrow, nor the end. */
const WORD = /^[^(),-]/;

/** A program's patterns are in ASCII, and those for all scripts take a millisecond to compile. */
const ASCII = /^[\0-\x7f]*$/;

const ASCII_NAME = /^[A-Za-z](?:\w*[A-Za-z\d])?$/;
const NAME = /^(?!_)\p{XID_Start}\p{XID_Continue}*(?<!_)$/u;

const NO_AXIS = "an axis is a name, without an underscore at its ends, or a positive integer";
const NO_UNIT_AXES = "einsum() has no axes of size 1: give it a name, or use rearrange() first";
const NO_NUMBERS = "an axis of einsum() is a name";

interface Token {
  readonly text: string;
  readonly position: number;
}

class Parser {
  readonly #caller: string;
  readonly #isEinsum: boolean;
  readonly #text: string;
  readonly #tokens: Token[];
  readonly #numbers = new Map<string, number>();
  #next = 0;
  #sideHasEllipsis = false;

  constructor(caller: string, text: string) {
    this.#caller = caller;
    this.#isEinsum = caller === "einsum";
    this.#text = text;
    this.#tokens = this.#scan();
  }

  pattern(): Pattern {
    const inputs = [this.#side()];
    while (this.#accept(",")) inputs.push(this.#side());
    const arrow = this.#take();
    if (arrow.text !== "->") {
      const instead = arrow.text === "" ? "" : ` instead of "${arrow.text}"`;
      throw this.#error(`"->" expected${instead}`, arrow.position);
    }
    const output = this.#side();
    const rest = this.#take();
    if (rest.text !== "") throw this.#error(`unexpected "${rest.text}"`, rest.position);
    return { inputs, output, numbers: this.#numbers };
  }

  #side(): Side {
    const side: (AxisGroup | typeof ELLIPSIS)[] = [];
    this.#sideHasEllipsis = false;
    for (;;) {
      const { text } = this.#peek();
      if (WORD.test(text)) {
        const axes = this.#axis(this.#isEinsum);
        side.push(axes[0] === ELLIPSIS ? ELLIPSIS : axes);
      } else if (text === "(") {
        side.push(this.#composite());
      } else {
        return side;
      }
    }
  }

  #composite(): AxisGroup {
    const open = this.#take();
    const group: string[] = [];
    while (WORD.test(this.#peek().text)) group.push(...this.#axis());
    const { text, position } = this.#peek();
    if (text === "(") throw this.#error('"(" inside "("', position);
    if (!this.#accept(")")) throw this.#error('"(" is never closed', open.position);
    if (group.length === 0 && this.#isEinsum) throw this.#error(NO_UNIT_AXES, open.position);
    return group;
  }

  /** One name, one ellipsis, or no axis at all for `1`, unless `isNamed`. */
  #axis(isNamed = false): AxisGroup {
    const { text, position } = this.#take();
    if (text === ELLIPSIS) {
      if (this.#sideHasEllipsis) throw this.#error('second "..." for one tensor', position);
      this.#sideHasEllipsis = true;
      return [text];
    }
    const isName = (ASCII.test(text) ? ASCII_NAME : NAME).test(text);
    if (isName || (text === "_" && this.#isEinsum)) return [text];
    const size = /^\d+$/.test(text) ? Number(text) : NaN;
    if (!Number.isSafeInteger(size) || size < 1) throw this.#error(NO_AXIS, position);
    if (size === 1 && !isNamed) return [];
    if (this.#isEinsum) throw this.#error(size === 1 ? NO_UNIT_AXES : NO_NUMBERS, position);
    const name = `${text}@${position}`; // each number is an axis of its own
    this.#numbers.set(name, size);
    return [name];
  }

  #peek(): Token {
    return this.#tokens[this.#next];
  }

  #take(): Token {
    const token = this.#peek();
    if (token.text !== "") this.#next++;
    return token;
  }

  #accept(text: string): boolean {
    const found = this.#peek().text === text;
    if (found) this.#next++;
    return found;
  }

  #scan(): Token[] {
    const tokens: Token[] = [];
    const anyToken = ASCII.test(this.#text)
      ? / *(->|(?:\.\.\.|\w)+|[(),])/y
      : / *(->|(?:\.\.\.|[\p{L}\p{N}_])+|[(),])/uy;
    const end = this.#text.replace(/ +$/, "").length;
    while (anyToken.lastIndex < end) {
      const from = anyToken.lastIndex;
      const match = anyToken.exec(this.#text);
      if (match === null) {
        const position = from + this.#text.slice(from).search(/[^ ]/);
        throw this.#error("not an axis, a parenthesis, a comma or an arrow", position);
      }
      tokens.push({ text: match[1], position: anyToken.lastIndex - match[1].length });
    }
    tokens.push({ text: "", position: end });
    return tokens;
  }

  #error(problem: string, position: number): SyntaxError {
    return new SyntaxError(
      `Cannot ${this.#caller}: ${problem} at position ${position}: received\n` +
        `  ${this.#text.replace(/\s/g, " ")}\n  ${" ".repeat(position)}^\n` +
        'Write the axes of the tensor, outermost first, "->", and the axes of the result: ' +
        '"batch seq (heads head_dim) -> batch heads seq head_dim".',
    );
  }
}
