/**
 * The pairs that may be merged next, the most frequent first.
 *
 * @module
 */
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
 * A binary heap. Of pairs that are equally frequent the one with the smaller ids is first, those of the left tokens being
 * compared before those of the right ones.
 */
export class MergeQueue {
  readonly #pairs: PairCounts;
  readonly #items: MergeCandidate[] = [];

  /** An empty queue of these pairs. */
  constructor(pairs: PairCounts) {
    this.#pairs = pairs;
  }

  /** Adds a candidate. */
  push(item: MergeCandidate): void {
    const items = this.#items;
    let at = items.length;
    items.push(item);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.#isBefore(item, items[parent])) break;
      items[at] = items[parent];
      at = parent;
    }
    items[at] = item;
  }

  /** Removes and returns the first one; nothing where there is none. */
  pop(): MergeCandidate | undefined {
    const items = this.#items;
    const first = items[0];
    const last = items.pop();
    if (last === undefined || items.length === 0) return last;

    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= items.length) break;
      if (child + 1 < items.length && this.#isBefore(items[child + 1], items[child])) child++;
      if (!this.#isBefore(items[child], last)) break;
      items[at] = items[child];
      at = child;
    }
    items[at] = last;
    return first;
  }

  #isBefore(one: MergeCandidate, other: MergeCandidate): boolean {
    if (one.count !== other.count) return one.count > other.count;
    const { lefts, rights } = this.#pairs;
    const difference = lefts[one.pair] - lefts[other.pair];
    return difference !== 0 ? difference < 0 : rights[one.pair] < rights[other.pair];
  }
}
