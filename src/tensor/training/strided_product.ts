/**
 * Products of matrices in any order of axes.
 *
 * @module
 */
import { library } from "../../ffi/library.ts";
import { checkF32 } from "../check_operands.ts";
import type { Precision } from "../recorder.ts";
import type { Tensor } from "../tensor.ts";
import { checkPrecision } from "./check_training.ts";
import { trainingRecorder } from "./has_training_kernels.ts";

/**
 * `y[..., c, r] = sum_i x[..., c, i] * weight[..., r, i]`, without copies: both are packed as they lie, so that either way back
 * through a product is a product of permuted views.
 *
 * A number of the result is added up in the same order whatever else is computed with it, and on any number of threads.
 *
 * @param weight (..., rows, inner), f32 with any strides. Its outer axes are those of `x`, or 1: then it is repeated, and the
 *   rows of all outer axes of `x` that lie in step are multiplied as one matrix
 * @param x (..., cols, inner), f32 with any strides
 * @param precision what is multiplied; sums are f32
 * @returns (..., cols, rows), f32
 * @throws {TypeError} if a shape or type does not fit, or the backend has no kernel for it: ask `hasTrainingKernels()`
 */
export function stridedProduct(weight: Tensor, x: Tensor, precision: Precision): Tensor {
  const action = "multiply";
  const recorder = trainingRecorder(action, weight, x);
  checkF32(action, weight);
  checkF32(action, x);
  checkPrecision(action, precision);
  const rank = x.shape.length;
  const fits = weight.shape.length === rank && rank >= 2 &&
    weight.shape[rank - 1] === x.shape[rank - 1] &&
    x.shape.slice(0, -2).every((size, axis) => [1, size].includes(weight.shape[axis]));
  if (!fits) {
    throw new TypeError(`Cannot ${action} ${weight} with ${x}: their shapes do not fit.`);
  }
  return recorder.record(
    [weight, x],
    (context, weight, x) =>
      library().gpt2_strided_product(context, weight, x, precision === "bf16"),
    { shape: [...x.shape.slice(0, -1), weight.shape[rank - 2]], dtype: "f32" },
  );
}
