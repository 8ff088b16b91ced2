/**
 * What a model answers.
 *
 * @module
 */
import type { ContinuationScore } from "../score_continuations.ts";
import { numCharacters } from "./python_text.ts";
import type { Accuracy, MetricName, TaskItem } from "./task.ts";

const encoder = new TextEncoder();

/** What became of a question. */
export interface ItemResult extends Omit<TaskItem, "choices"> {
  /** The natural logarithm of the probability of each continuation: after the first context, then after the next. */
  readonly logProbabilities: readonly number[];
  /** Whether greedy decoding would write it. */
  readonly areGreedy: readonly boolean[];
  /** Whether the answer is right, by each measure that the task has. */
  readonly isCorrect: Readonly<Partial<Record<Accuracy, boolean>>>;
}

/**
 * What a question's scores say.
 *
 * @param scores of each continuation, after the first context, then after the next
 * @param metrics what is measured
 */
export function itemResult(
  item: TaskItem,
  scores: readonly ContinuationScore[],
  metrics: readonly MetricName[],
): ItemResult {
  const { choices, ...rest } = item;
  const logProbabilities = scores.map(({ logProbability }) => logProbability);
  const areGreedy = scores.map(({ isGreedy }) => isGreedy);
  const isBest = (lengthOf: (choice: string) => number) =>
    indexOfLargest(logProbabilities.map((sum, i) => sum / lengthOf(choices[i]))) === item.answer;
  const measures: Record<Accuracy, () => boolean> = {
    acc: choices.length === 1 ? () => areGreedy[0] : () => isBest(() => 1),
    acc_norm: () => isBest(numCharacters),
    acc_bytes: () => isBest((choice) => encoder.encode(choice).length),
  };
  const isCorrect = Object.fromEntries(
    metrics.filter((name) => name !== "perplexity").map((name) => [name, measures[name]()]),
  );
  return { ...rest, logProbabilities, areGreedy, isCorrect };
}

/** Of equal ones the first, as NumPy has it. */
function indexOfLargest(values: readonly number[]): number {
  return values.indexOf(Math.max(...values));
}
