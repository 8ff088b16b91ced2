/**
 * Taking a part of a model away.
 *
 * @module
 */
import { anything, checkOptions } from "../base/check_options.ts";
import { showCall } from "../base/show_fields.ts";
import type { CapturedActivation } from "../engine/activation_record.ts";
import type { Intervention } from "../engine/intervention.ts";
import { scale } from "../tensor/elementwise.ts";
import { broadcastTo, constant } from "../tensor/ops.ts";
import { capturedRows } from "./captured.ts";
import { type PlaceOptions, placeRules, Places } from "./places.ts";

/** Options of {@linkcode ablate}. */
export interface AblateOptions extends PlaceOptions {
  /**
   * The same activation of other texts: instead of zeros, its mean over all their positions is written. Zeros may be far
   * from all that later blocks have ever seen; the mean is what they see if nothing is known.
   */
  readonly mean?: CapturedActivation;
}

const ACTION = "ablate";

/**
 * Takes away what an activation tells: an intervention that writes zeros, or a mean.
 *
 * ```ts
 * import { GPT2 } from "@allformers/gpt2";
 * import { ablate } from "@allformers/gpt2/inspect";
 *
 * using model = await GPT2.fromPretrained("demo");
 * const text = model.tokenizer!.encode("ROMEO:\nO, she doth teach the torches to burn bright");
 * const { loss } = await model.forward(text.slice(0, -1), {
 *   targets: text.slice(1),
 *   intervene: { "blocks.0.attention.attended": ablate({ heads: [1, 3] }) },
 * });
 * console.log("without two heads:", loss);
 * ```
 *
 * To ablate heads in `blocks.*.attention.attended` is the same as to set their columns of the output projection to zero.
 *
 * @param options which heads, positions and texts; without any, the whole activation
 * @throws {TypeError} if an option has the wrong type; where it is used, if the activation has no heads or the mean is
 * one of another activation
 * @throws {RangeError} if a head or position is out of range
 */
export function ablate(options: AblateOptions = {}): Intervention {
  const { mean, ...restriction } = checkOptions(ACTION, options, { ...placeRules, mean: anything });
  const places = new Places(ACTION, restriction);
  const ofOthers = mean === undefined ? undefined : meanRows(mean);
  const intervention: Intervention = {
    change(x, context) {
      if (ofOthers === undefined) return places.choose(scale(x, 0), x, context);
      const { heads, width, data, axes } = ofOthers;
      const fits = axes === context.axes && width === x.shape.at(-1) &&
        (x.shape.length === 3 || heads === x.shape[1]);
      if (!fits) {
        throw new TypeError(
          `Cannot ${ACTION} ${context.name}: the mean must be one of the same activation, ` +
            `${context.axes}, of vectors of ${x.shape.at(-1)}: received ${axes}, of ${width}.`,
        );
      }
      const shape = axes.includes("heads") ? [1, heads, 1, width] : [1, 1, width];
      return places.choose(broadcastTo(constant(data, shape, x), x.shape), x, context);
    },
  };
  return showCall(
    intervention,
    ACTION,
    mean === undefined ? restriction : { ...restriction, mean },
  );
}

/** The mean over texts and positions, (heads width). */
function meanRows(activation: CapturedActivation) {
  const { batch, heads, seq, width, row } = capturedRows(ACTION, activation);
  if (activation.axes.includes("seq_k")) {
    throw new TypeError(
      `Cannot ${ACTION}: attention of different positions has no mean: received ` +
        `${activation.axes}. freeze() keeps that of another run.`,
    );
  }
  const data = new Float64Array(heads * width);
  let numRows = 0;
  for (let text = 0; text < batch; text++) {
    for (let position = 0; position < seq; position++) {
      if (row(text, 0, position) === undefined) continue;
      numRows++;
      for (let head = 0; head < heads; head++) {
        row(text, head, position)!.forEach((value, i) => data[head * width + i] += value);
      }
    }
  }
  return { heads, width, axes: activation.axes, data: data.map((sum) => sum / numRows) };
}
