/**
 * What the answers to all questions say.
 *
 * @module
 */
import { type Estimate, exponential, Mean } from "../estimate.ts";
import type { ItemResult } from "./item_result.ts";
import type { MetricName } from "./task.ts";
import { type TaskName, tasks } from "./tasks.ts";

/** What is measured of all questions: the share of right answers; or the perplexity of the targets, each counted as one. */
export interface Metric extends Estimate {
  /** What it is, under the name that lm-evaluation-harness has for it. */
  readonly name: MetricName;
}

/**
 * Measures what a task asks for.
 *
 * The error of a mean is that of lm-evaluation-harness: the deviation of the sample (with n - 1) by the root of n. That of the
 * perplexity follows from the one of the mean logarithm (delta method); lm-evaluation-harness estimates it by drawing
 * samples, which gives about the same where the logarithms vary little.
 *
 * @param results of one question or more
 */
export function summarizeItems(name: TaskName, results: readonly ItemResult[]): Metric[] {
  return tasks[name].metrics.map((name) => {
    const mean = new Mean();
    for (const { isCorrect, logProbabilities } of results) {
      mean.add(name === "perplexity" ? -logProbabilities[0] : Number(isCorrect[name]));
    }
    const { estimate } = mean;
    return { name, ...(name === "perplexity" ? exponential(estimate) : estimate) };
  });
}
