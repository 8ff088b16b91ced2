/**
 * What choosing a token needs of the logits.
 *
 * @module
 */

/** Some tokens and their logits. */
export interface LargestTokens {
  /** In ascending order. */
  readonly ids: Int32Array;
  /** The logit of each. */
  readonly logits: Float32Array;
}

/** What the engine tells of the logits after a token when it is asked for `numLargest`. */
export interface LogitsSummary {
  /** The largest logit. */
  readonly max: number;
  /** log(sum(exp(logit - max))), where it is computed with the logits: only kernels of this package's own do so. */
  readonly logOfSum: number | undefined;
  /** As many of the largest as were asked for, or more, where no others decide; the others then are given as -Infinity. */
  readonly largest: LargestTokens | undefined;
}

/**
 * The log-probability of a token whose logit is so far below the largest. It has one way to be computed: others compare it
 * with itself.
 *
 * @param logOfSum log(sum(exp(logit - max))) of all logits
 */
export function logProbabilityOf(gap: number, logOfSum: number): number {
  return Math.min(0, -gap - logOfSum);
}

/** Logits, and what is known about them. */
export interface SummarizedLogits {
  /** (vocab), where `summary.largest` is there -Infinity for all others. */
  readonly logits: Float32Array;
  /** Where it was asked for and can be told. */
  readonly summary?: LogitsSummary;
}
