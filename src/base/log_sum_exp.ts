/**
 * The natural logarithm of the sum of exponentials, without overflow: what separates logits from log-probabilities.
 *
 * @param values any number of them
 * @param start index of the first one that counts
 * @param count how many count
 * @returns `-Infinity` if nothing is above that; NaN if a value is NaN or `Infinity`
 */
export function logSumExp(values: Float32Array, start = 0, count = values.length): number {
  const end = start + count;
  let max = -Infinity;
  for (let i = start; i < end; i++) max = Math.max(max, values[i]);
  // Below, -Infinity minus itself would not be a number. NaN is, as `Math.max()` says, the largest of all.
  if (max === -Infinity) return max;
  let sum = 0;
  for (let i = start; i < end; i++) sum += Math.exp(values[i] - max);
  return max + Math.log(sum);
}
