/**
 * How often each piece of a text is there: all that byte pair encoding learns from.
 *
 * @module
 */
import { pieceEnd } from "./pre_tokenizer.ts";

/** How far the end of a piece can depend on what follows its beginning, where that is an apostrophe: `'re`. */
const CONTRACTION_LENGTH = 3;

const utf8Encoder = new TextEncoder();
const utf8Decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Counts the pieces into which texts are cut. A text may come in parts, which need not end where a piece does. */
export class PieceCounter {
  readonly #indexOf = new Map<string, number>();
  readonly #counts: number[] = [];
  /** The end of what has come of a text, which what comes next may change. */
  #rest = "";

  /** How often each piece was there, in the order in which they first were. */
  get counts(): readonly number[] {
    return this.#counts;
  }

  /** The UTF-8 bytes of each piece, in the same order. */
  *pieces(): Generator<Uint8Array> {
    for (const piece of this.#indexOf.keys()) yield utf8Encoder.encode(piece);
  }

  /** Counts the pieces of the next part of a text. */
  add(part: string): void {
    const text = this.#rest + part;
    // Half a character may be of any class.
    const isCut = text.length > 0 && isHighSurrogate(text.charCodeAt(text.length - 1));
    const limit = text.length - Number(isCut);
    let start = 0;
    while (start + CONTRACTION_LENGTH <= limit) {
      const end = pieceEnd(text, start, limit);
      if (end === limit) break;
      this.#count(text.slice(start, end));
      start = end;
    }
    this.#rest = text.slice(start);
  }

  /** Counts the last pieces of a text. What is added from now on is another one. */
  endText(): void {
    const text = this.#rest;
    this.#rest = "";
    for (let start = 0; start < text.length;) {
      const end = pieceEnd(text, start, text.length);
      this.#count(text.slice(start, end));
      start = end;
    }
  }

  #count(piece: string): void {
    const index = this.#indexOf.get(piece);
    if (index !== undefined) {
      this.#counts[index]++;
      return;
    }
    // A fresh string: V8 keeps a whole text in memory for the sake of a slice of it.
    const fresh = utf8Decoder.decode(utf8Encoder.encode(piece));
    if (fresh !== piece) return this.#count(fresh); // Half a character, which is U+FFFD from here on.
    this.#indexOf.set(fresh, this.#counts.length);
    this.#counts.push(1);
  }
}

function isHighSurrogate(charCode: number): boolean {
  return charCode >= 0xd800 && charCode <= 0xdbff;
}
