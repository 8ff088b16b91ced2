/**
 * A model that is measured.
 *
 * @module
 */
import { describe } from "../base/describe.ts";
import type { Engine } from "../engine/engine.ts";
import { engineOf } from "../engine/engines.ts";
import type { GPT2Config } from "../model/config.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";

/** What the functions of this folder use of a `GPT2`. */
export interface EvaluatedModel {
  /** The sizes of the model. */
  readonly config: GPT2Config;
  /** Turns text into tokens and back. */
  readonly tokenizer: Tokenizer | undefined;
  /** The tokens that end a text. */
  readonly endOfTextIds: readonly number[];
}

/**
 * What computes for a model.
 *
 * @param action what cannot be done otherwise: `measure perplexity`
 * @throws {TypeError} if it is not a `GPT2`
 */
export function engineFor(action: string, model: EvaluatedModel): Engine {
  const engine = engineOf(model);
  if (engine !== undefined) return engine;
  throw new TypeError(`Cannot ${action}: a GPT2 is needed: received ${describe(model)}.`);
}
