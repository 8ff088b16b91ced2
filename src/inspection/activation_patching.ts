/**
 * Where in a model it is decided what it says.
 *
 * @module
 */
import {
  abortSignal,
  callback,
  checkOptions,
  integer,
  type OptionRules,
} from "../base/check_options.ts";
import { describe } from "../base/describe.ts";
import { InvalidArgumentError } from "../base/errors.ts";
import type { CapturedActivations } from "../engine/activation_record.ts";
import type { Interventions } from "../engine/intervention.ts";
import type { ReadableToken } from "../tokenizer/readable_token.ts";
import { engineFor, type InspectableModel } from "./inspectable_model.ts";
import {
  answersOf,
  checkPrompts,
  type PatchedPrompts,
  promptRules,
  readableAnswers,
  SITES,
} from "./patched_prompts.ts";
import { replace } from "./replace.ts";

/** Options of {@linkcode activationPatching}. */
export interface ActivationPatchingOptions extends PatchedPrompts {
  /** What is measured of the logits after the last token, (vocab). Default: the logit of `answer` less that of `against`. */
  metric?: (logits: Float32Array) => number;
  /** How many sites are computed side by side. Default: as many as have 512 tokens. */
  batchSize?: number;
  /** Is called after each batch. */
  onProgress?: (progress: PatchingProgress) => void;
  /** Stops the computation with an `AbortError`. */
  signal?: AbortSignal;
}

/** How far {@linkcode activationPatching} is. */
export interface PatchingProgress {
  /** How many sites have been patched. */
  readonly numDone: number;
  /** How many there are. */
  readonly numSites: number;
}

/** What {@linkcode activationPatching} finds. */
export interface ActivationPatching {
  /** `layer position`, or `layer head`. */
  readonly axes: string;
  /** The sizes of the axes. */
  readonly shape: readonly [numLayers: number, size: number];
  /**
   * The metric of the corrupted prompt with one activation of the clean one, row by row: 0 where it is that of the corrupted
   * prompt, 1 where it is that of the clean one. NaN if these two are the same.
   */
  readonly data: Float64Array;
  /** The metric itself. */
  readonly metrics: Float64Array;
  /** The metric of the clean prompt. */
  readonly clean: number;
  /** The metric of the corrupted prompt. */
  readonly corrupted: number;
  /** The token whose logit was measured. Nothing where `metric` was given. */
  readonly answer?: ReadableToken;
  /** The one whose logit was taken off. Nothing where `metric` was given. */
  readonly against?: ReadableToken;
}

/** Where something is patched: in which layer, and at which position or in which head. */
type Site = readonly [layer: number, index: number];

const ACTION = "patch activations";
const RULES: OptionRules<ActivationPatchingOptions> = {
  ...promptRules,
  metric: callback,
  batchSize: integer(1),
  onProgress: callback,
  signal: abortSignal,
};
const TOKENS_PER_BATCH = 512;

/**
 * Activation patching: runs the corrupted prompt again and again, each time with one activation of the clean prompt in place
 * of its own, and measures how much of the clean answer that brings back (Meng et al., 2022, "Locating and Editing Factual
 * Associations in GPT", arXiv:2202.05262; Wang et al., 2022, "Interpretability in the Wild", arXiv:2211.00593).
 *
 * ```ts
 * import { GPT2 } from "@allformers/gpt2";
 * import { activationAt, activationPatching } from "@allformers/gpt2/inspect";
 *
 * using model = await GPT2.fromPretrained("demo");
 * const [clean, corrupted] = ["The king is", "The queen is"].map((text) => model.tokenizer!.encode(text));
 * const [answer, against] = [" his", " her"].map((text) => model.tokenizer!.encode(text)[0]);
 * const found = await activationPatching(model, { clean, corrupted, answer, against });
 * for (let layer = 0; layer < model.config.numLayers; layer++) {
 *   console.log(layer, [...activationAt(found, layer)].map((x) => x.toFixed(2)).join(" "));
 * }
 * ```
 *
 * @param model a `GPT2`
 * @param options see {@linkcode ActivationPatchingOptions}
 * @throws {TypeError} if an option has the wrong type
 * @throws {RangeError} if the prompts differ in length, one has no token or too many, a token is not in the vocabulary, or
 * both prompts have the same likeliest token and no other is given
 * @throws {NumericalError} if a logit is not a finite number
 * @throws {DOMException} `AbortError` (or the signal's own reason)
 */
