/**
 * How far counts are from what probabilities predict: the mean of the result is the number of categories less one, if the
 * counts do come from the probabilities.
 */
export function chiSquare(counts: ArrayLike<number>, probabilities: ArrayLike<number>): number {
  let total = 0;
  for (let i = 0; i < counts.length; i++) total += counts[i];
  let sum = 0;
  for (let i = 0; i < counts.length; i++) {
    const expected = total * probabilities[i];
    if (expected === 0 && counts[i] > 0) return Infinity;
    if (expected > 0) sum += (counts[i] - expected) ** 2 / expected;
  }
  return sum;
}

/** What chi-square exceeds only once in 10,000 times (Wilson and Hilferty's approximation). */
export function criticalChiSquare(numCategories: number): number {
  const degrees = numCategories - 1;
  const deviations = 3.719;
  return degrees * (1 - 2 / (9 * degrees) + deviations * Math.sqrt(2 / (9 * degrees))) ** 3;
}
