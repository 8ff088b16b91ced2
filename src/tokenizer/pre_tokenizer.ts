/**
 * Pre-tokenization: the cut of a text into words, numbers, punctuation and white space, across
 * which no merge reaches. It is GPT-2's pattern
 *
 * ```text
 * 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
 * ```
 *
 * read from left to right, written out by hand: a regular expression engine gives up ("maximum call
 * stack size exceeded") on a run of a few million characters, and is slower. The classes of the
 * characters still come from JavaScript's own `\p{L}`, `\p{N}` and `\s`.
 *
 * Two characters are classed as Python and Rust class them, and so Hugging Face's tokenizers and OpenAI's tiktoken: U+0085
 * (next line) is white space, U+FEFF (byte order mark) is none. JavaScript has it the other way round.
 *
 * Source: `Encoder.pat` in OpenAI's GPT-2 code release (Radford et al. 2019).
 *
 * @module
 */

const LETTER = 1;
const NUMBER = 2;
const SPACE = 3;
const OTHER = 4;

const isLetter = /\p{L}/u;
const isNumber = /\p{N}/u;
/** What `\s` is in Python and Rust. */
const isSpace = /\p{White_Space}/u;

/** The class of each code point met so far; 0 where it has not been asked for. */
const knownClasses = new Uint8Array(0x110000);

function classify(codePoint: number): number {
  const char = String.fromCodePoint(codePoint);
  return knownClasses[codePoint] = isLetter.test(char)
    ? LETTER
    : isNumber.test(char)
    ? NUMBER
    : isSpace.test(char)
    ? SPACE
    : OTHER;
}

function classOf(codePoint: number): number {
  return knownClasses[codePoint] || classify(codePoint);
}

/** The length of `'s`, `'t`, `'re`, `'ve`, `'m`, `'ll` or `'d` at an apostrophe, or 0 for none. */
function contractionLength(text: string, apostrophe: number, end: number): number {
  if (apostrophe + 1 >= end) return 0;
  const first = text[apostrophe + 1];
  if (first === "s" || first === "t" || first === "m" || first === "d") return 2;
  if (apostrophe + 2 >= end) return 0;
  const second = text[apostrophe + 2];
  if ((first === "r" || first === "v") && second === "e") return 3;
  return first === "l" && second === "l" ? 3 : 0;
}

/**
 * Where the piece that begins at `start` ends. Both are in UTF-16 code units, and `end` bounds the
 * text to look at: what follows it has no say, as if the text were cut there.
 */
export function pieceEnd(text: string, start: number, end: number): number {
  const first = text.charCodeAt(start);
  if (first === 0x27) {
    const length = contractionLength(text, start, end);
    if (length > 0) return start + length;
  }

  // One plain space belongs to the run after it, unless that is white space too.
  let at = start;
  if (first === 0x20 && start + 1 < end && classOf(text.codePointAt(start + 1)!) !== SPACE) at++;

  const runClass = classOf(text.codePointAt(at)!);
  while (at < end) {
    const codePoint = text.codePointAt(at)!;
    if (classOf(codePoint) !== runClass) break;
    at += codePoint > 0xffff ? 2 : 1;
  }

  // White space before a word leaves its last character to the next piece: `\s+(?!\S)`. All white
  // space is one code unit long.
  if (runClass === SPACE && at < end && at - start > 1) return at - 1;
  return at;
}
