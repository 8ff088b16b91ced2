/**
 * What a text may be scored after that nothing precedes.
 *
 * @module
 */
import { InvalidArgumentError } from "../base/errors.ts";

/**
 * The token that ends texts: GPT-2 was trained to begin others after it.
 *
 * @param action what cannot be done otherwise
 * @param endOfTextIds the model's
 * @throws {RangeError} if the model has none
 */
export function endOfTextBefore(action: string, endOfTextIds: readonly number[]): number {
  if (endOfTextIds.length > 0) return endOfTextIds[0];
  throw new InvalidArgumentError(
    `Cannot ${action} the first token: the model has no token that ends a text. Leave out afterEndOfText.`,
  );
}
