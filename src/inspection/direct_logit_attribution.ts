/**
 * What speaks for a token.
 *
 * @module
 */
import {
  abortSignal,
  checkOptions,
  type OptionRule,
  type OptionRules,
} from "../base/check_options.ts";
import { InvalidArgumentError } from "../base/errors.ts";
import type { Engine } from "../engine/engine.ts";
import type { TokenIds } from "../tokenizer/token_ids.ts";
import { engineFor, type InspectableModel } from "./inspectable_model.ts";
import { checkTokenOption, oneText, positionIn } from "./one_text.ts";
import {
  capturedParts,
  readVector,
  type ResidualPartKind,
  residualParts,
} from "./residual_parts.ts";
import { type ReadableToken, readableToken } from "../tokenizer/readable_token.ts";
import { unembeddingRows } from "./unembedding.ts";

/** Options of {@linkcode directLogitAttribution}. */
export interface DirectLogitAttributionOptions {
  /** The token whose logit is explained. Default: the likeliest. */
  answer?: number;
  /** A token whose logit is subtracted from that. Default: none. */
  against?: number;
  /** After which position, counted from the end if negative. Default: the last one. */
  position?: number;
  /** Stops the computation with an `AbortError`. */
  signal?: AbortSignal;
}

/** How much one part of the model adds to the logit. */
export interface LogitContribution {
  /** What kind of thing it is; `outputBias` is that of the projection after a block's heads. */
  readonly kind: ResidualPartKind | "finalNormBias";
  /** What it is called, in the words of the model: `blocks.3.attention.heads.5`, `blocks.3.mlp`. */
  readonly name: string;
  /** The index of its block, if it is in one. */
  readonly layer?: number;
  /** Which head, if it is one. */
  readonly head?: number;
  /** What it adds to the logit, or to the difference of the two. */
  readonly logit: number;
}

/** What {@linkcode directLogitAttribution} finds. */
export interface DirectLogitAttribution {
  /** After which position of the text. */
  readonly position: number;
  /** The token that is explained. */
  readonly answer: ReadableToken;
  /** The token that it is compared with. */
  readonly against?: ReadableToken;
  /** The logit of the answer that the model computes, less that of `against`. */
  readonly logit: number;
  /** What it is the sum of, in the order in which it is computed. */
  readonly contributions: readonly LogitContribution[];
  /**
   * What is left of the logit without the contributions: how the model rounds. With F32 weights that is less than 1e-4; with
   * quantized ones, where the model rounds what it multiplies to 8 bits, a few hundredths of a logit.
   */
  readonly remainder: number;
}

const ACTION = "attribute logits";
const token: OptionRule = {
  meaning: "a token, which is a number: model.tokenizer.encode(text)[0] is the first of a text",
  isType: (value) => typeof value === "number",
};
const RULES: OptionRules<DirectLogitAttributionOptions> = {
  answer: token,
  against: token,
  position: { meaning: "a number", isType: (value) => typeof value === "number" },
  signal: abortSignal,
};

/**
 * Direct logit attribution: how much the embeddings, each head, each MLP and the biases add to a logit, or to the
 * difference of two, on the direct way through the residual stream (Elhage et al., 2021, "A Mathematical Framework for
 * Transformer Circuits"). What they do by way of later blocks is counted there.
 *
 * The final norm is taken as the linear map that it is with the mean and variance that it had (TransformerLens:
 * `decompose_resid` and `stack_head_results` with `apply_ln`); its bias is a contribution. All of them sum to the logit.
 *
 * A logit alone says little: only differences matter to the softmax. Name a rival in `against`.
 *
 * ```ts
 * import { GPT2 } from "@allformers/gpt2";
 * import { directLogitAttribution } from "@allformers/gpt2/inspect";
 *
 * using model = await GPT2.fromPretrained("demo");
 * const [king, man] = [" king", " man"].map((word) => model.tokenizer!.encode(word)[0]);
 * const tokens = model.tokenizer!.encode("KING RICHARD III:\nI am the");
 * const { contributions } = await directLogitAttribution(model, tokens, { answer: king, against: man });
 * for (const { name, logit } of contributions.toSorted((a, b) => b.logit - a.logit).slice(0, 3)) {
 *   console.log(name, logit.toFixed(2));
 * }
 * ```
 *
 * @param model a `GPT2`
 * @param tokens one text
 * @param options see {@linkcode DirectLogitAttributionOptions}
 * @throws {TypeError} if an argument has the wrong type
 * @throws {RangeError} if a token is not in the vocabulary, there are more than the context length, or there is no such
 * position
 * @throws {NumericalError} if a logit is not a finite number
 * @throws {DOMException} `AbortError` (or the signal's own reason)
 */
