/**
 * What the tokens of a model say. It may have more of them than its tokenizer: nanoGPT rounds GPT-2's vocabulary up to 50,304.
 * The model can read and write the others like any, and they say nothing.
 *
 * @module
 */
import type { Tokenizer } from "./tokenizer.ts";

/** The text of a model's tokens. */
export function textOfTokens(tokenizer: Tokenizer, ids: Iterable<number>): string {
  return tokenizer.decode(knownTokens(tokenizer, ids));
}

/** How many bytes of UTF-8 a model's tokens stand for; NaN without a tokenizer. */
export function numBytesOf(tokenizer: Tokenizer | undefined, ids: Iterable<number>): number {
  if (tokenizer === undefined) return NaN;
  let numBytes = 0;
  for (const id of knownTokens(tokenizer, ids)) numBytes += tokenizer.tokenBytes(id).length;
  return numBytes;
}

function* knownTokens({ vocabSize }: Tokenizer, ids: Iterable<number>): Generator<number, void> {
  for (const id of ids) if (id < vocabSize) yield id;
}
