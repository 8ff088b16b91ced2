/**
 * The way back through layer normalization.
 *
 * @module
 */
import { library } from "../../ffi/library.ts";
import { checkF32, checkNumber } from "../check_operands.ts";
import type { Tensor } from "../tensor.ts";
import { dense, reshape, slice } from "../views.ts";
import { checkShape } from "./check_training.ts";
import { trainingRecorder } from "./has_training_kernels.ts";

/**
 * The gradients of `layerNorm(x, weight, bias, epsilon)`. The same bits on any number of threads.
 *
 * @param x (..., embed), f32
 * @param weight (embed), f32
 * @param gradient of the result, the shape of `x`, f32
 * @param epsilon added to the variance; 0 or more
 * @returns `input`: the shape of `x`; `weightAndBias`: (2, embed), the gradients of the two
 * @throws {TypeError} if a shape or type does not fit, or the backend has no kernel for it: ask `hasTrainingKernels()`
 * @throws {RangeError} if epsilon is negative
 */
export function layerNormGradients(
  x: Tensor,
  weight: Tensor,
  gradient: Tensor,
  epsilon: number,
): { input: Tensor; weightAndBias: Tensor } {
  const action = "find the gradients of the normalization of";
  const recorder = trainingRecorder(action, x, weight, gradient);
  checkF32(action, x);
  const embed = x.shape[x.shape.length - 1];
  checkShape(action, weight, [embed], "the weight");
  checkShape(action, gradient, x.shape, "the gradient");
  checkNumber(action, epsilon);
  if (!(epsilon >= 0)) {
    throw new RangeError(`Cannot ${action} ${x}: epsilon must be 0 or more: received ${epsilon}`);
  }
  const { size } = x;
  const all = recorder.record(
    [dense(x), dense(weight), dense(gradient)],
    (context, x, weight, gradient) =>
      library().gpt2_layer_norm_gradients(context, x, weight, gradient, epsilon),
    { shape: [size + 2 * embed], dtype: "f32" },
  );
  return {
    input: reshape(slice(all, 0, 0, size), x.shape),
    weightAndBias: reshape(slice(all, 0, size, size + 2 * embed), [2, embed]),
  };
}
