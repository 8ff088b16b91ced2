/**
 * The probabilities that the model itself gives to tokens.
 *
 * @module
 */

import {
  type LargestTokens,
  type LogitsSummary,
  logProbabilityOf,
} from "../../engine/logits_summary.ts";
import { argmax, Candidates, checkBestLogit } from "./candidates.ts";
import { expOfMinus } from "./exp.ts";

/**
 * Computes the log-probability of a token as the model sees it: at temperature 1, before any penalty or filter. It is
 * what OpenAI calls `logprob`, and what Hugging Face's `compute_transition_scores` gives for raw logits.
 *
 * Without a summary it takes about as long as choosing the token, which is why it is not part of that.
 *
 * @param logits the model's logits, one per token of the vocabulary.
 * @param id the token.
 * @param summary what is known of the logits. Where it tells only of the largest, the token must be one of them.
 * @returns the natural logarithm of its probability: 0 or less; `-Infinity` for a token that cannot occur.
 * @throws {RangeError} if there is no such token.
 * @throws {NumericalError} if a logit is NaN or `Infinity`, or all are `-Infinity`.
 */
export function logProbability(
  logits: Float32Array,
  id: number,
  summary?: LogitsSummary,
): number {
  if (!Number.isInteger(id) || id < 0 || id >= logits.length) {
    throw new RangeError(
      `Cannot compute a log-probability: the token is not an id below ${logits.length}: received ${id}. ` +
        "Give the id of a token of the vocabulary.",
    );
  }
  if (summary?.logOfSum !== undefined) {
    return logProbabilityOf(summary.max - logits[id], summary.logOfSum);
  }
  const logOfSum = logSumFrom(logits, logits[id]);
  // This token is often the best one, which need not be looked for then.
  if (logOfSum !== undefined) return logProbabilityOf(0, logOfSum);
  const best = bestOf(logits);
  return logProbabilityOf(best - logits[id], logSumFrom(logits, best)!);
}

/**
 * The tokens that the model finds likeliest, and their log-probabilities, the likeliest first; of equal ones that with the
 * lower id.
 *
 * @param logits one per token of the vocabulary.
 * @param count how many; fewer if the vocabulary has fewer.
 * @param summary what is known of the logits. Where it tells only of the largest, these must be so many.
 * @throws {NumericalError} if a logit is NaN or `Infinity`, or all are `-Infinity`.
 */
export function likeliest(
  logits: Float32Array,
  count: number,
  summary?: LogitsSummary,
): { id: number; logProbability: number }[] {
  const candidates = candidatesFor(logits, summary?.largest);
  const best = summary?.max ?? bestOf(logits);
  const logOfSum = summary?.logOfSum ?? logSumFrom(logits, best)!;
  if (count < candidates.size) candidates.keepLargest(new Float32Array(count));
  const found = Array.from(
    { length: candidates.size },
    (_, i) => ({
      id: candidates.ids[i],
      logProbability: logProbabilityOf(best - candidates.logits[i], logOfSum),
    }),
  );
  // Tokens exactly as likely as the last one are among them.
  return found.sort((a, b) => b.logProbability - a.logProbability || a.id - b.id).slice(0, count);
}

function candidatesFor(logits: Float32Array, largest: LargestTokens | undefined): Candidates {
  const candidates = new Candidates(largest?.ids.length ?? logits.length);
  if (largest === undefined) candidates.load(logits);
  else candidates.loadSome(largest.ids, largest.logits);
  return candidates;
}

/** The logarithm of the sum of all probabilities in units of that of the best logit; nothing if it is not the best. */
function logSumFrom(logits: Float32Array, best: number): number | undefined {
  let sum = 0;
  for (let i = 0; i < logits.length; i++) {
    const gap = best - logits[i];
    if (!(gap >= 0)) return undefined;
    sum += expOfMinus(gap);
  }
  return Math.log(sum);
}

function bestOf(logits: Float32Array): number {
  const best = argmax(logits);
  checkBestLogit(logits[best], best);
  return logits[best];
}

/**
 * The log-probabilities of all tokens, see {@linkcode logProbability}.
 *
 * @param summary what is known of the logits, if it tells of all.
 * @throws {NumericalError} if a logit is NaN or `Infinity`, or all are `-Infinity`.
 */
export function logProbabilitiesOf(
  logits: Float32Array,
  summary?: LogitsSummary,
): Float64Array<ArrayBuffer> {
  const best = summary?.max ?? bestOf(logits);
  const logOfSum = summary?.logOfSum ?? logSumFrom(logits, best)!;
  const logProbabilities = new Float64Array(logits.length);
  for (let id = 0; id < logits.length; id++) {
    logProbabilities[id] = logProbabilityOf(best - logits[id], logOfSum);
  }
  return logProbabilities;
}
