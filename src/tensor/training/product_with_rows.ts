/**
 * The way of a gradient back through a frozen weight of any type.
 *
 * @module
 */
import { library } from "../../ffi/library.ts";
import { checkF32, checkReal, checkUnitStride } from "../check_operands.ts";
import type { Precision } from "../recorder.ts";
import type { Tensor } from "../tensor.ts";
import { contiguous, reshape } from "../views.ts";
import { checkPrecision } from "./check_training.ts";
import { trainingRecorder } from "./has_training_kernels.ts";

/**
 * `y[..., c, i] = sum_r gradient[..., c, r] * weight[r, i]`: what comes before a product with `weight` gets of the gradient of
 * the product. Rows of a quantized weight are widened as they are needed: never the whole weight.
 *
 * A number of the result is added up in the same order on any number of threads.
 *
 * @param weight (rows, inner), of any type of real numbers but f64, in plain memory
 * @param gradient (..., cols, rows), f32
 * @param precision what is multiplied; sums are f32
 * @returns (..., cols, inner), f32
 * @throws {TypeError} if a shape or type does not fit, or the backend has no kernel for it: ask `hasTrainingKernels()`
 */
export function productWithRows(weight: Tensor, gradient: Tensor, precision: Precision): Tensor {
  const action = "multiply";
  const recorder = trainingRecorder(action, weight, gradient);
  checkReal(action, weight);
  checkF32(action, gradient);
  checkPrecision(action, precision);
  const rows = gradient.shape[gradient.shape.length - 1];
  if (weight.shape.length !== 2 || weight.shape[0] !== rows || gradient.shape.length < 2) {
    throw new TypeError(
      `Cannot ${action} ${gradient} with the rows of ${weight}: their shapes do not fit.`,
    );
  }
  checkUnitStride(action, weight);
  const inner = weight.shape[1];
  const isMatrix = gradient.shape.length === 2;
  const matrix = isMatrix ? gradient : reshape(contiguous(gradient), [gradient.size / rows, rows]);
  const y = recorder.record(
    [weight, matrix],
    (context, weight, x) =>
      library().gpt2_product_with_rows(context, weight, x, precision === "bf16"),
    { shape: [matrix.shape[0], inner], dtype: "f32" },
  );
  return isMatrix ? y : reshape(y, [...gradient.shape.slice(0, -1), inner]);
}
