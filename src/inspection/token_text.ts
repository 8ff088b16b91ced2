/**
 * Tokens as a reader wants to see them.
 *
 * @module
 */
import type { InspectableModel } from "./inspectable_model.ts";

/** A token, and what it says. */
export interface ReadableToken {
  /** The token. */
  readonly id: number;
  /** Its text; U+FFFD stands for half a character. Empty without a tokenizer. */
  readonly text: string;
}

/** A token with its text. */
export function readableToken({ tokenizer }: InspectableModel, id: number): ReadableToken {
  const isKnown = tokenizer !== undefined && id < tokenizer.vocabSize;
  return { id, text: isKnown ? tokenizer.decode([id]) : "" };
}
