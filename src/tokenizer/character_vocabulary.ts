/**
 * A vocabulary of characters, as nanoGPT's character-level Shakespeare has it: one token for each character of a text.
 *
 * It is byte-level BPE nevertheless, so that whatever reads that can read it. A character that is one byte, as all of ASCII
 * are, is the token of this byte. One of several bytes is what merges make of them: from its first two bytes on they
 * join one more each. Nothing else merges, so that the tokens of a text are its characters.
 *
 * @module
 */
import { toPrintable } from "./byte_alphabet.ts";
import type { LearnedVocabulary } from "./train_byte_pairs.ts";

const REPLACEMENT = 0xfffd;
const utf8Encoder = new TextEncoder();

/** The characters of texts, which may come in parts. */
export class CharacterSet {
  readonly #isThere = new Uint8Array(0x110000);
  /** The first half of a character whose other half comes with the next part. */
  #rest = "";

  /** The code points, in ascending order. */
  get codePoints(): number[] {
    const list: number[] = [];
    this.#isThere.forEach((isThere, codePoint) => isThere && list.push(codePoint));
    return list;
  }

  /** Adds the characters of the next part of a text. */
  add(part: string): void {
    const text = this.#rest + part;
    const isCut = /[\ud800-\udbff]$/.test(text);
    this.#rest = isCut ? text.slice(-1) : "";
    this.#addAll(isCut ? text.slice(0, -1) : text);
  }

  /** Ends a text: what is half a character now stays that, which UTF-8 cannot express. */
  endText(): void {
    this.#addAll(this.#rest);
    this.#rest = "";
  }

  #addAll(text: string): void {
    for (let at = 0; at < text.length; at++) {
      const codePoint = text.codePointAt(at)!;
      if (codePoint > 0xffff) at++;
      this.#isThere[isHalf(codePoint) ? REPLACEMENT : codePoint] = 1;
    }
  }
}

function isHalf(codePoint: number): boolean {
  return codePoint >= 0xd800 && codePoint <= 0xdfff;
}

/**
 * The vocabulary of these characters, with ids in the order of `codePoints`: of sorted ones they are nanoGPT's. Behind
 * them are the tokens that no text consists of, with which characters of several bytes are put together.
 */
export function characterVocabulary(codePoints: readonly number[]): LearnedVocabulary {
  const characters = codePoints.map((codePoint) =>
    utf8Encoder.encode(String.fromCodePoint(codePoint))
  );
  const tokens = new Set(characters.map(toPrintable));
  const merges = new Set<string>();
  for (const bytes of characters.filter(({ length }) => length > 1)) {
    for (const byte of bytes) tokens.add(toPrintable([byte]));
    for (let at = 1; at < bytes.length; at++) {
      merges.add(`${toPrintable(bytes.subarray(0, at))} ${toPrintable([bytes[at]])}`);
      tokens.add(toPrintable(bytes.subarray(0, at + 1)));
    }
  }
  return { tokens: [...tokens], merges: [...merges] };
}
