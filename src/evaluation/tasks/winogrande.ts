/**
 * WinoGrande (https://arxiv.org/abs/1907.10641): who or what is meant?
 *
 * @module
 */
import { strip } from "./python_text.ts";
import { DELIMITER, type Task } from "./task.ts";

const BLANK = "_";

/**
 * `dev.jsonl`: one JSON object in each line, with a `sentence` that has a blank, `option1`, `option2` and `answer`. Scored is
 * what follows the blank, once after each option: what they are worth themselves, such as how frequent a name is, does not
 * count.
 */
export const winogrande: Task = {
  metrics: ["acc"],

  read(fields) {
    const sentence = fields.text("sentence");
    const blank = sentence.indexOf(BLANK);
    if (blank < 0) return fields.refuse("sentence", `has no ${BLANK}`);
    const contexts = ["option1", "option2"].map((name) =>
      sentence.slice(0, blank) + fields.text(name)
    );
    const answer = ["1", "2"].indexOf(fields.has("answer") ? fields.text("answer") : "");
    if (answer < 0) return fields.refuse("answer", `is neither "1" nor "2"`);
    return {
      line: fields.line,
      contexts,
      continuations: [DELIMITER + strip(sentence.slice(blank + BLANK.length))],
      choices: contexts,
      answer,
    };
  },
};
