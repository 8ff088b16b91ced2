/**
 * HellaSwag (https://arxiv.org/abs/1905.07830): how does it go on?
 *
 * @module
 */
import { capitalize, strip } from "./python_text.ts";
import { CHOICE_METRICS, DELIMITER, type Task } from "./task.ts";

/** `hellaswag_val.jsonl`: one JSON object in each line, with `activity_label`, `ctx_a`, `ctx_b`, `endings` and `label`. */
export const hellaswag: Task = {
  metrics: CHOICE_METRICS,

  read(fields) {
    const context = `${fields.text("ctx_a")} ${capitalize(fields.text("ctx_b"))}`;
    const choices = fields.texts("endings", 2).map(clean);
    return {
      line: fields.line,
      contexts: [clean(`${fields.text("activity_label")}: ${context}`)],
      continuations: choices.map((choice) => DELIMITER + choice),
      choices,
      answer: fields.index("label", choices.length),
    };
  },
};

/** Takes out what is left of WikiHow's headings, as lm-evaluation-harness does it. */
function clean(text: string): string {
  return strip(text)
    .replaceAll(" [title]", ". ")
    .replace(/\[[^\n]*?\]/g, "")
    .replaceAll("  ", " ");
}
