/**
 * How two models differ in what they say of the same places.
 *
 * @module
 */
import { compareLogitsByKernel, COMPARISON_ELEMENTS } from "../ffi/compare_logits.ts";

/** How two models differ at a place, and what they say of the token that stands there. */
export interface LogitsDifference {
  /** Its log-probability by the first. */
  readonly baseLogProbability: number;
  /** And by the second. */
  readonly logProbability: number;
  /** The Kullback-Leibler divergence of the second from the first: the sum of p (log p - log q), in nats. */
  readonly divergence: number;
  /** Whether both find the same token the likeliest. */
  readonly hasSameTop: boolean;
}

/** Fewer rows are not worth another thread. */
const MIN_ROWS_PER_TASK = 8;

/**
 * Compares the logits of two models row by row.
 *
 * @param base (rows vocab)
 * @param other (rows vocab)
 * @param targets (rows): the token that stands there
 * @param hasKernel whether to use this package's own kernel where there is one
 * @returns a difference for each row, whose numbers are NaN if a logit is not finite
 */
export async function compareLogits(
  base: Float32Array<ArrayBuffer>,
  other: Float32Array<ArrayBuffer>,
  targets: Int32Array<ArrayBuffer>,
  hasKernel = true,
): Promise<LogitsDifference[]> {
  const numRows = targets.length;
  const vocabSize = base.length / numRows;
  const found = new Float64Array(numRows * COMPARISON_ELEMENTS);
  const numTasks = Math.min(
    navigator.hardwareConcurrency,
    Math.ceil(numRows / MIN_ROWS_PER_TASK),
  );
  const size = Math.ceil(numRows / numTasks);
  const tasks = hasKernel
    ? Array.from({ length: numTasks }, (_, i) => {
      const [begin, end] = [i * size, Math.min((i + 1) * size, numRows)];
      if (begin >= end) return true;
      return compareLogitsByKernel(
        base.subarray(begin * vocabSize, end * vocabSize),
        other.subarray(begin * vocabSize, end * vocabSize),
        targets.subarray(begin, end),
        found.subarray(begin * COMPARISON_ELEMENTS, end * COMPARISON_ELEMENTS),
      );
    })
    : [false];
  if ((await Promise.all(tasks)).every((isDone) => isDone)) {
    return Array.from(targets, (_, row) => {
      const [baseLogProbability, logProbability, divergence, top] = found.subarray(
        row * COMPARISON_ELEMENTS,
      );
      return { baseLogProbability, logProbability, divergence, hasSameTop: top === 1 };
    });
  }
  return Array.from(targets, (target, row) => {
    const [begin, end] = [row * vocabSize, (row + 1) * vocabSize];
    return compareRow(base.subarray(begin, end), other.subarray(begin, end), target);
  });
}

/** The same in JavaScript. */
function compareRow(base: Float32Array, other: Float32Array, target: number): LogitsDifference {
  const [baseNorm, baseTop] = normalization(base);
  const [norm, top] = normalization(other);
  let divergence = 0;
  for (let id = 0; id < base.length; id++) {
    const logProbability = base[id] - baseNorm;
    divergence += Math.exp(logProbability) * (logProbability - (other[id] - norm));
  }
  return {
    baseLogProbability: base[target] - baseNorm,
    logProbability: other[target] - norm,
    divergence,
    hasSameTop: baseTop === top,
  };
}

/** The logarithm of the sum of e^logit, NaN if a logit is not finite; and the token with the largest, the first of equals. */
function normalization(logits: Float32Array): [logOfSum: number, top: number] {
  let top = 0;
  let isFinite = true;
  for (let id = 0; id < logits.length; id++) {
    isFinite &&= Number.isFinite(logits[id]);
    if (logits[id] > logits[top]) top = id;
  }
  if (!isFinite) return [NaN, top];
  let sum = 0;
  for (let id = 0; id < logits.length; id++) sum += Math.exp(logits[id] - logits[top]);
  return [logits[top] + Math.log(sum), top];
}
