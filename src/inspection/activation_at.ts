/**
 * A part of what was captured.
 *
 * @module
 */
import { describe } from "../base/describe.ts";
import { InvalidArgumentError } from "../base/errors.ts";

/** Numbers with axes: a captured activation, a gradient, or what patching has found. */
export interface Measured<Data extends Float32Array | Float64Array> {
  /** The sizes of the axes, outermost first. */
  readonly shape: readonly number[];
  /** The elements, row by row. */
  readonly data: Data;
}

const ACTION = "take a part of an activation";

/**
 * The part of an activation at the first of its axes: all that the axes after them have.
 *
 * ```ts
 * import { GPT2 } from "@allformers/gpt2";
 * import { activationAt } from "@allformers/gpt2/inspect";
 *
 * using model = await GPT2.fromPretrained("demo");
 * const name = "blocks.2.attention.weights"; // batch heads seq_q seq_k
 * const tokens = model.tokenizer!.encode("ROMEO:\nMy love");
 * const { activations } = await model.forward(tokens, { capture: [name] });
 * console.log(activationAt(activations!.get(name)!, 0, 3, -1)); // where head 3 looks from the last token
 * ```
 *
 * @param activation what `capture` or `gradients()` gave, or another object with `shape` and `data`
 * @param indices one for each of the first axes, counted from the end of the axis if negative. Where texts have different
 * lengths, -1 is the last position of the longest one.
 * @returns the elements themselves, not a copy
 * @throws {TypeError} if the activation is none, or an index no number
 * @throws {RangeError} if there is no such axis or index
 */
export function activationAt<Data extends Float32Array | Float64Array>(
  activation: Measured<Data>,
  ...indices: readonly number[]
): Data {
  const { shape, data } = checkActivation(activation);
  if (indices.length > shape.length) {
    throw new InvalidArgumentError(
      `Cannot ${ACTION}: it has ${shape.length} axes, (${shape.join(", ")}): received ` +
        `${indices.length} indices.`,
    );
  }
  let [begin, size] = [0, data.length];
  indices.forEach((given, axis) => {
    const length = shape[axis];
    const index = given < 0 ? length + given : given;
    if (!Number.isInteger(index) || index < 0 || index >= length) {
      const ErrorClass = typeof given === "number" ? InvalidArgumentError : TypeError;
      throw new ErrorClass(
        `Cannot ${ACTION}: index ${axis} must be an integer from 0 to ${length - 1}, or from ` +
          `-${length} to -1, counted from the end: received ${describe(given)}.`,
      );
    }
    size /= length;
    begin += index * size;
  });
  return data.subarray(begin, begin + size) as Data;
}

function checkActivation<Data extends Float32Array | Float64Array>(
  activation: Measured<Data>,
): Measured<Data> {
  const { shape, data } = activation ?? {};
  const isActivation = Array.isArray(shape) &&
    (data instanceof Float32Array || data instanceof Float64Array) &&
    data.length === shape.reduce((product, size) => product * size, 1);
  if (isActivation) return activation;
  throw new TypeError(
    `Cannot ${ACTION}: an object with shape and data is needed: received ${
      describe(activation)
    }. ` +
      "forward() with capture gives them, by name.",
  );
}
