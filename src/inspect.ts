/**
 * Looking into a model: what each layer would have said, where heads look, and which parts speak for an answer.
 *
 * ```ts
 * import { GPT2 } from "@allformers/gpt2";
 * import { logitLens } from "@allformers/gpt2/inspect";
 *
 * using model = await GPT2.fromPretrained("demo");
 * for (const { name, positions } of await logitLens(model, model.tokenizer!.encode("The cat sat on the"))) {
 *   console.log(name, positions.at(-1)!.top.map(({ text }) => text));
 * }
 * ```
 *
 * All of it is made of `forward()` with `capture` and `intervene`, of small graphs with the model's weights, and of the
 * notation with named axes; each function is a file that can be read in a few minutes. They return plain data.
 *
 * @module
 */
export {
  type ActivationPatching,
  activationPatching,
  type ActivationPatchingOptions,
  type PatchingProgress,
} from "./inspection/activation_patching.ts";
export {
  attributionPatching,
  type AttributionPatchingOptions,
  type DifferentiableModel,
} from "./inspection/attribution_patching.ts";
export type { PatchedPrompts, PatchingSites } from "./inspection/patched_prompts.ts";
export {
  type ActivationDifference,
  compareActivations,
  type CompareActivationsOptions,
} from "./inspection/compare_activations.ts";
export { type HeadScores, headScores, type HeadScoresOptions } from "./inspection/head_scores.ts";
export { activationAt, type Measured } from "./inspection/activation_at.ts";
export { ablate, type AblateOptions } from "./inspection/ablate.ts";
export {
  type AttentionLink,
  type AttentionPatterns,
  attentionPatterns,
  type AttentionPatternsOptions,
  type AttentionScores,
} from "./inspection/attention_patterns.ts";
export {
  type DirectLogitAttribution,
  directLogitAttribution,
  type DirectLogitAttributionOptions,
  type LogitContribution,
} from "./inspection/direct_logit_attribution.ts";
export {
  explain,
  type ExplainedToken,
  type ExplainOptions,
  type Explanation,
} from "./inspection/explain.ts";
export type { InspectableModel } from "./inspection/inspectable_model.ts";
export {
  type LensLayer,
  type LensReading,
  logitLens,
  type LogitLensOptions,
  type RankedToken,
} from "./inspection/logit_lens.ts";
export { collectReport, type ReportContext } from "./inspection/report/collect_report.ts";
export type {
  ReportCandidate,
  ReportComparison,
  ReportData,
  ReportReading,
} from "./inspection/report/report_data.ts";
export { reportHtml } from "./inspection/report/report_html.ts";
export type { PlaceOptions } from "./inspection/places.ts";
export { freeze, replace, type ReplaceOptions } from "./inspection/replace.ts";
export type { ResidualPartKind } from "./inspection/residual_parts.ts";
export { steer, type Steering } from "./inspection/steer.ts";
export { steeringVector } from "./inspection/steering_vector.ts";
export type { ReadableToken } from "./tokenizer/readable_token.ts";
