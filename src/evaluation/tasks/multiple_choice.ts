/**
 * Questions with choices, in a form of this package.
 *
 * @module
 */
import { CHOICE_METRICS, DELIMITER, type Task } from "./task.ts";

/**
 * One JSON object in each line: `{"context": "The cat sat on the", "choices": ["mat", "moon"], "answer": 0}`, and `delimiter`, if
 * not a space is between context and choice.
 */
export const multipleChoice: Task = {
  metrics: CHOICE_METRICS,

  read(fields) {
    const choices = fields.texts("choices", 2);
    if (choices.includes("")) return fields.refuse("choices", "has an empty text");
    const delimiter = fields.has("delimiter") ? fields.text("delimiter") : DELIMITER;
    return {
      line: fields.line,
      contexts: [fields.text("context")],
      continuations: choices.map((choice) => delimiter + choice),
      choices,
      answer: fields.index("answer", choices.length),
    };
  },
};
