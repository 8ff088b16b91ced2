/**
 * How far the activations of two models are apart.
 *
 * @module
 */
import { abortSignal, checkOptions, type OptionRules, texts } from "../base/check_options.ts";
import { InvalidArgumentError } from "../base/errors.ts";
import type { CapturedActivation } from "../engine/activation_record.ts";
import type { TokenIds } from "../tokenizer/token_ids.ts";
import { engineFor, type InspectableModel } from "./inspectable_model.ts";

/** Options of {@linkcode compareActivations}. */
export interface CompareActivationsOptions {
  /**
   * What is compared: names of activations, in which `*` stands for any characters. Default: the embedding, what each block's
   * attention and MLP add, the stream after each block, and the logits.
   */
  names?: readonly string[];
  /** Stops the computation with an `AbortError`. */
  signal?: AbortSignal;
}

/** How far an activation of one model is from that of another. */
export interface ActivationDifference {
  /** Which activation. */
  readonly name: string;
  /** `|a - b| / |a|`, where `|a|` is the root of the sum of all squares; 0 if both are all zeros. */
  readonly relativeError: number;
  /** The largest `|a - b|` of one element. */
  readonly maxDifference: number;
}

const ACTION = "compare activations";
const RULES: OptionRules<CompareActivationsOptions> = { names: texts, signal: abortSignal };
const DEFAULT_NAMES = [
  "embedding",
  "blocks.*.attention.output",
  "blocks.*.mlp.output",
  "blocks.*.residual",
  "logits",
];

/**
 * Computes the same texts with two models, and tells how far each activation of the second is from that of the first: where
 * does quantization hurt?
 *
 * ```ts
 * import { GPT2 } from "@allformers/gpt2";
 * import { compareActivations } from "@allformers/gpt2/inspect";
 *
 * using exact = await GPT2.fromPretrained("demo", { type: "f32" });
 * using quantized = await GPT2.fromPretrained("demo", { type: "q4_0" });
 * const tokens = exact.tokenizer!.encode("First Citizen:\nBefore we proceed any further, hear me speak.");
 * for (const { name, relativeError } of await compareActivations(exact, quantized, tokens)) {
 *   console.log(name.padEnd(30), `${(100 * relativeError).toFixed(2)} %`);
 * }
 * ```
 *
 * @param modelA a `GPT2`
 * @param modelB another of the same sizes
 * @param tokens one text, or several of any lengths
 * @param options see {@linkcode CompareActivationsOptions}
 * @returns the differences in the order in which the activations are computed
 * @throws {TypeError} if an argument has the wrong type
 * @throws {RangeError} if the models have different sizes, there is no such activation or token, or a text is too long
 * @throws {DOMException} `AbortError` (or the signal's own reason)
 */
export async function compareActivations(
  modelA: InspectableModel,
  modelB: InspectableModel,
  tokens: TokenIds | readonly TokenIds[],
  options: CompareActivationsOptions = {},
): Promise<ActivationDifference[]> {
  engineFor(ACTION, modelA);
  engineFor(ACTION, modelB);
  const { names: capture = DEFAULT_NAMES, signal } = checkOptions(ACTION, options, RULES);
  checkSizes(modelA, modelB);
  const [a, b] = [
    await modelA.forward(tokens, { capture, logits: "none", signal }),
    await modelB.forward(tokens, { capture, logits: "none", signal }),
  ];
  return [...a.activations ?? []].map(([name, activation]) => ({
    name,
    ...difference(activation, b.activations!.get(name)!),
  }));
}

/** Positions that a shorter text does not have are NaN in both, and scores of later positions infinite: they do not count. */
function difference({ data: a }: CapturedActivation, { data: b }: CapturedActivation) {
  let [squares, errors, maxDifference] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    if (!Number.isFinite(a[i]) && Object.is(a[i], b[i])) continue;
    const error = Math.abs(a[i] - b[i]);
    squares += a[i] ** 2;
    errors += error ** 2;
    maxDifference = Math.max(maxDifference, error);
  }
  return { relativeError: errors === 0 ? 0 : Math.sqrt(errors / squares), maxDifference };
}

function checkSizes({ config: a }: InspectableModel, { config: b }: InspectableModel): void {
  for (const size of ["numLayers", "numHeads", "embeddingDim", "hiddenDim", "vocabSize"] as const) {
    if (a[size] === b[size]) continue;
    throw new InvalidArgumentError(
      `Cannot ${ACTION}: both models must have the same ${size}: received ${a[size]} and ${
        b[size]
      }.`,
    );
  }
}
