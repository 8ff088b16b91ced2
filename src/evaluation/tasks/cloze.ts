/**
 * Texts to complete, in a form of this package.
 *
 * @module
 */
import { COMPLETION_METRICS, DELIMITER, type Task } from "./task.ts";

/** One JSON object in each line: `{"text": "The cat sat on the", "target": "mat"}`, and `delimiter`, if not a space is between them. */
export const cloze: Task = {
  metrics: COMPLETION_METRICS,

  read(fields) {
    const target = fields.text("target");
    const delimiter = fields.has("delimiter") ? fields.text("delimiter") : DELIMITER;
    return {
      line: fields.line,
      contexts: [fields.text("text")],
      continuations: [
        target === "" ? fields.refuse("target", "is empty") : delimiter + target,
      ],
      choices: [target],
      answer: 0,
    };
  },
};
