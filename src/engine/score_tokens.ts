/**
 * Reading tokens to learn how likely they are.
 *
 * @module
 */
import { NumericalError } from "../base/errors.ts";
import { checkTokens } from "../tokenizer/token_ids.ts";
import type { Engine } from "./engine.ts";
import type { StepOptions } from "./reading.ts";
import type { Sequence } from "./sequence.ts";
import { NO_TARGET, noScore, Scoring, type TokenScore } from "./target_scores.ts";

/** Options of {@linkcode scoreTokens}. */
export interface ScoreTokensOptions extends Pick<StepOptions, "signal" | "onProgress"> {
  /** How many of the likeliest tokens at each place are wanted. Default: 0. */
  readonly numTop?: number;
}

/**
 * Scores the tokens of a text from `begin` on. What follows a token is known after reading it, so the one before them is
 * read, again if need be, and the last of them is not.
 *
 * @param sequence has read some of the tokens, from the first on
 * @param tokens all of the text
 * @returns the scores of `tokens[begin]` and all later ones; see {@linkcode noScore} for the very first of a text
 * @throws {RangeError} if a token is not in the vocabulary, or there are more than the context has
 * @throws {NumericalError} if the model computes something that is not a number
 * @throws {DOMException} `AbortError` (or the signal's own reason)
 */
export async function scoreTokens(
  engine: Engine,
  sequence: Sequence,
  tokens: readonly number[],
  begin: number,
  { numTop = 0, ...options }: ScoreTokensOptions = {},
): Promise<TokenScore[]> {
  if (begin === tokens.length) return [];
  // Also the last one, which is not read.
  checkTokens(tokens, engine.model.config.vocabSize);
  if (sequence.length >= begin) sequence.truncate(Math.max(0, begin - 1));
  const start = sequence.length;
  const read = tokens.slice(start, -1);
  const targets = tokens.slice(start + 1).map((target, i) =>
    start + 1 + i < begin ? NO_TARGET : target
  );
  const scoring = new Scoring(targets, numTop);
  await engine.step([{ sequence, tokens: read, logits: "targets", scoring }], options);
  const { scores } = scoring;
  const unclear = scores.find(({ logProbability }) => Number.isNaN(logProbability));
  if (unclear !== undefined) {
    throw new NumericalError(
      `Cannot score token ${unclear.id}: the model computes something that is not a finite number. ` +
        "Check the model's weights.",
    );
  }
  return begin === 0 ? [noScore(tokens[0]), ...scores] : scores;
}
