/**
 * The pairs that may be merged next.
 *
 * @module
 */
import { Heap } from "../base/heap.ts";
import type { PairCounts } from "./pair_counts.ts";

/** A pair of tokens that may be merged. */
export interface MergeCandidate {
  /** The number of the pair. */
  readonly pair: number;
  /** How often it was there when this was written. */
  count: number;
  /** The words that it is in. */
  readonly words: ArrayLike<number>;
}

/**
 * An empty queue of pairs, the most frequent first. Of those that are equally frequent the one with the smaller ids is first,
 * those of the left tokens being compared before those of the right ones.
 */
export function mergeCandidates(pairs: PairCounts): Heap<MergeCandidate> {
  return new Heap((one, other) => {
    if (one.count !== other.count) return one.count > other.count;
    const { lefts, rights } = pairs;
    const difference = lefts[one.pair] - lefts[other.pair];
    return difference !== 0 ? difference < 0 : rights[one.pair] < rights[other.pair];
  });
}
