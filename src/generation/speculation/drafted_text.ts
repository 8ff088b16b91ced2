/**
 * What drafting needs to know of a text.
 *
 * @module
 */
import type { StepRequest } from "../../engine/reading.ts";
import type { Sequence } from "../../engine/sequence.ts";
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

/** A draft that is read along with a text. */
export interface TakenDraft {
  readonly drafted: readonly number[];
  /** (1 + drafted, vocab) */
  readonly logits: Float32Array<ArrayBuffer>;
}

/** Such a text, and what reads it. */
export interface ReadText extends DraftedText {
  /** What the model has read of it. */
  readonly sequence: Sequence;
  /** What has to be read before the next token can be chosen. */
  readonly reading: StepRequest;
  /** The draft that is read along, if there is one, for who chooses the tokens behind it. There is none after that. */
  takeDraft(): TakenDraft | undefined;
}
