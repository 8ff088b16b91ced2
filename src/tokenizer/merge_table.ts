/**
 * The merges of a byte-level BPE vocabulary, looked up by token ids.
 *
 * @module
 */

import { CollisionError, randomSeed } from "./byte_strings.ts";

/** Odd numbers whose bits look random. */
const HASH_LEFT = 0x9e3779b1;
const HASH_RIGHT = 0x85ebca6b;

/** See `ByteIndex`. */
const MAX_PROBES = 10_000;

function hashOf(left: number, right: number, seed: number): number {
  let hash = Math.imul(left ^ seed, HASH_LEFT);
  hash = Math.imul(hash ^ (hash >>> 15) ^ right, HASH_RIGHT);
  return hash ^ (hash >>> 15);
}

/** Which pairs of tokens become one, which token that is, and in which order of preference. */
export class MergeTable {
  readonly #lefts: Int32Array;
  readonly #rights: Int32Array;
  readonly #results: Int32Array;
  /** Rank + 1 of the merge in each slot of a hash table with linear probing, 0 for a free one. */
  readonly #slots: Int32Array;
  #length = 0;

  readonly #seed: number;

  /**
   * An empty table with room for `capacity` merges.
   *
   * @param seed makes pairs collide that do not with another one; see `ByteIndex`
   */
  constructor(capacity: number, seed: number = randomSeed()) {
    this.#seed = seed;
    this.#lefts = new Int32Array(capacity);
    this.#rights = new Int32Array(capacity);
    this.#results = new Int32Array(capacity);
    this.#slots = new Int32Array(2 ** Math.ceil(Math.log2(2 * capacity + 1)));
  }

  /**
   * A table of merges that are known to be different, the most preferred first.
   *
   * @param pairs the ids of left and right of each
   * @param firstResult the id of the token that the first of them makes; each of the others makes the next
   */
  static of(pairs: Uint16Array, firstResult: number): MergeTable {
    // Of merges that are known nobody has made some collide.
    const table = new MergeTable(pairs.length / 2, 0);
    const lefts = table.#lefts;
    const rights = table.#rights;
    const results = table.#results;
    const slots = table.#slots;
    const mask = slots.length - 1;
    // As `add()` and `hashOf()`, in one loop: called for each of 50,000 merges, they take twice as long while they are not
    // yet compiled.
    for (let rank = 0; rank < lefts.length; rank++) {
      const left = lefts[rank] = pairs[2 * rank];
      const right = rights[rank] = pairs[2 * rank + 1];
      results[rank] = firstResult + rank;
      let hash = Math.imul(left, HASH_LEFT);
      hash = Math.imul(hash ^ (hash >>> 15) ^ right, HASH_RIGHT);
      let slot = (hash ^ (hash >>> 15)) & mask;
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
      slots[slot] = rank + 1;
    }
    table.#length = lefts.length;
    return table;
  }

  /**
   * Adds the next merge, less preferred than all before. Returns false, and adds nothing, for a
   * pair it already has.
   */
  add(left: number, right: number, result: number): boolean {
    const slot = this.#slotOf(left, right);
    if (this.#slots[slot] !== 0) return false;
    const rank = this.#length++;
    this.#lefts[rank] = left;
    this.#rights[rank] = right;
    this.#results[rank] = result;
    this.#slots[slot] = rank + 1;
    return true;
  }

  /** The rank of the merge of two tokens (0 is merged first), or -1 if they do not merge. */
  rankOf(left: number, right: number): number {
    return this.#slots[this.#slotOf(left, right)] - 1;
  }

  /** The token that the merge of this rank makes. */
  resultOf(rank: number): number {
    return this.#results[rank];
  }

  #slotOf(left: number, right: number): number {
    const mask = this.#slots.length - 1;
    let slot = hashOf(left, right, this.#seed) & mask;
    for (let probes = 0;; probes++) {
      if (probes > MAX_PROBES) throw new CollisionError();
      const entry = this.#slots[slot];
      if (entry === 0) return slot;
      if (this.#lefts[entry - 1] === left && this.#rights[entry - 1] === right) return slot;
      slot = (slot + 1) & mask;
    }
  }
}
