/**
 * Where in a model it is decided what it says, to first order and all at once.
 *
 * @module
 */
import { abortSignal, checkOptions, type OptionRules } from "../base/check_options.ts";
import type { CapturedActivations } from "../engine/activation_record.ts";
import type { TokenIds } from "../tokenizer/token_ids.ts";
import { activationAt } from "./activation_at.ts";
import type { ActivationPatching } from "./activation_patching.ts";
import { engineFor, type InspectableModel } from "./inspectable_model.ts";
import {
  answersOf,
  checkPrompts,
  type PatchedPrompts,
  promptRules,
  readableAnswers,
  SITES,
} from "./patched_prompts.ts";

/** Options of {@linkcode attributionPatching}. */
export interface AttributionPatchingOptions extends PatchedPrompts {
  /** Stops the computation with an `AbortError`. */
  signal?: AbortSignal;
}

/** What attribution patching uses of a `GPT2`. */
export interface DifferentiableModel extends InspectableModel {
  /** How much the logit of `answer`, less that of `against`, changes with activations; and these, where `capture` asks for them. */
  gradients(tokens: TokenIds, options: {
    of: readonly string[];
    capture: readonly string[];
    answer: number;
    against: number;
    signal?: AbortSignal;
  }): Promise<
    { value: number; gradients: CapturedActivations; activations?: CapturedActivations }
  >;
}

const ACTION = "patch by attribution";
const RULES: OptionRules<AttributionPatchingOptions> = { ...promptRules, signal: abortSignal };

/**
 * Attribution patching: what {@linkcode activationPatching} would find, estimated for all sites by one pass forward and one
 * back: the difference of an activation between both prompts, times the gradient of what is measured (Nanda, 2023,
 * "Attribution Patching"; Kramár et al., 2024, "AtP*", arXiv:2403.00745). Small differences are estimated well; where much
 * differs, as in the embeddings, or attention is saturated, look at the true value.
 *
 * ```ts
 * import { GPT2 } from "@allformers/gpt2";
 * import { activationAt, attributionPatching } from "@allformers/gpt2/inspect";
 *
 * using model = await GPT2.fromPretrained("demo");
 * const [clean, corrupted] = ["The king is", "The queen is"].map((text) => model.tokenizer!.encode(text));
 * const [answer, against] = [" his", " her"].map((text) => model.tokenizer!.encode(text)[0]);
 * const found = await attributionPatching(model, { clean, corrupted, answer, against, sites: "heads" });
 * for (let layer = 0; layer < model.config.numLayers; layer++) {
 *   console.log(layer, [...activationAt(found, layer)].map((x) => x.toFixed(2)).join(" "));
 * }
 * ```
 *
 * @param model a `GPT2`, computed on the processor
 * @param options see {@linkcode AttributionPatchingOptions}
 * @returns what `activationPatching()` returns, with estimates in `data` and `metrics`
 * @throws {TypeError} if an option has the wrong type, or the model is on a device
 * @throws {RangeError} if the prompts differ in length, one has no token or too many, a token is not in the vocabulary, or
 * both prompts have the same likeliest token and no other is given
 * @throws {NumericalError} if something is not a finite number
 * @throws {DOMException} `AbortError` (or the signal's own reason)
 */
export async function attributionPatching(
  model: DifferentiableModel,
  options: AttributionPatchingOptions,
): Promise<ActivationPatching> {
  engineFor(ACTION, model);
  const checked = checkOptions(ACTION, options, RULES);
  const { sites = "residual", signal } = checked;
  const [clean, corrupted] = checkPrompts(ACTION, model, checked);
  const { numLayers, numHeads } = model.config;
  const names = Array.from({ length: numLayers }, (_, layer) => SITES[sites](layer));

  const cleanRun = await model.forward(clean, { capture: names, logits: "last", signal });
  const { logits } = await model.forward(corrupted, { logits: "last", signal });
  const { answer, against } = answersOf(ACTION, model, checked, cleanRun.logits, logits);
  const [from, to] = [logits, cleanRun.logits].map((each) => each[answer] - each[against]);
  const corruptedRun = await model.gradients(corrupted, {
    of: names,
    capture: names,
    answer,
    against,
    signal,
  });

  // At a position all that there is; of a head what it gathers at all positions: both are one part of an activation.
  const size = sites === "heads" ? numHeads : clean.length;
  const estimates = names.flatMap((name) => {
    const [gradients, before, after] = [
      corruptedRun.gradients,
      corruptedRun.activations!,
      cleanRun.activations!,
    ].map((run) => run.get(name)!);
    return Array.from({ length: size }, (_, index) => {
      const [x, y] = [activationAt(before, 0, index), activationAt(after, 0, index)];
      return activationAt(gradients, 0, index)
        .reduce((sum, gradient, i) => sum + gradient * (y[i] - x[i]), 0);
    });
  });
  return {
    axes: sites === "heads" ? "layer head" : "layer position",
    shape: [numLayers, size],
    data: Float64Array.from(estimates, (change) => from === to ? NaN : change / (to - from)),
    metrics: Float64Array.from(estimates, (change) => from + change),
    clean: to,
    corrupted: from,
    ...readableAnswers(model, { answer, against }),
  };
}
