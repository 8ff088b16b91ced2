/**
 * The gradient of what is added to every row.
 *
 * @module
 */
import { library } from "../../ffi/library.ts";
import { checkF32, checkUnitStride } from "../check_operands.ts";
import type { Tensor } from "../tensor.ts";
import { trainingRecorder } from "./has_training_kernels.ts";

/**
 * The sum of all rows: the gradient of a bias. Rows are added one after another, so it has the same bits on any number of
 * threads.
 *
 * @param x (..., columns), f32; only the numbers of a row have to lie side by side
 * @returns (columns), f32
 * @throws {TypeError} if a type or stride does not fit, or the backend has no kernel for it: ask `hasTrainingKernels()`
 */
export function sumOverRows(x: Tensor): Tensor {
  const action = "sum the rows of";
  const recorder = trainingRecorder(action, x);
  checkF32(action, x);
  checkUnitStride(action, x);
  return recorder.record(
    [x],
    (context, x) => library().gpt2_sum_over_rows(context, x),
    { shape: [x.shape[x.shape.length - 1]], dtype: "f32" },
  );
}
