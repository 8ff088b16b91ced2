/**
 * What repeated measurements say together.
 *
 * @module
 */

/** The arithmetic mean; NaN of nothing. */
export function mean(samples: readonly number[]): number {
  return samples.reduce((sum, sample) => sum + sample, 0) / samples.length;
}

/** The standard deviation of the population that the samples are taken from; 0 of a single one, which says nothing. */
export function standardDeviation(samples: readonly number[]): number {
  if (samples.length < 2) return 0;
  const center = mean(samples);
  const squares = samples.reduce((sum, sample) => sum + (sample - center) ** 2, 0);
  return Math.sqrt(squares / (samples.length - 1));
}

/** The middle one of the samples in order, or the mean of the two in the middle; NaN of nothing. */
export function median(samples: readonly number[]): number {
  const sorted = samples.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
