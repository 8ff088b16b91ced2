/**
 * ARC (https://arxiv.org/abs/1803.05457): questions of school examinations.
 *
 * @module
 */
import { CHOICE_METRICS, DELIMITER, type Task } from "./task.ts";

/** `ARC-Challenge-Test.jsonl` and others: one JSON object in each line, with `question`, its `stem` and `choices`, and `answerKey`. */
export const arc: Task = {
  metrics: CHOICE_METRICS,

  read(fields) {
    const question = fields.object("question");
    const choices = question.objects("choices", 2);
    const texts = choices.map((choice) => choice.text("text"));
    const answerKey = fields.text("answerKey");
    const answer = choices.findIndex((choice) => choice.text("label") === answerKey);
    if (answer < 0) return fields.refuse("answerKey", "is the label of no choice");
    return {
      line: fields.line,
      contexts: [`Question: ${question.text("stem")}\nAnswer:`],
      continuations: texts.map((text) => DELIMITER + text),
      choices: texts,
      answer,
    };
  },
};
