/**
 * What drafting needs to know of a text.
 *
 * @module
 */
import type { Rehearsal } from "./rehearsal.ts";

/** A text for which tokens are drafted. */
export interface DraftedText {
  /** Prompt and new tokens. */
  readonly tokens: readonly number[];
  /** Whether the last token has been written. */
  readonly isFinished: boolean;
  /** How many drafted tokens can be of use. */
  readonly mostDrafted: number;
  /**
   * Has tokens read that probably come next.
   *
   * @param drafted at most `mostDrafted`
   * @param logits (1 + drafted, vocab), where the logits go that this needs
   */
  draft(drafted: readonly number[], logits: Float32Array<ArrayBuffer>): void;
  /** Goes on as this text will, and leaves it as it is. There is one rehearsal at a time. */
  rehearse(): Rehearsal;
}
