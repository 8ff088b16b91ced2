/** Comparing arrays of numbers within a stated tolerance. */
import { AssertionError } from "@std/assert";

/** The largest absolute difference between two arrays of one length; infinite if either has a NaN that the other lacks. */
export function maxDifference(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) {
    throw new AssertionError(`lengths differ: ${actual.length} instead of ${expected.length}`);
  }
  let max = 0;
  for (let i = 0; i < actual.length; i++) {
    if (Object.is(actual[i], expected[i])) continue;
    const difference = Math.abs(actual[i] - expected[i]);
    max = Math.max(max, Number.isNaN(difference) ? Infinity : difference);
  }
  return max;
}

/** Throws unless all elements differ by at most `tolerance`. */
export function assertClose(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: number,
  what = "values",
): void {
  const difference = maxDifference(actual, expected);
  if (!(difference <= tolerance)) {
    throw new AssertionError(`${what} differ by ${difference}, more than ${tolerance}`);
  }
}
