/**
 * The selection that top-p and typical sampling have in common.
 *
 * @module
 */

import type { Candidates } from "./candidates.ts";
import { expOfMinus, WeightHistogram } from "./exp.ts";

/** Half of 20 equal tokens is 10 of them, also where their weights add up to a little less than 20 times one. */
const SUM_ROUNDING = 1e-9;

/**
 * Keeps the tokens whose gaps are nearest to a given one, until they hold a given share of the probability.
 *
 * It does not sort 50,257 tokens by distance. It adds up their weights in steps of distance, which tells in which step
 * the share is reached, and then only has to tell apart the few tokens in that one.
 */
export class NearestMass {
  readonly #share: number;
  readonly #histogram = new WeightHistogram();
  /** The distances and the weights of the tokens in the step that decides. */
  #distances = new Float64Array(0);
  #weights = new Float64Array(0);

  /**
   * Allocates the working space.
   *
   * @param share how much of the probability to keep: above 0 and below 1.
   */
  constructor(share: number) {
    this.#share = share;
  }

  /**
   * Drops the tokens that are not among the nearest.
   *
   * @param center the gap to be near to.
   * @param ties whether to keep all tokens at the distance at which the share is reached, or no more than it takes.
   */
  keep(candidates: Candidates, center: number, ties: "keep ties" | "split ties"): void {
    const { logits, size, max, inverseTemperature } = candidates;
    const { weights, stepsPerNat } = this.#histogram;
    const target = this.#share *
      this.#histogram.fill(logits, size, max, inverseTemperature, center);
    let step = 0;
    let weightBefore = 0;
    while (weightBefore + weights[step] < target) weightBefore += weights[step++];
    candidates.keepWithin((step + 1) / stepsPerNat, center, max);

    const numUndecided = this.#collectUndecided(candidates, center, max, step / stepsPerNat);
    const missing = target - weightBefore;
    const radius = weightedQuantile(this.#distances, this.#weights, numUndecided, missing);
    candidates.keepWithin(radius, center, max);
    if (ties === "split ties") {
      candidates.keepTies(radius, this.#numTiesNeeded(radius, numUndecided, missing));
    }
  }

  /** Collects the tokens that are at least this far away. Returns how many they are. */
  #collectUndecided(
    candidates: Candidates,
    center: number,
    max: number,
    minDistance: number,
  ): number {
    const { logits, size, inverseTemperature } = candidates;
    if (this.#distances.length < size) {
      this.#distances = new Float64Array(size);
      this.#weights = new Float64Array(size);
    }
    let count = 0;
    for (let i = 0; i < size; i++) {
      const gap = (max - logits[i]) * inverseTemperature;
      const distance = Math.abs(gap - center);
      if (distance < minDistance) continue;
      this.#distances[count] = distance;
      this.#weights[count++] = expOfMinus(gap);
    }
    return count;
  }

  /** How many of the undecided tokens at this distance it takes, after all nearer ones, to get the missing weight. */
  #numTiesNeeded(distance: number, numUndecided: number, missing: number): number {
    let tieWeight = 0;
    for (let i = 0; i < numUndecided; i++) {
      if (this.#distances[i] < distance) missing -= this.#weights[i];
      if (this.#distances[i] === distance) tieWeight = this.#weights[i];
    }
    return Math.max(1, Math.ceil(missing / tieWeight - SUM_ROUNDING));
  }
}

/**
 * Finds the smallest key such that the keys up to it weigh `target` together, or the largest of them if all weigh less.
 * It works as quicksort does, but only follows the side that has the result. Both arrays are reordered.
 */
export function weightedQuantile(
  keys: Float64Array,
  weights: Float64Array,
  count: number,
  target: number,
): number {
  let low = 0;
  let high = count - 1;
  while (true) {
    const pivot = keys[(low + high) >> 1];
    let left = low;
    let right = high;
    while (left <= right) {
      while (keys[left] < pivot) left++;
      while (keys[right] > pivot) right--;
      if (left > right) break;
      swap(keys, left, right);
      swap(weights, left++, right--);
    }
    // Now keys[low..right] <= pivot, keys[left..high] >= pivot, and what is between the two equals it.
    let weight = 0;
    for (let i = low; i <= right; i++) weight += weights[i];
    if (weight >= target && low <= right) {
      high = right;
      continue;
    }
    for (let i = right + 1; i < left; i++) weight += weights[i];
    if (weight >= target || left > high) return pivot;
    target -= weight;
    low = left;
  }
}

function swap(array: Float64Array, i: number, j: number): void {
  const value = array[i];
  array[i] = array[j];
  array[j] = value;
}
