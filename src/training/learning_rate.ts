/**
 * How large the steps of an optimizer are, from the first to the last.
 *
 * @module
 */

/** How the learning rate falls after the warm-up: along half a cosine, in a line, or not at all. */
export type ScheduleKind = "cosine" | "linear" | "constant";

/** A schedule of the learning rate. */
export interface Schedule {
  /** See {@linkcode ScheduleKind}. */
  readonly kind: ScheduleKind;
  /** The largest rate, reached at the end of the warm-up. */
  readonly learningRate: number;
  /** The rate at the end; a constant schedule has none. */
  readonly minLearningRate: number;
  /** Steps in which the rate rises from near 0. */
  readonly warmupSteps: number;
  /** Steps in all. */
  readonly numSteps: number;
}

/**
 * The learning rate of a step, as nanoGPT has it: `(step + 1) / (warmupSteps + 1)` of the largest during the warm-up, then
 * from the largest to the smallest, which is reached with step `numSteps` (Loshchilov and Hutter, 2017, arXiv:1608.03983, for the
 * cosine).
 *
 * @param step from 0
 */
export function learningRateAt(step: number, schedule: Schedule): number {
  const { kind, learningRate, minLearningRate, warmupSteps, numSteps } = schedule;
  if (step < warmupSteps) return learningRate * (step + 1) / (warmupSteps + 1);
  if (kind === "constant") return learningRate;
  const progress = Math.min(1, (step - warmupSteps) / Math.max(1, numSteps - warmupSteps));
  const share = kind === "linear" ? 1 - progress : (1 + Math.cos(Math.PI * progress)) / 2;
  return minLearningRate + share * (learningRate - minLearningRate);
}
