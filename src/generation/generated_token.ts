/**
 * What generating gives.
 *
 * @module
 */

import type { CapturedActivations } from "../engine/activation_record.ts";
import type { LikelyToken } from "../tokenizer/likely_token.ts";

/**
 * Why a text ended: `endOfText` by a token that ends texts, or because a constraint lets nothing follow; `stop` before a
 * stop text; `maxNewTokens` and `contextLength` because there was no more room.
 */
export type FinishReason = "endOfText" | "stop" | "maxNewTokens" | "contextLength";

/** One new token, and the text it added. */
export interface GeneratedToken {
  /** Which prompt it continues, from 0. */
  readonly prompt: number;
  /** Which continuation of that prompt it belongs to, from 0. */
  readonly sequence: number;
  /** The token. */
  readonly id: number;
  /**
   * The text that became certain with this token. Empty while a character or a possible stop text is incomplete, and for
   * the token that ends the text.
   */
  readonly text: string;
  /**
   * The natural logarithm of the probability that the model itself, without sampling options, gave this token;
   * NaN if `logProbabilities` is false.
   */
  readonly logProbability: number;
  /** The likeliest tokens at this place, the likeliest first, if `topLogProbabilities` asks for them. */
  readonly topLogProbabilities?: readonly LikelyToken[];
  /**
   * The activations that `capture` asked for, of the tokens that were read to choose this one: with the first token, those of
   * the prompt, and then of the token before. They have a batch of one text.
   */
  readonly activations?: CapturedActivations;
  /** Set on the last token of a sequence. */
  readonly finishReason?: FinishReason;
  /**
   * Set on the last token of a sequence of beam search: the sum of the log-probabilities, as penalties left them, divided by
   * the number of tokens to the power of `lengthPenalty`.
   */
  readonly score?: number;
}
