/**
 * ARC (https://arxiv.org/abs/1803.05457): questions of school examinations.
 *
 * @module
 */
import type { Fields } from "./fields.ts";
import { CHOICE_METRICS, DELIMITER, type Task } from "./task.ts";

/** `ARC-Challenge-Test.jsonl` and others: one JSON object in each line, with `question` and `answerKey`. */
export const arc: Task = {
  metrics: CHOICE_METRICS,

  read(fields) {
    const { stem, texts, labels } = fields.isText("question") ? ofHub(fields) : ofAuthors(fields);
    const answer = labels.indexOf(fields.text("answerKey"));
    if (answer < 0) return fields.refuse("answerKey", "is the label of no choice");
    return {
      line: fields.line,
      contexts: [`Question: ${stem}\nAnswer:`],
      continuations: texts.map((text) => DELIMITER + text),
      choices: texts,
      answer,
    };
  },
};

/** A question as it is asked. */
interface Asked {
  readonly stem: string;
  readonly texts: readonly string[];
  readonly labels: readonly string[];
}

/** `{"question": {"stem": "...", "choices": [{"text": "...", "label": "A"}, ...]}}` */
function ofAuthors(fields: Fields): Asked {
  const question = fields.object("question");
  const choices = question.objects("choices", 2);
  return {
    stem: question.text("stem"),
    texts: choices.map((choice) => choice.text("text")),
    labels: choices.map((choice) => choice.text("label")),
  };
}

/** `{"question": "...", "choices": {"text": ["...", ...], "label": ["A", ...]}}` */
function ofHub(fields: Fields): Asked {
  const choices = fields.object("choices");
  const texts = choices.texts("text", 2);
  const labels = choices.texts("label", 2);
  return labels.length === texts.length
    ? { stem: fields.text("question"), texts, labels }
    : choices.refuse("label", `has not ${texts.length} elements, as many as "text"`);
}
