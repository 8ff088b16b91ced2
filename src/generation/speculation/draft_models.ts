/**
 * Models that draft for others.
 *
 * @module
 */
import { describe } from "../../base/describe.ts";
import { InvalidArgumentError } from "../../base/errors.ts";
import type { Engine } from "../../engine/engine.ts";
import { engineOf } from "../../engine/engines.ts";
import type { GPT2Config } from "../../model/config.ts";
import type { Tokenizer } from "../../tokenizer/tokenizer.ts";

/** A model that drafts: a `GPT2`. */
export interface DraftModel {
  /** The sizes of the model. */
  readonly config: GPT2Config;
  /** What its tokens mean. */
  readonly tokenizer: Tokenizer | undefined;
}

/** Whether something is a model that can draft. */
export function isDraftModel(value: unknown): boolean {
  return engineOf(value) !== undefined;
}

/**
 * What computes for a model that is to draft.
 *
 * @param target the model that it is to draft for
 * @throws {RangeError} if the two do not have the same tokens
 * @throws {TypeError} if it is not a model
 */
export function draftEngineFor(target: DraftModel, draft: DraftModel): Engine {
  const engine = engineOf(draft);
  if (engine === undefined) {
    throw new TypeError(`Cannot draft: it is not a GPT2: received ${describe(draft)}.`);
  }
  const expected = target.config.vocabSize;
  const given = draft.config.vocabSize;
  if (expected !== given) throw otherTokens(`it has ${expected} tokens: received ${given}`);
  const difference = firstDifference(target.tokenizer, draft.tokenizer);
  if (difference !== undefined) {
    throw otherTokens(`token ${difference} does not mean the same to both`);
  }
  return engine;
}

function otherTokens(problem: string): InvalidArgumentError {
  return new InvalidArgumentError(
    `Cannot draft for the model: ${problem}. Choose a draft model with the same tokenizer.`,
  );
}

/** The first token that two tokenizers decode differently. What merges make of a text does not matter here. */
function firstDifference(a: Tokenizer | undefined, b: Tokenizer | undefined): number | undefined {
  if (a === undefined || b === undefined || a === b) return undefined;
  const size = Math.max(a.vocabSize, b.vocabSize);
  for (let id = 0; id < size; id++) {
    if (id >= a.vocabSize || id >= b.vocabSize || a.piece(id) !== b.piece(id)) return id;
  }
  return undefined;
}
