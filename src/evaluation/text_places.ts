/**
 * Where tokens stand in their text.
 *
 * @module
 */
import { type ReadableToken, readableToken } from "../tokenizer/readable_token.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";

const SPACE = 0x20;

/** What a token says, and where. The numbers are NaN without a tokenizer, which alone knows them. */
export interface TextPlace extends Omit<ReadableToken, "id"> {
  /** Where it begins in the text, as JavaScript counts: in UTF-16 units. Of a token within a character, where that begins. */
  readonly offset: number;
  /** Where it begins in the text as UTF-8, in bytes. */
  readonly byteOffset: number;
  /** How many bytes it stands for. */
  readonly numBytes: number;
}

/**
 * The places of tokens that follow one another. Without a tokenizer nobody knows them.
 *
 * @param text what was made tokens, if it was a text: a tokenizer may have put spaces into it, which are in no place of it and
 * are left out of the tokens
 */
export function textPlaces(
  tokenizer: Tokenizer | undefined,
  ids: readonly number[],
  text?: string,
): TextPlace[] {
  const written = tokenizer?.addPrefixSpace && text !== undefined
    ? new TextEncoder().encode(text)
    : undefined;
  let byteOffset = 0;
  /** UTF-16 units before the character that the last byte belongs to, and of this character. */
  let before = 0;
  let units = 0;
  return ids.map((id) => {
    if (tokenizer === undefined) {
      return { text: "", offset: NaN, byteOffset: NaN, numBytes: NaN };
    }
    if (id >= tokenizer.vocabSize) {
      return { text: "", offset: before + units, byteOffset, numBytes: 0 };
    }
    const all = tokenizer.tokenBytes(id);
    const isAdded = written !== undefined && all[0] === SPACE && written[byteOffset] !== SPACE;
    const bytes = isAdded ? all.subarray(1) : all;
    const offset = bytes.length > 0 && isContinuation(bytes[0]) ? before : before + units;
    for (const byte of bytes) {
      if (isContinuation(byte)) continue;
      before += units;
      // Characters of four bytes are pairs of surrogates.
      units = byte >= 0xf0 ? 2 : 1;
    }
    const { text, hex } = readableToken({ tokenizer }, id);
    const place = {
      text: isAdded ? text.slice(1) : text,
      ...hex !== undefined && { hex: isAdded ? hex.slice(2) : hex },
      offset,
      byteOffset,
      numBytes: bytes.length,
    };
    byteOffset += bytes.length;
    return place;
  });
}

function isContinuation(byte: number): boolean {
  return (byte & 0xc0) === 0x80;
}
