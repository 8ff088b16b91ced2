/**
 * PIQA (https://arxiv.org/abs/1911.11641): how is it done?
 *
 * @module
 */
import { indexOf } from "./fields.ts";
import { CHOICE_METRICS, DELIMITER, type Task } from "./task.ts";

/**
 * `valid.jsonl`: one JSON object in each line, with `goal`, `sol1` and `sol2`. The answers, 0 or 1, are the lines of
 * `valid-labels.lst`, or `label` in the object.
 */
export const piqa: Task = {
  metrics: CHOICE_METRICS,

  read(fields, label) {
    const choices = [fields.text("sol1"), fields.text("sol2")];
    const answer = label === undefined
      ? fields.has("label")
        ? fields.index("label", choices.length)
        : fields.refuse("label", "is missing", "Name the file with the labels.")
      : indexOf(label.text, choices.length) ??
        label.refuse("a label is 0 or 1", "Check that it is the file with the labels.");
    return {
      line: fields.line,
      contexts: [`Question: ${fields.text("goal")}\nAnswer:`],
      continuations: choices.map((choice) => DELIMITER + choice),
      choices,
      answer,
    };
  },
};
