/**
 * The loss of predictions, and its gradient.
 *
 * @module
 */
import { library } from "../../ffi/library.ts";
import { checkF32 } from "../check_operands.ts";
import { recordOf, type Tensor } from "../tensor.ts";
import { dense } from "../views.ts";
import { checkInPlace, checkIntegers, checkShape } from "./check_training.ts";
import { trainingRecorder } from "./has_training_kernels.ts";

/**
 * The cross-entropy of each row of logits with a target, and what its gradient needs. The same bits on any number of threads,
 * and whatever other rows there are.
 *
 * @param logits (rows columns), f32
 * @param targets (rows), i32: the token, or -1 where none counts
 * @param vocabSize how many of the columns count: the first ones
 * @returns (rows 2), f32: the loss in nats, 0 where no target counts, and log(sum(e^logit)); NaN where a logit is not finite
 * @throws {TypeError} if a shape or type does not fit, or the backend has no kernel for it: ask `hasTrainingKernels()`
 * @throws {RangeError} if there are not so many columns
 */
export function crossEntropy(logits: Tensor, targets: Tensor, vocabSize: number): Tensor {
  const action = "find the cross-entropy of";
  const recorder = trainingRecorder(action, logits, targets);
  checkLogits(action, logits, targets, vocabSize);
  return recorder.record(
    [dense(logits), dense(targets)],
    (context, logits, targets) => library().gpt2_cross_entropy(context, logits, targets, vocabSize),
    { shape: [logits.shape[0], 2], dtype: "f32" },
  );
}

/**
 * The gradient of the losses, in place of the logits: `(softmax(logits) - one_hot(target)) * factor`; 0 in rows without a
 * target and in columns that do not count. Whatever else reads the logits has to be recorded before.
 *
 * @param logits as `crossEntropy()` got them; their elements have to lie side by side
 * @param targets as `crossEntropy()` got them
 * @param crossEntropies as `crossEntropy()` returned them
 * @param factor (1), f32: the gradient of each loss, such as 1 / the number of targets that count
 * @param vocabSize as `crossEntropy()` got it
 * @returns the memory of the logits, after that
 * @throws {TypeError} if a shape or type does not fit, or the backend has no kernel for it: ask `hasTrainingKernels()`
 * @throws {RangeError} if there are not so many columns
 */
export function crossEntropyGradient(
  logits: Tensor,
  targets: Tensor,
  crossEntropies: Tensor,
  factor: Tensor,
  vocabSize: number,
): Tensor {
  const action = "find the gradient of the cross-entropy of";
  const recorder = trainingRecorder(action, logits, targets, crossEntropies, factor);
  checkLogits(action, logits, targets, vocabSize);
  checkShape(action, crossEntropies, [logits.shape[0], 2], "cross-entropies");
  checkShape(action, factor, [1], "the factor");
  checkInPlace(action, logits);
  return recorder.record(
    [dense(logits), dense(targets), dense(crossEntropies), dense(factor)],
    (context, logits, targets, crossEntropies, factor) =>
      library().gpt2_cross_entropy_gradient(
        context,
        logits,
        targets,
        crossEntropies,
        factor,
        vocabSize,
      ),
    { shape: logits.shape, dtype: "f32" },
    { viewOf: recordOf(logits) },
  );
}

function checkLogits(action: string, logits: Tensor, targets: Tensor, vocabSize: number): void {
  checkF32(action, logits);
  if (logits.shape.length !== 2) {
    throw new TypeError(`Cannot ${action} ${logits}: (rows, columns) are needed.`);
  }
  const [rows, columns] = logits.shape;
  checkIntegers(action, targets, [rows], "targets");
  if (!(Number.isInteger(vocabSize) && vocabSize >= 1 && vocabSize <= columns)) {
    throw new RangeError(
      `Cannot ${action} ${logits}: received a vocabulary of ${vocabSize} tokens.`,
    );
  }
}