export async function directLogitAttribution(
  model: InspectableModel,
  tokens: TokenIds,
  options: DirectLogitAttributionOptions = {},
): Promise<DirectLogitAttribution> {
  const engine = engineFor(ACTION, model);
  const { answer, against, position: asked, signal } = checkOptions(ACTION, options, RULES);
  const whole = oneText(ACTION, tokens, model);
  const position = positionIn(ACTION, asked, whole.length);
  if (answer !== undefined) checkTokenOption(ACTION, "answer", answer, model);
  if (against !== undefined) checkTokenOption(ACTION, "against", against, model);
  if (answer !== undefined && answer === against) {
    throw new InvalidArgumentError(
      `Cannot ${ACTION}: \`answer\` and \`against\` must differ: received ${answer} for both.`,
    );
  }

  // What comes later changes nothing.
  const text = whole.slice(0, position + 1);
  const residual = `blocks.${model.config.numLayers - 1}.residual`;
  const { logits, activations } = await model.forward(text, {
    capture: { names: [...capturedParts, residual], positions: "last" },
    logits: "last",
    signal,
  });
  const chosen = answer ?? logits.reduce((best, logit, id) => logit > logits[best] ? id : best, 0);
  const parts = await residualParts(engine, activations!, text[position], position, signal);
  const direction = await logitDirection(engine, chosen, against, signal);
  const [weight, bias] = ["finalNorm.weight", "finalNorm.bias"].map((name) =>
    readVector(engine.model.weights, name)
  );

  const stream = activations!.get(residual)!.data;
  const factor = 1 / Math.sqrt(variance(stream) + model.config.layerNormEpsilon);
  const read = centered(direction.map((x, i) => x * weight[i] * factor));
  const contributions: LogitContribution[] = [
    ...parts.map(({ data, ...part }) => ({ ...part, logit: dot(data, read) })),
    { kind: "finalNormBias", name: "finalNorm.bias", logit: dot(bias, direction) },
  ];
  const logit = logits[chosen] - (against === undefined ? 0 : logits[against]);
  const sum = contributions.reduce((sum, { logit }) => sum + logit, 0);
  return {
    position,
    answer: readableToken(model, chosen),
    ...against !== undefined && { against: readableToken(model, against) },
    logit,
    contributions,
    remainder: logit - sum,
  };
}

/** What the normalized stream is multiplied with to give the logit, (embed). */
async function logitDirection(
  engine: Engine,
  answer: number,
  against: number | undefined,
  signal: AbortSignal | undefined,
): Promise<Float64Array> {
  const ids = against === undefined ? [answer] : [answer, against];
  const [row, other] = await unembeddingRows(engine, ids, signal);
  return Float64Array.from(row, (x, i) => x - (other?.[i] ?? 0));
}

/**
 * `x` without its mean. The norm subtracts the mean of a stream before this is multiplied with it: that is the same as to
 * subtract it from what it is multiplied with, which is done once.
 */
function centered(x: Float64Array): Float64Array {
  const mean = x.reduce((sum, value) => sum + value, 0) / x.length;
  return x.map((value) => value - mean);
}

function variance(x: Float32Array): number {
  return centered(Float64Array.from(x)).reduce((sum, value) => sum + value * value, 0) / x.length;
}

function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}
