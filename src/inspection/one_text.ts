/**
 * The text that is looked into, as callers give it.
 *
 * @module
 */
import { describe } from "../base/describe.ts";
import { InvalidArgumentError } from "../base/errors.ts";
import { checkTokens, isTokenIds, type TokenIds } from "../tokenizer/token_ids.ts";
import type { InspectableModel } from "./inspectable_model.ts";

/**
 * A copy of the tokens of one text.
 *
 * @param action what cannot be done otherwise: `attribute logits`
 * @throws {TypeError} if they are something else
 * @throws {RangeError} if there are none, or more than the context length, or one is not in the vocabulary
 */
export function oneText(action: string, tokens: TokenIds, model: InspectableModel): number[] {
  const { contextLength, vocabSize } = model.config;
  if (!isTokenIds(tokens)) {
    throw new TypeError(
      `Cannot ${action}: the tokens of one text are needed: received ${describe(tokens)}. ` +
        "model.tokenizer.encode(text) gives them.",
    );
  }
  if (tokens.length < 1 || tokens.length > contextLength) {
    throw new InvalidArgumentError(
      `Cannot ${action}: a text has from 1 to ${contextLength} tokens: received ${tokens.length}. ` +
        "Leave some out, or give at least one.",
    );
  }
  checkTokens(tokens, vocabSize);
  return Array.from(tokens);
}

/**
 * A position in a text.
 *
 * @param position counted from the end if it is negative. Default: the last one
 * @throws {TypeError} if it is not a number
 * @throws {RangeError} if there is none
 */
export function positionIn(action: string, position: number = -1, length: number): number {
  const found = position < 0 ? length + position : position;
  if (Number.isInteger(found) && found >= 0 && found < length) return found;
  const ErrorClass = typeof position === "number" ? InvalidArgumentError : TypeError;
  throw new ErrorClass(
    `Cannot ${action}: the position must be an integer from 0 to ${
      length - 1
    }, or from -${length} to -1, ` +
      `counted from the end: received ${describe(position)}.`,
  );
}

/**
 * A token of the vocabulary.
 *
 * @param name what it is called: `answer`
 * @throws {TypeError} if it is not a number
 * @throws {RangeError} if there is none
 */
export function checkTokenOption(
  action: string,
  name: string,
  token: number,
  { config: { vocabSize } }: InspectableModel,
): void {
  if (Number.isInteger(token) && token >= 0 && token < vocabSize) return;
  const ErrorClass = typeof token === "number" ? InvalidArgumentError : TypeError;
  throw new ErrorClass(
    `Cannot ${action}: ${name} must be a token, an integer from 0 to ${vocabSize - 1}: ` +
      `received ${describe(token)}.`,
  );
}
