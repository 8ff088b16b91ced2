/**
 * What the norm of gradients is made of.
 *
 * @module
 */
import { library } from "../../ffi/library.ts";
import { checkF32 } from "../check_operands.ts";
import type { Tensor } from "../tensor.ts";
import { dense } from "../views.ts";
import { trainingRecorder } from "./has_training_kernels.ts";

/**
 * The sum of `x * x` over all elements, added up in f64. The same bits on any number of threads.
 *
 * @param x any shape, f32
 * @returns (1), f32
 * @throws {TypeError} if the type does not fit, or the backend has no kernel for it: ask `hasTrainingKernels()`
 */
export function sumOfSquares(x: Tensor): Tensor {
  const action = "sum the squares of";
  const recorder = trainingRecorder(action, x);
  checkF32(action, x);
  return recorder.record(
    [dense(x)],
    (context, x) => library().gpt2_sum_of_squares(context, x),
    { shape: [1], dtype: "f32" },
  );
}
