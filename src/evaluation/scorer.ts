/**
 * A model that scores texts.
 *
 * @module
 */
import type { Engine } from "../engine/engine.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";

/** What scores, and what it knows of texts. */
export interface Scorer {
  readonly engine: Engine;
  readonly tokenizer: Tokenizer | undefined;
  /** The tokens that end a text. */
  readonly endOfTextIds: readonly number[];
}
