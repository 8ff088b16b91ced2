/**
 * Cross-entropy on logits that have been read back.
 *
 * @module
 */
import { logSumExp } from "../base/log_sum_exp.ts";

/** Targets with this value do not count, as in PyTorch's `cross_entropy`. */
export const IGNORED_TARGET = -100;

/**
 * The log-probability of each target.
 *
 * @param logits (positions vocab), row by row
 * @param targets (positions); {@linkcode IGNORED_TARGET} where none is wanted
 * @returns (positions); NaN where the target is ignored
 */
export function logProbabilities(
  logits: Float32Array,
  targets: ArrayLike<number>,
  vocabSize: number,
): Float64Array {
  return Float64Array.from(targets, (target, position) => {
    if (target === IGNORED_TARGET) return NaN;
    const row = position * vocabSize;
    return logits[row + target] - logSumExp(logits, row, vocabSize);
  });
}

/** The mean negative log-probability of the targets, in nats; NaN if none counts. */
export function crossEntropy(
  logits: Float32Array,
  targets: ArrayLike<number>,
  vocabSize: number,
): number {
  let sum = 0;
  let count = 0;
  for (const value of logProbabilities(logits, targets, vocabSize)) {
    if (Number.isNaN(value)) continue;
    sum -= value;
    count++;
  }
  return sum / count;
}
