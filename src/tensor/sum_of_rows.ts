/**
 * The sum of all rows of a matrix.
 *
 * @module
 */
import { library } from "../ffi/library.ts";
import { recorderFor } from "./recorder.ts";
import type { Tensor } from "./tensor.ts";
import { hasTrainingKernels } from "./training/has_training_kernels.ts";
import { sumOverRows } from "./training/sum_over_rows.ts";
import { contiguous, permute, reshape } from "./views.ts";

/**
 * The rows of a matrix added to each other.
 *
 * @param x (rows columns), f32, contiguous
 * @returns (columns)
 */
export function sumOfRows(x: Tensor): Tensor {
  const [rows, columns] = x.shape;
  const recorder = recorderFor("sum", x);
  if (hasTrainingKernels(recorder.backend)) return sumOverRows(x);
  if (rows === 1) return reshape(x, [columns]);
  // ggml adds up along rows only.
  const turned = contiguous(permute(x, [1, 0]));
  const sums = recorder.record(
    [turned],
    (context, x) => library().ggml_sum_rows(context, x),
    { shape: [columns, 1], dtype: "f32" },
  );
  return reshape(sums, [columns]);
}
