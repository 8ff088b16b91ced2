/**
 * What choosing a token needs of its logits, in one operation.
 *
 * @module
 */
import { library } from "../ffi/library.ts";
import type { Backend } from "./backend.ts";
import { checkF32 } from "./check_operands.ts";
import { recorderFor } from "./recorder.ts";
import type { Tensor } from "./tensor.ts";
import { dense } from "./views.ts";

/** More of the largest are not found: by then it hardly pays. */
export const MAX_SUMMARIZED = 129;

/** Whether the backend can carry out `summarizeLogits()` and `scoreTargets()`: only kernels of this package do, on the processor. */
export function canSummarizeLogits(backend: Backend): boolean {
  return !backend.usesDevices && library().gpt2_has_logits_summary();
}

/**
 * The largest logits of each row, and what all of them add up to. A row gets the same bits whatever other rows there are.
 *
 * Each row of the result holds, one after another:
 * - the ids of the largest in ascending order, i32; of equal ones those with lower ids are taken;
 * - their logits, f32;
 * - log(sum(exp(logit - largest))) within 3e-7, f64: two elements. NaN if a logit is not finite; then the others mean nothing.
 *
 * @param logits (rows columns), f32
 * @param vocabSize how many of the columns count: the first ones
 * @param count how many of the largest are wanted
 * @returns (rows 2*count+2), i32
 * @throws {TypeError} if the shape or type does not fit, or the backend has no kernel for it
 * @throws {RangeError} if there are not so many columns, or `count` is not from 1 to 129 and at most `vocabSize`
 */
export function summarizeLogits(logits: Tensor, vocabSize: number, count: number): Tensor {
  const action = "summarize";
  const recorder = recorderFor(action, logits);
  checkF32(action, logits);
  if (logits.shape.length !== 2) {
    throw new TypeError(`Cannot ${action} ${logits}: (rows, columns) are needed.`);
  }
  const [rows, columns] = logits.shape;
  if (!(Number.isInteger(vocabSize) && vocabSize >= 1 && vocabSize <= columns)) {
    throw new RangeError(
      `Cannot ${action} ${logits}: received a vocabulary of ${vocabSize} tokens.`,
    );
  }
  const most = Math.min(MAX_SUMMARIZED, vocabSize);
  if (!(Number.isInteger(count) && count >= 1 && count <= most)) {
    throw new RangeError(
      `Cannot ${action} ${logits}: 1 to ${most} can be found: received ${count}`,
    );
  }
  if (!canSummarizeLogits(recorder.backend)) {
    throw new TypeError(
      `Cannot ${action} ${logits}: there is no kernel for it here. Use topK() and pick() instead.`,
    );
  }
  return recorder.record(
    [dense(logits)],
    (context, logits) => library().gpt2_summarize_logits(context, logits, vocabSize, count),
    { shape: [rows, 2 * count + 2], dtype: "i32" },
  );
}
