/**
 * LAMBADA (https://arxiv.org/abs/1606.06031): which is the last word?
 *
 * @module
 */
import { COMPLETION_METRICS, DELIMITER, type Task } from "./task.ts";

/** `lambada_test.jsonl`, as OpenAI has published it: one JSON object in each line, with `text`. */
export const lambada: Task = {
  metrics: COMPLETION_METRICS,

  read(fields) {
    const text = fields.text("text");
    const words = text.split(DELIMITER);
    const target = words.pop()!;
    return {
      line: fields.line,
      contexts: [words.join(DELIMITER)],
      continuations: [DELIMITER + target],
      choices: [target],
      answer: 0,
    };
  },
};
