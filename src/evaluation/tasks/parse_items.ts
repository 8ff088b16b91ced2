/**
 * The questions of a benchmark's file.
 *
 * @module
 */
import { describe, quotePath } from "../../base/describe.ts";
import { FileFormatError } from "../../base/errors.ts";
import { Fields, lineError } from "./fields.ts";
import type { Label, TaskItem } from "./task.ts";
import { type TaskName, tasks } from "./tasks.ts";

/** A file that has been read. */
export interface TaskFile {
  /** What is in it. */
  readonly text: string;
  /** Where it is, for messages. */
  readonly path: string;
}

/**
 * The questions of a file, one in each line; empty lines are none.
 *
 * @param file as the benchmark's authors have published it
 * @param labels the right answers, for a benchmark that has them in another file (PIQA)
 * @throws {FileFormatError} if there is no question, a line is not as it should be, or there are more or fewer labels
 */
export function parseItems(name: TaskName, file: TaskFile, labels?: TaskFile): TaskItem[] {
  const lines = linesOf(file);
  if (lines.length === 0) {
    throw new FileFormatError(
      `Cannot read ${quotePath(file.path)}: there is no question in it: received ${
        describe(file.text)
      }. ` +
        "Check the path.",
      { path: file.path },
    );
  }
  const answers = labels && labelsOf(labels);
  if (answers !== undefined && answers.length !== lines.length) {
    throw new FileFormatError(
      `Cannot read ${quotePath(labels!.path)}: ${
        quotePath(file.path)
      } has ${lines.length} questions: ` +
        `received ${answers.length} labels. Check that they belong together.`,
      { path: labels!.path },
    );
  }
  const task = tasks[name];
  return lines.map(({ text, line }, index) =>
    task.read(Fields.parse(text, file.path, line), answers?.[index])
  );
}

/** The lines of a file that are not empty, without the mark that some editors put before a text. */
function linesOf({ text }: TaskFile): { text: string; line: number }[] {
  return text.replace(/^\ufeff/, "").split("\n")
    .map((text, index) => ({ text, line: index + 1 }))
    .filter(({ text }) => text.trim() !== "");
}

function labelsOf(file: TaskFile): Label[] {
  return linesOf(file).map(({ text, line }) => ({
    text: text.trim(),
    refuse: (problem, advice) => {
      throw lineError(file.path, line, problem, describe(text), advice);
    },
  }));
}
