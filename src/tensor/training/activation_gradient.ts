/**
 * The way back through GELU.
 *
 * @module
 */
import { describe } from "../../base/describe.ts";
import { library } from "../../ffi/library.ts";
import { checkF32 } from "../check_operands.ts";
import type { Tensor } from "../tensor.ts";
import { dense } from "../views.ts";
import { checkShape } from "./check_training.ts";
import { trainingRecorder } from "./has_training_kernels.ts";

/** `"gelu_tanh"`: GPT-2's approximation of GELU. `"gelu"`: GELU itself, as Cerebras-GPT has it. */
export type Activation = "gelu_tanh" | "gelu";

/**
 * `gradient` times the derivative of the activation at `x`.
 *
 * @param x what was activated, any shape, f32
 * @param gradient of the result, the shape of `x`, f32
 * @param activation which of the two
 * @returns the shape of `x`, f32
 * @throws {TypeError} if a shape or type does not fit, or the backend has no kernel for it: ask `hasTrainingKernels()`
 */
export function activationGradient(x: Tensor, gradient: Tensor, activation: Activation): Tensor {
  const action = "find the gradient of GELU of";
  const recorder = trainingRecorder(action, x, gradient);
  checkF32(action, x);
  checkShape(action, gradient, x.shape, "the gradient");
  if (activation !== "gelu_tanh" && activation !== "gelu") {
    throw new TypeError(
      `Cannot ${action} ${x}: the activation is gelu_tanh or gelu: received ${
        describe(activation)
      }`,
    );
  }
  return recorder.record(
    [dense(x), dense(gradient)],
    (context, x, gradient) =>
      library().gpt2_gelu_gradient(context, x, gradient, activation === "gelu"),
    { shape: x.shape, dtype: "f32" },
  );
}
