/**
 * How likely given tokens are, in one operation.
 *
 * @module
 */
import { library } from "../ffi/library.ts";
import { checkF32 } from "./check_operands.ts";
import { recorderFor } from "./recorder.ts";
import { sameShape } from "./shape.ts";
import { canSummarizeLogits } from "./summarize_logits.ts";
import type { Tensor } from "./tensor.ts";
import { dense } from "./views.ts";

/** How many elements a score has. */
export const SCORE_ELEMENTS = 8;

/**
 * How likely one token is by each row of logits. A row gets the same bits whatever other rows there are.
 *
 * Each row of the result holds, one after another:
 * - the logit of the target, and the largest, f32;
 * - 1 and how many tokens are likelier, of equal logits those with lower ids, i32; an element without meaning;
 * - log(sum(exp(logit - largest))) within 3e-7, and the entropy of the probabilities in nats, f64: two elements each. Both are
 *   NaN where no token counts or a logit is not finite; then the others mean nothing.
 *
 * @param logits (rows columns), f32
 * @param targets (rows), i32: the token, or -1 where none counts
 * @param vocabSize how many of the columns count: the first ones
 * @returns (rows 8), i32
 * @throws {TypeError} if a shape or type does not fit, or the backend has no kernel for it: ask `canSummarizeLogits()`
 * @throws {RangeError} if there are not so many columns
 */
export function scoreTargets(logits: Tensor, targets: Tensor, vocabSize: number): Tensor {
  const action = "score";
  const recorder = recorderFor(action, logits, targets);
  checkF32(action, logits);
  if (logits.shape.length !== 2) {
    throw new TypeError(`Cannot ${action} ${logits}: (rows, columns) are needed.`);
  }
  const [rows, columns] = logits.shape;
  if (!sameShape(targets.shape, [rows]) || targets.dtype !== "i32") {
    throw new TypeError(`Cannot ${action} ${logits}: received ${targets} as targets.`);
  }
  if (!(Number.isInteger(vocabSize) && vocabSize >= 1 && vocabSize <= columns)) {
    throw new RangeError(
      `Cannot ${action} ${logits}: received a vocabulary of ${vocabSize} tokens.`,
    );
  }
  if (!canSummarizeLogits(recorder.backend)) {
    throw new TypeError(`Cannot ${action} ${logits}: there is no kernel for it here.`);
  }
  return recorder.record(
    [dense(logits), dense(targets)],
    (context, logits, targets) => library().gpt2_score_targets(context, logits, targets, vocabSize),
    { shape: [rows, SCORE_ELEMENTS], dtype: "i32" },
  );
}
