/**
 * The tokens of a text that may be very long.
 *
 * @module
 */
import { describe } from "../base/describe.ts";
import type { Prompt } from "../tokenizer/prompts.ts";
import { checkTokens, isTokenIds } from "../tokenizer/token_ids.ts";
import type { EncodeOptions, Tokenizer } from "../tokenizer/tokenizer.ts";

/**
 * All tokens of a text, behind those that are put before it. They take 4 bytes each.
 *
 * @param action what cannot be done otherwise
 * @param options `before`: what precedes the text. Default: nothing
 * @throws {TypeError} if it is neither a text nor tokens, or a text is given without a tokenizer
 * @throws {RangeError} if a token is not in the vocabulary
 */
export function encodeLongText(
  action: string,
  text: Prompt,
  tokenizer: Tokenizer | undefined,
  vocabSize: number,
  { before = [], allowSpecial }: EncodeOptions & { before?: readonly number[] } = {},
): Int32Array<ArrayBuffer> {
  if (isTokenIds(text)) {
    checkTokens(text, vocabSize);
    const tokens = new Int32Array(before.length + text.length);
    tokens.set(before);
    tokens.set(text, before.length);
    return tokens;
  }
  if (typeof text !== "string") {
    throw new TypeError(
      `Cannot ${action}: a text or its tokens are needed: received ${describe(text)}.`,
    );
  }
  if (tokenizer === undefined) {
    throw new TypeError(`Cannot ${action} of a text: the model has no tokenizer. Pass its tokens.`);
  }
  const parts = [Int32Array.from(before)];
  for (const ids of tokenizer.encodeInParts(text, { allowSpecial })) {
    parts.push(Int32Array.from(ids));
  }
  const tokens = new Int32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let end = 0;
  for (const part of parts) {
    tokens.set(part, end);
    end += part.length;
  }
  return tokens;
}
