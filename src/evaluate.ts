/**
 * Measuring models: perplexity of texts of any length, how far one model is from another, and how well it answers the
 * questions of benchmarks.
 *
 * ```ts
 * import { GPT2 } from "@allformers/gpt2";
 * import { perplexity } from "@allformers/gpt2/evaluate";
 *
 * using model = await GPT2.fromPretrained("demo");
 * const text = "ROMEO:\nWhat light through yonder window breaks?\n";
 * console.log((await perplexity(model, text)).perplexity.value);
 * ```
 *
 * Questions are read as they are published, and scored as lm-evaluation-harness does it:
 *
 * ```ts
 * import { GPT2 } from "@allformers/gpt2";
 * import { evaluateItems, parseItems, summarizeItems } from "@allformers/gpt2/evaluate";
 *
 * using model = await GPT2.fromPretrained("demo");
 * const text = '{"context": "To be, or not to", "choices": ["be", "see"], "answer": 0}';
 * const items = parseItems("multiple-choice", { text, path: "questions.jsonl" });
 * const results = await Array.fromAsync(evaluateItems(model, "multiple-choice", items));
 * console.log(summarizeItems("multiple-choice", results));
 * ```
 *
 * Scores of single texts and continuations are methods of the model: `score()`, `scoreEach()`, `scoreContinuations()`;
 * {@linkcode groupScores} adds the tokens of words up.
 *
 * @module
 */
export {
  type ComparedModel,
  compareModels,
  type CompareModelsOptions,
  type ModelComparison,
} from "./evaluation/compare_models.ts";
export type { DivergenceStatistics, ModelDifference } from "./evaluation/model_difference.ts";
export { groupScores, type SpanScore, type TextSpan } from "./evaluation/group_scores.ts";
export type { ScoredToken, ScoreProgress } from "./evaluation/score_texts.ts";
export type { LikelyToken } from "./tokenizer/likely_token.ts";
export type { Estimate } from "./evaluation/estimate.ts";
export type { EvaluatedModel } from "./evaluation/evaluated_model.ts";
export { type Perplexity, perplexity, type PerplexityOptions } from "./evaluation/perplexity.ts";
export type { WindowDefinition, WindowOptions } from "./evaluation/window_options.ts";
export {
  type AnsweringModel,
  evaluateItems,
  type EvaluateItemsOptions,
} from "./evaluation/tasks/evaluate_items.ts";
export type { ItemResult } from "./evaluation/tasks/item_result.ts";
export { parseItems, type TaskFile } from "./evaluation/tasks/parse_items.ts";
export { type Metric, summarizeItems } from "./evaluation/tasks/summarize_items.ts";
export type { Accuracy, MetricName, TaskItem } from "./evaluation/tasks/task.ts";
export { type TaskName, taskNames } from "./evaluation/tasks/tasks.ts";
