/**
 * What a report shows, from what `explain()` has found.
 *
 * @module
 */
import { InvalidArgumentError } from "../../base/errors.ts";
import type { CapturedActivations } from "../../engine/activation_record.ts";
import { attentionScoreNames, type AttentionScores, headName } from "../attention_patterns.ts";
import type { Explanation } from "../explain.ts";
import { engineFor, type InspectableModel } from "../inspectable_model.ts";
import { shownToken } from "../../tokenizer/readable_token.ts";
import { type ReportData, requireParts } from "./report_data.ts";

/** More tokens make a page that no browser likes: it grows with their square. */
export const MAX_REPORT_TOKENS = 256;
const ACTION = "write a report";
const EXPLANATION_PARTS = ["tokens", "position", "lens", "attention", "attribution"];
const CONTEXT_PARTS = ["model", "candidates", "candidateStages"];
/** So many of the likeliest tokens of each layer can be seen. */
const NUM_LENS_TOKENS = 5;

/** What of a prediction `explain()` does not tell: which model it is, and what sampling makes of it. */
export interface ReportContext {
  /** The name of the model. */
  readonly model: string;
  /** What may come next, the likeliest first. */
  readonly candidates: ReportData["candidates"];
  /** The names of the stages of sampling, in the order in which they are carried out. */
  readonly candidateStages: ReportData["candidateStages"];
  /** What `compareActivations()` has found, if another model is to be compared. */
  readonly comparison?: ReportData["comparison"];
}

/**
 * Collects what a report shows of a text up to the position that is explained.
 *
 * ```ts
 * import { GPT2 } from "@allformers/gpt2";
 * import { collectReport, explain, reportHtml } from "@allformers/gpt2/inspect";
 *
 * using model = await GPT2.fromPretrained("demo");
 * const explanation = await explain(model, model.tokenizer!.encode("The cat sat on the"));
 * const context = { model: "demo", candidates: [], candidateStages: [] };
 * const html = reportHtml(await collectReport(model, explanation, context));
 * console.log(html.length);
 * ```
 *
 * @throws {TypeError} if an argument has the wrong type
 * @throws {RangeError} if that are more than 256 tokens
 * @throws {DOMException} `AbortError` (or the signal's own reason)
 */
export async function collectReport(
  model: InspectableModel,
  explanation: Explanation,
  context: ReportContext,
  signal?: AbortSignal,
): Promise<ReportData> {
  engineFor(ACTION, model);
  requireParts(ACTION, explanation, EXPLANATION_PARTS, "explain() gives one");
  requireParts(ACTION, context, CONTEXT_PARTS, "Give what ReportContext says");
  const { tokens, position, lens, attention: { scores }, attribution } = explanation;
  const { numLayers, numHeads } = model.config;
  const shown = tokens.slice(0, position + 1);
  if (shown.length > MAX_REPORT_TOKENS) {
    throw new InvalidArgumentError(
      `Cannot write a report of ${shown.length} tokens: it can show ${MAX_REPORT_TOKENS}: ` +
        "explain a shorter text, or an earlier position of it.",
    );
  }
  const capture = ["blocks.*.attention.weights"];
  const ids = shown.map(({ id }) => id);
  const { activations } = await model.forward(ids, { capture, logits: "none", signal });
  return {
    ...context,
    tokens: shown.map(shownToken),
    numLayers,
    numHeads,
    attention: allWeights(activations!),
    lens: lens.map(({ name, positions }) => ({
      name,
      positions: positions.slice(0, position + 1).map(({ top, answer, entropy }) => ({
        top: top.slice(0, NUM_LENS_TOKENS).map((each) =>
          [shownToken(each), each.probability] as const
        ),
        answer: [answer.probability, answer.rank] as const,
        entropy,
      })),
    })),
    attribution: {
      answer: shownToken(attribution.answer),
      against: attribution.against && shownToken(attribution.against),
      parts: attribution.contributions.map(({ name, logit }) => ({ name, value: logit })),
    },
    headScores: scores.map(readableScores),
  };
}

/** (layers heads seq_q seq_k), of what was captured of one text in each layer. */
function allWeights(activations: CapturedActivations): Float32Array {
  const layers = [...activations.values()].map(({ data }) => data);
  const all = new Float32Array(layers.reduce((sum, { length }) => sum + length, 0));
  let end = 0;
  for (const layer of layers) {
    all.set(layer, end);
    end += layer.length;
  }
  return all;
}

/** Those that the text has something for, in words. */
function readableScores(
  { layer, head, ...scores }: AttentionScores,
): ReportData["headScores"][number] {
  const known = Object.entries(scores).filter(([, score]) => !Number.isNaN(score));
  const named = known.map(([name, score]) => [
    attentionScoreNames[name as keyof typeof attentionScoreNames],
    score,
  ]);
  return { layer, head, name: headName({ layer, head }), scores: Object.fromEntries(named) };
}
