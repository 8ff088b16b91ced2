/**
 * A model that can be looked into.
 *
 * @module
 */
import { describe } from "../base/describe.ts";
import type { ForwardOptions, ForwardResult } from "../engine/forward.ts";
import type { Engine } from "../engine/engine.ts";
import { engineOf } from "../engine/engines.ts";
import type { GPT2Config } from "../model/config.ts";
import type { TokenIds } from "../tokenizer/token_ids.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";

/** What the functions of this folder use of a `GPT2`. */
export interface InspectableModel {
  /** The sizes of the model. */
  readonly config: GPT2Config;
  /** Turns text into tokens and back. */
  readonly tokenizer: Tokenizer | undefined;
  /** Logits, activations, and what becomes of them when something is changed. */
  forward(
    tokens: TokenIds | readonly TokenIds[],
    options?: ForwardOptions,
  ): Promise<ForwardResult>;
}

/**
 * What computes for a model, and has its weights.
 *
 * @param action what cannot be done otherwise: `attribute logits`
 * @throws {TypeError} if it is not a `GPT2`
 */
export function engineFor(action: string, model: InspectableModel): Engine {
  const engine = engineOf(model);
  if (engine !== undefined) return engine;
  throw new TypeError(`Cannot ${action}: a GPT2 is needed: received ${describe(model)}.`);
}
