/**
 * Where tokens stand in their text.
 *
 * @module
 */
import { type ReadableToken, readableToken } from "../tokenizer/readable_token.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";

/** What a token says, and where. The numbers are NaN without a tokenizer, which alone knows them. */
export interface TextPlace extends Omit<ReadableToken, "id"> {
  /** Where it begins in the text, as JavaScript counts: in UTF-16 units. Of a token within a character, where that begins. */
  readonly offset: number;
  /** Where it begins in the text as UTF-8, in bytes. */
  readonly byteOffset: number;
  /** How many bytes it stands for. */
  readonly numBytes: number;
}

/** The places of tokens that follow one another. Without a tokenizer nobody knows them. */
export function textPlaces(
  tokenizer: Tokenizer | undefined,
  ids: readonly number[],
): TextPlace[] {
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
    const bytes = tokenizer.tokenBytes(id);
    const offset = bytes.length > 0 && isContinuation(bytes[0]) ? before : before + units;
    for (const byte of bytes) {
      if (isContinuation(byte)) continue;
      before += units;
      // Characters of four bytes are pairs of surrogates.
      units = byte >= 0xf0 ? 2 : 1;
    }
    const { id: _, ...shown } = readableToken({ tokenizer }, id);
    const place = { ...shown, offset, byteOffset, numBytes: bytes.length };
    byteOffset += bytes.length;
    return place;
  });
}

function isContinuation(byte: number): boolean {
  return (byte & 0xc0) === 0x80;
}
