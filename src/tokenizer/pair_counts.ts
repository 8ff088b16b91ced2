/**
 * How often pairs of tokens stand side by side.
 *
 * @module
 */

const INITIAL_CAPACITY = 2 ** 12;

/** Numbers pairs of tokens in the order in which they are first asked for, and keeps a count of each. */
export class PairCounts {
  /** The left token of each pair. */
  lefts = new Int32Array(INITIAL_CAPACITY);
  /** The right token of each pair. */
  rights = new Int32Array(INITIAL_CAPACITY);
  /** The count of each pair. */
  counts = new Float64Array(INITIAL_CAPACITY);
  /** Number + 1 of the pair in each slot of a hash table with linear probing, 0 for a free one. */
  #slots = new Int32Array(2 * INITIAL_CAPACITY);
  #length = 0;

  /** The number of pairs. */
  get length(): number {
    return this.#length;
  }

  /** The number of a pair, which is a new one, with a count of 0, if it was not asked for before. */
  indexOf(left: number, right: number): number {
    const slot = this.#slotOf(left, right);
    const entry = this.#slots[slot];
    if (entry !== 0) return entry - 1;
    const index = this.#length++;
    this.lefts[index] = left;
    this.rights[index] = right;
    this.#slots[slot] = index + 1;
    if (this.#length === this.lefts.length) this.#grow();
    return index;
  }

  #slotOf(left: number, right: number): number {
    const mask = this.#slots.length - 1;
    let slot = hashOf(left, right) & mask;
    for (;; slot = (slot + 1) & mask) {
      const entry = this.#slots[slot];
      if (entry === 0) return slot;
      if (this.lefts[entry - 1] === left && this.rights[entry - 1] === right) return slot;
    }
  }

  #grow(): void {
    const capacity = 2 * this.lefts.length;
    this.lefts = copyInto(new Int32Array(capacity), this.lefts);
    this.rights = copyInto(new Int32Array(capacity), this.rights);
    this.counts = copyInto(new Float64Array(capacity), this.counts);
    this.#slots = new Int32Array(2 * capacity);
    for (let index = 0; index < this.#length; index++) {
      this.#slots[this.#slotOf(this.lefts[index], this.rights[index])] = index + 1;
    }
  }
}

function copyInto<T extends Int32Array | Float64Array>(target: T, source: T): T {
  target.set(source);
  return target;
}

function hashOf(left: number, right: number): number {
  let hash = Math.imul(left, 0x9e3779b1) ^ right;
  hash = Math.imul(hash ^ (hash >>> 15), 0x85ebca6b);
  return hash ^ (hash >>> 13);
}
