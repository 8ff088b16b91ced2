/**
 * Whether models speak of the same tokens.
 *
 * @module
 */
import { quote } from "../base/describe.ts";
import { InvalidArgumentError } from "../base/errors.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import type { EvaluatedModel } from "./evaluated_model.ts";

/**
 * Requires that models have the same vocabulary. One without a tokenizer is taken at its word.
 *
 * @param action what cannot be done otherwise
 * @throws {RangeError} if one has another than the first
 */
export function requireSameVocabulary(action: string, models: readonly EvaluatedModel[]): void {
  const [first] = models;
  for (const [i, model] of models.entries()) {
    const difference = differenceOf(first, model);
    if (difference === undefined) continue;
    throw new InvalidArgumentError(
      `Cannot ${action}: all models must have the vocabulary of the first: received one, number ${
        i + 1
      }, ` +
        `whose ${difference}.`,
    );
  }
}

function differenceOf(first: EvaluatedModel, other: EvaluatedModel): string | undefined {
  const { vocabSize } = other.config;
  if (vocabSize !== first.config.vocabSize) {
    return `vocabulary has ${vocabSize} tokens, and not ${first.config.vocabSize}`;
  }
  const [a, b] = [first.tokenizer, other.tokenizer];
  if (a === undefined || b === undefined || a === b) return undefined;
  if (a.vocabSize !== b.vocabSize) {
    return `tokenizer has ${b.vocabSize} tokens, and not ${a.vocabSize}`;
  }
  const id = firstDifferentId(a, b);
  if (id === undefined) return undefined;
  return `token ${id} is ${quote(b.decode([id]))}, and not ${quote(a.decode([id]))}`;
}

function firstDifferentId(a: Tokenizer, b: Tokenizer): number | undefined {
  for (let id = 0; id < a.vocabSize; id++) {
    const [own, others] = [a.tokenBytes(id), b.tokenBytes(id)];
    if (own.length !== others.length || own.some((byte, i) => byte !== others[i])) return id;
  }
}
