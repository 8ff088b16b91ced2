/**
 * Questions with choices, in a form of this package.
 *
 * @module
 */
import { type Fields, indexOf } from "./fields.ts";
import { CHOICE_METRICS, DELIMITER, type Task } from "./task.ts";

/**
 * One JSON object in each line: `{"context": "The cat sat on the", "choices": ["mat", "moon"], "answer": 0}`, where
 * `answer` may be the text of the choice as well, and `delimiter`, if not a space is between context and choice.
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
      answer: answerOf(fields, choices),
    };
  },
};

/** The number of the right choice, which a line has as such or by its text. */
function answerOf(fields: Fields, choices: readonly string[]): number {
  const text = fields.isText("answer") ? fields.text("answer") : undefined;
  const places = choices.flatMap((choice, i) => choice === text ? [i] : []);
  if (places.length === 0) return fields.index("answer", choices.length);
  const [place] = places;
  const isUnclear = places.length > 1 || (indexOf(text, choices.length) ?? place) !== place;
  return isUnclear ? fields.refuse("answer", "could be more than one of the choices") : place;
}
