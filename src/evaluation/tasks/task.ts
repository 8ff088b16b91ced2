/**
 * What a benchmark is: questions, each made of texts whose probabilities tell what a model would answer.
 *
 * @module
 */
import type { Fields } from "./fields.ts";

/** A question of a benchmark. Each continuation is scored after each context; of the two there is only one, or one for each choice. */
export interface TaskItem {
  /** The number of its line in the file, from 1. */
  readonly line: number;
  /** What comes before: one text, or one for each choice. */
  readonly contexts: readonly string[];
  /** What is scored: one for each choice, or one. */
  readonly continuations: readonly string[];
  /** The choices as the file has them: `acc_norm` and `acc_bytes` divide by their lengths. */
  readonly choices: readonly string[];
  /** Which of them is right, from 0. */
  readonly answer: number;
}

/** Says whether an answer is right: whether the likeliest choice is the right one, or greedy decoding would write the target. */
export type Accuracy = "acc" | "acc_norm" | "acc_bytes";

/** What is measured, under the names of lm-evaluation-harness. */
export type MetricName = Accuracy | "perplexity";

/** How the lines of a benchmark's file become questions. */
export interface Task {
  /** What is measured. */
  readonly metrics: readonly MetricName[];
  /**
   * The question that a line asks.
   *
   * @param fields the line
   * @param label the right answer, where that is in another file
   * @throws {FileFormatError} if the line is not as the benchmark's authors write them
   */
  readonly read: (fields: Fields, label: Label | undefined) => TaskItem;
}

/** A line of a file of labels. */
export interface Label {
  readonly text: string;
  /** Throws the error that it is not as it should be. */
  readonly refuse: (problem: string, advice: string) => never;
}

/** What is measured of questions with choices. */
export const CHOICE_METRICS = ["acc", "acc_norm", "acc_bytes"] as const;

/** What is measured where a text is to be completed. */
export const COMPLETION_METRICS = ["acc", "perplexity"] as const;

/** What lm-evaluation-harness puts between a context and what follows it. */
export const DELIMITER = " ";
