/**
 * How large the steps of an optimizer are, from the first to the last.
 *
 * @module
 */
import {
  checkOptions,
  integer,
  number,
  oneOf,
  type OptionRule,
  type OptionRules,
} from "../base/check_options.ts";

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

/** Larger ones have no use, and the largest of F32 is not far. */
export const atLeastZero: OptionRule = number(0, 1e30, "a number from 0 to 1e30");

/** What the parts of a schedule must be. */
export const scheduleRules: OptionRules<Schedule> = {
  kind: oneOf<ScheduleKind>("cosine", "linear", "constant"),
  learningRate: atLeastZero,
  minLearningRate: atLeastZero,
  warmupSteps: integer(0),
  numSteps: integer(1, 1e9),
};

const ACTION = "tell the learning rate";

const RULES: OptionRules<Schedule & { readonly step: number }> = {
  step: { ...integer(0), advice: "Count steps from 0." },
  ...scheduleRules,
};

/**
 * The learning rate of a step, as nanoGPT has it: `(step + 1) / (warmupSteps + 1)` of the largest during the warm-up, then
 * from the largest to the smallest, which is reached with step `numSteps` (Loshchilov and Hutter, 2017, arXiv:1608.03983, for the
 * cosine).
 *
 * @param step from 0; from `numSteps` on the rate stays what it is at the end
 * @throws {TypeError} if a part is missing, or has the wrong type
 * @throws {RangeError} if one is out of range
 */
export function learningRateAt(step: number, schedule: Schedule): number {
  const { kind, learningRate, minLearningRate, warmupSteps, numSteps } = schedule;
  const parts = { step, kind, learningRate, minLearningRate, warmupSteps, numSteps };
  checkOptions(ACTION, parts, RULES);
  const names = Object.keys(parts) as (keyof typeof parts)[];
  const missing = names.find((name) => parts[name] === undefined);
  if (missing !== undefined) {
    throw new TypeError(
      `Cannot ${ACTION}: ${missing} must be ${
        RULES[missing].meaning
      }: received nothing. Give all parts of the schedule.`,
    );
  }
  if (step < warmupSteps) return learningRate * (step + 1) / (warmupSteps + 1);
  if (kind === "constant") return learningRate;
  const progress = Math.min(1, (step - warmupSteps) / Math.max(1, numSteps - warmupSteps));
  const share = kind === "linear" ? 1 - progress : (1 + Math.cos(Math.PI * progress)) / 2;
  return minLearningRate + share * (learningRate - minLearningRate);
}
