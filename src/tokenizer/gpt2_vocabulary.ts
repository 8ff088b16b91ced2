/**
 * GPT-2's own vocabulary: 50,000 merges, from which all else follows.
 *
 * @module
 */

import { bytesInOrder, toPrintable } from "./byte_alphabet.ts";
import { END_OF_TEXT, type TokenizerOptions } from "./vocabulary.ts";

/**
 * Loads the vocabulary.
 *
 * `gpt2_merges.json` has the merges, the first learned first: the ids of left and right, as little-endian 16-bit numbers
 * in base64. The bytes have ids 0 to 255 (in GPT-2's order), merge `i` makes token `256 + i`, and `<|endoftext|>` is
 * last. Made by `scripts/make_gpt2_tokenizer.ts`.
 *
 * It is a module and no file to be fetched, so that Deno keeps it with the rest of the program: it needs no permission,
 * and no network the second time. It is loaded only now, since models bring tokenizers of their own.
 */
export async function loadGpt2Vocabulary(): Promise<TokenizerOptions> {
  const { default: base64 } = await import("./gpt2_merges.json", { with: { type: "json" } });
  // Everything that Deno runs on is little-endian.
  const merges = new Uint16Array(Uint8Array.fromBase64(base64).buffer);
  const tokens = bytesInOrder.map((byte) => toPrintable([byte]));
  for (let i = 0; i < merges.length; i += 2) tokens.push(tokens[merges[i]] + tokens[merges[i + 1]]);
  tokens.push(END_OF_TEXT);
  return { tokens, merges };
}
