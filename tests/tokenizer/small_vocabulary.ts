/**
 * A vocabulary that a reader can follow: the 256 bytes, three merges and a special token.
 *
 * @module
 */

import { bytesInOrder, toPrintable } from "../../src/tokenizer/byte_alphabet.ts";

/** The tokens of single bytes, which every vocabulary has. */
export const byteTokens: readonly string[] = bytesInOrder.map((byte) => toPrintable([byte]));

/** Merges, as lines. */
export const smallMerges: readonly string[] = ["h e", "l l", "Ġ he"];

/** The tokens by id: 256 `he`, 257 `ll`, 258 `Ġhe`, 259 `<|endoftext|>`. */
export const smallTokens: readonly string[] = [...byteTokens, "he", "ll", "Ġhe", "<|endoftext|>"];
