/**
 * Fewer points for a picture of many, which looks the same.
 *
 * @module
 */
import type { StepDone } from "../training_event.ts";

/** The first, the lowest, the highest loss, the longest gradient, and a loss that is no number. */
const KEPT_PER_GROUP = 5;

/**
 * Of many steps, those that a curve is made of: of each group of neighbours the first, the ones with the lowest and the highest
 * loss, the one with the longest gradient, and the first whose loss is no number; and the last of all.
 *
 * @param steps in their order
 * @param maxSteps all are returned if they are not more
 * @returns places in `steps`, in order, at most one more than `maxSteps`
 */
export function thinSteps(steps: readonly StepDone[], maxSteps: number): number[] {
  if (steps.length <= maxSteps) return steps.map((_, i) => i);
  const numGroups = Math.max(1, Math.floor(maxSteps / KEPT_PER_GROUP));
  const kept = new Set<number>();
  for (let group = 0; group < numGroups; group++) {
    const begin = Math.floor(group * steps.length / numGroups);
    const end = Math.floor((group + 1) * steps.length / numGroups);
    const found = [begin];
    let [lowest, highest, longest] = [Infinity, -Infinity, -Infinity];
    let [lowestAt, highestAt, longestAt, notANumberAt] = [begin, begin, begin, -1];
    for (let i = begin; i < end; i++) {
      const { loss, gradientNorm } = steps[i];
      if (loss < lowest) [lowest, lowestAt] = [loss, i];
      if (loss > highest) [highest, highestAt] = [loss, i];
      if (gradientNorm > longest) [longest, longestAt] = [gradientNorm, i];
      if (notANumberAt < 0 && Number.isNaN(loss)) notANumberAt = i;
    }
    found.push(lowestAt, highestAt, longestAt);
    if (notANumberAt >= 0) found.push(notANumberAt);
    for (const i of found.sort((a, b) => a - b)) kept.add(i);
  }
  return [...kept.add(steps.length - 1)];
}

/**
 * Of many things so many, evenly spread, with the first and the last, and with those that must be there.
 *
 * @param isNeeded whether one must be there; few should
 */
export function thinEvenly<T>(
  items: readonly T[],
  maxItems: number,
  isNeeded: (item: T) => boolean = () => false,
): T[] {
  if (items.length <= maxItems) return [...items];
  const places = new Set<number>();
  for (let i = 0; i < maxItems; i++) {
    places.add(Math.round(i * (items.length - 1) / Math.max(1, maxItems - 1)));
  }
  return items.filter((item, i) => places.has(i) || isNeeded(item));
}

/**
 * The mean of each value and those before it, up to so many together; near the beginning, where much changes at once, of fewer: a
 * fifth of those that there are. What is no number is not counted.
 */
export function runningMeans(values: readonly number[], maxValues: number): number[] {
  const sums = new Float64Array(values.length + 1);
  const counts = new Float64Array(values.length + 1);
  values.forEach((value, i) => {
    const isCounted = !Number.isNaN(value);
    sums[i + 1] = sums[i] + (isCounted ? value : 0);
    counts[i + 1] = counts[i] + (isCounted ? 1 : 0);
  });
  return values.map((_, i) => {
    const first = i + 1 - Math.min(maxValues, 1 + Math.floor(i / 5));
    const count = counts[i + 1] - counts[first];
    return count > 0 ? (sums[i + 1] - sums[first]) / count : NaN;
  });
}
