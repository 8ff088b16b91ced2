/**
 * Measuring models: perplexity of texts of any length, and how far one model is from another.
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
 * Scores of single texts and continuations are methods of the model: `score()`, `scoreEach()`, `scoreContinuations()`.
 *
 * @module
 */
export type { Estimate } from "./evaluation/estimate.ts";
export type { EvaluatedModel } from "./evaluation/evaluated_model.ts";
export { type Perplexity, perplexity, type PerplexityOptions } from "./evaluation/perplexity.ts";
export type { WindowDefinition, WindowOptions } from "./evaluation/window_options.ts";
