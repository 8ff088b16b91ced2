/**
 * The benchmarks there are.
 *
 * @module
 */
import { arc } from "./arc.ts";
import { cloze } from "./cloze.ts";
import { hellaswag } from "./hellaswag.ts";
import { lambada } from "./lambada.ts";
import { multipleChoice } from "./multiple_choice.ts";
import { piqa } from "./piqa.ts";
import type { Task } from "./task.ts";
import { winogrande } from "./winogrande.ts";

/** The names of the benchmarks. */
export const taskNames = [
  "hellaswag",
  "lambada",
  "winogrande",
  "piqa",
  "arc",
  "cloze",
  "multiple-choice",
] as const;

/** The name of a benchmark. */
export type TaskName = typeof taskNames[number];

/** The benchmarks by name. */
export const tasks: Readonly<Record<TaskName, Task>> = {
  hellaswag,
  lambada,
  winogrande,
  piqa,
  arc,
  cloze,
  "multiple-choice": multipleChoice,
};
