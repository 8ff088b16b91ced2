/**
 * Token ids as callers give them.
 *
 * @module
 */
import { InvalidArgumentError } from "../base/errors.ts";
import { describe } from "../base/describe.ts";

/** The tokens of a text: numbers in an array, or in a typed array of integers. */
export type TokenIds =
  | readonly number[]
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array;

/** Whether a value is the tokens of one text; of an array, the first element tells. */
export function isTokenIds(value: unknown): value is TokenIds {
  if (Array.isArray(value)) return value.length === 0 || typeof value[0] === "number";
  return ArrayBuffer.isView(value) && !(value instanceof DataView) &&
    !(value instanceof BigInt64Array) && !(value instanceof BigUint64Array);
}

/**
 * The tokens of one text or of several, as rows.
 *
 * @param action what cannot be done otherwise, for messages
 * @param name what they are called: `tokens`
 * @throws {TypeError} if they are something else
 */
export function toRows(
  action: string,
  name: string,
  value: TokenIds | readonly TokenIds[],
): readonly TokenIds[] {
  if (isTokenIds(value)) return [value];
  // A list with gaps is none.
  if (Array.isArray(value) && Array.from(value).every(isTokenIds)) return value;
  const isText = [value].flat().some((each) => typeof each === "string");
  throw new TypeError(
    `Cannot ${action}: ${name} must be an array of token ids (numbers), or an array of such arrays: ` +
      `received ${describe(value)}.` +
      (isText ? " model.tokenizer.encode(text) gives the ids." : ""),
  );
}

/**
 * Throws unless each token is an integer from 0 to `vocabSize - 1`.
 *
 * @throws {RangeError}
 */
export function checkTokens(tokens: ArrayLike<number>, vocabSize: number): void {
  for (let i = 0; i < tokens.length; i++) {
    const token = tokens[i];
    if (!Number.isInteger(token) || token < 0 || token >= vocabSize) {
      throw new InvalidArgumentError(
        `Cannot read token ${i}: it must be an integer from 0 to ${vocabSize - 1}: ` +
          `received ${describe(token)}. Take the tokens of this model's own tokenizer.`,
      );
    }
  }
}
