/**
 * A direction in the residual stream.
 *
 * @module
 */
import { abortSignal, checkOptions } from "../base/check_options.ts";
import { describe } from "../base/describe.ts";
import { InvalidArgumentError } from "../base/errors.ts";
import { type TokenIds, toRows } from "../tokenizer/token_ids.ts";
import { engineFor, type InspectableModel } from "./inspectable_model.ts";

const ACTION = "find a steering vector";

/**
 * What is in the residual stream after some texts and not after others: the mean of `blocks.<layer>.residual` at the last
 * position of the ones, less that of the others (Turner et al., 2023, "Steering Language Models With Activation
 * Engineering", arXiv:2308.10248, where each is one text; Rimsky et al., 2023, arXiv:2312.06681, take means).
 *
 * ```ts
 * import { GPT2 } from "@allformers/gpt2";
 * import { steeringVector } from "@allformers/gpt2/inspect";
 *
 * using model = await GPT2.fromPretrained("demo");
 * const [king, queen] = ["Long live the king", "Long live the queen"].map((text) => model.tokenizer!.encode(text));
 * const vector = await steeringVector(model, king, queen, 1);
 * console.log(Math.hypot(...vector)); // give it to steer()
 * ```
 *
 * @param model a `GPT2`
 * @param positive the tokens of one text, or of several
 * @param negative the tokens of one text, or of several
 * @param layer the index of the block after which the stream is read
 * @param options `signal` stops the work with an `AbortError`
 * @returns (embed)
 * @throws {TypeError} if an argument has the wrong type
 * @throws {RangeError} if there is no such layer or token, no text, or one that is empty or too long
 * @throws {DOMException} `AbortError` (or the signal's own reason)
 */
export async function steeringVector(
  model: InspectableModel,
  positive: TokenIds | readonly TokenIds[],
  negative: TokenIds | readonly TokenIds[],
  layer: number,
  options: { signal?: AbortSignal } = {},
): Promise<Float32Array<ArrayBuffer>> {
  engineFor(ACTION, model);
  const { signal } = checkOptions(ACTION, options, { signal: abortSignal });
  const { numLayers } = model.config;
  if (!(Number.isInteger(layer) && layer >= 0 && layer < numLayers)) {
    const ErrorClass = typeof layer === "number" ? InvalidArgumentError : TypeError;
    throw new ErrorClass(
      `Cannot ${ACTION}: layer must be an integer from 0 to ${numLayers - 1}: ` +
        `received ${describe(layer)}.`,
    );
  }
  const name = `blocks.${layer}.residual`;
  const [towards, away] = [
    await meanAtLast(model, toRows(ACTION, "positive", positive), name, signal),
    await meanAtLast(model, toRows(ACTION, "negative", negative), name, signal),
  ];
  return Float32Array.from(towards, (value, i) => value - away[i]);
}

/** The mean of an activation at the last position of each text, (embed). */
async function meanAtLast(
  model: InspectableModel,
  texts: readonly TokenIds[],
  name: string,
  signal: AbortSignal | undefined,
): Promise<Float64Array> {
  if (texts.length === 0) {
    throw new InvalidArgumentError(`Cannot ${ACTION}: at least one text is needed: received none.`);
  }
  const capture = { names: [name], positions: "last" } as const;
  const { activations } = await model.forward(texts, { capture, logits: "none", signal });
  const { data } = activations!.get(name)!;
  const width = data.length / texts.length;
  const sum = new Float64Array(width);
  data.forEach((value, i) => sum[i % width] += value);
  return sum.map((value) => value / texts.length);
}