export async function activationPatching(
  model: InspectableModel,
  options: ActivationPatchingOptions,
): Promise<ActivationPatching> {
  engineFor(ACTION, model);
  const checked = checkOptions(ACTION, options, RULES);
  const { sites = "residual", onProgress, signal } = checked;
  const [clean, corrupted] = checkPrompts(ACTION, model, checked);
  const { numLayers, numHeads, vocabSize } = model.config;
  const nameOf = SITES[sites];

  const capture = Array.from({ length: numLayers }, (_, layer) => nameOf(layer));
  const cleanRun = await model.forward(clean, { capture, logits: "last", signal });
  const corruptedRun = await model.forward(corrupted, { logits: "last", signal });
  const answers = checked.metric === undefined
    ? answersOf(ACTION, model, checked, cleanRun.logits, corruptedRun.logits)
    : undefined;
  const metric = answers === undefined
    ? (logits: Float32Array) => checkMetric(checked.metric!(logits))
    : (logits: Float32Array) => logits[answers.answer] - logits[answers.against];

  const size = sites === "heads" ? numHeads : clean.length;
  const all = Array.from(
    { length: numLayers * size },
    (_, i): Site => [Math.floor(i / size), i % size],
  );
  const { batchSize = Math.max(1, Math.floor(TOKENS_PER_BATCH / clean.length)) } = checked;
  const metrics: number[] = [];
  while (metrics.length < all.length) {
    const batch = all.slice(metrics.length, metrics.length + batchSize);
    const { logits } = await model.forward(batch.map(() => corrupted), {
      intervene: patches(batch, sites === "heads", nameOf, cleanRun.activations!),
      logits: "last",
      signal,
    });
    for (const i of batch.keys()) {
      metrics.push(metric(logits.subarray(i * vocabSize, (i + 1) * vocabSize)));
    }
    onProgress?.({ numDone: metrics.length, numSites: all.length });
  }

  const [from, to] = [metric(corruptedRun.logits), metric(cleanRun.logits)];
  return {
    axes: sites === "heads" ? "layer head" : "layer position",
    shape: [numLayers, size],
    data: Float64Array.from(metrics, (value) => from === to ? NaN : (value - from) / (to - from)),
    metrics: Float64Array.from(metrics),
    clean: to,
    corrupted: from,
    ...answers !== undefined && readableAnswers(model, answers),
  };
}

/** Each text of a batch is patched at its own site. */
function patches(
  batch: readonly Site[],
  isHeads: boolean,
  nameOf: (layer: number) => string,
  clean: CapturedActivations,
): Interventions {
  const layers = new Set(batch.map(([layer]) => layer));
  return Object.fromEntries(
    [...layers].map((layer) => [
      nameOf(layer),
      replace(clean.get(nameOf(layer))!, {
        where({ text, position, head }) {
          const [ownLayer, index] = batch[text];
          return ownLayer === layer && index === (isHeads ? head : position);
        },
      }),
    ]),
  );
}

function checkMetric(value: unknown): number {
  if (Number.isFinite(value)) return value as number;
  const isNumber = typeof value === "number";
  const ErrorClass = isNumber ? InvalidArgumentError : TypeError;
  throw new ErrorClass(
    `Cannot ${ACTION}: the metric must be a ${isNumber ? "finite " : ""}number: ` +
      `received ${describe(value)}.`,
  );
}
