/**
 * A list of byte strings, and the way back from a byte string to its place in the list.
 *
 * @module
 */

/** Many byte strings, end to end in one buffer. */
export class ByteStrings {
  /** All bytes, one string after the other. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** String `i` begins at `starts[i]` and ends at `starts[i + 1]`. */
  readonly starts: Uint32Array;

  /** Takes both arrays over. */
  constructor(bytes: Uint8Array<ArrayBuffer>, starts: Uint32Array) {
    this.bytes = bytes;
    this.starts = starts;
  }

  /** The number of strings. */
  get length(): number {
    return this.starts.length - 1;
  }

  /** The number of bytes of the longest string. */
  get maxLength(): number {
    let longest = 0;
    for (let i = 0; i < this.length; i++) longest = Math.max(longest, this.lengthOf(i));
    return longest;
  }

  /** The number of bytes of string `i`. */
  lengthOf(i: number): number {
    return this.starts[i + 1] - this.starts[i];
  }

  /** Copies string `i` to `target[at...]`. Returns where it ends there. */
  copyTo(target: Uint8Array, at: number, i: number): number {
    // A loop: tokens are a few bytes long, for which `set()` and a view cost several times as much.
    const end = this.starts[i + 1];
    for (let from = this.starts[i]; from < end; from++) target[at++] = this.bytes[from];
    return at;
  }

  /** String `i`, as a view. */
  at(i: number): Uint8Array<ArrayBuffer> {
    return this.bytes.subarray(this.starts[i], this.starts[i + 1]);
  }
}

/** An odd number whose bits look random. */
const HASH_FACTOR = 0x9e3779b1;

/** In a table that is half empty no string is so far from its slot, unless somebody has prepared them for that. */
const MAX_PROBES = 10_000;

/** Keys that were made to collide: to go on would take hours. */
export class CollisionError extends Error {}

/** 32 random bits. */
export function randomSeed(): number {
  return crypto.getRandomValues(new Int32Array(1))[0];
}

/**
 * Finds byte strings: a hash table of their indices with linear probing. A `Map` would need a
 * JavaScript string for each part of GPT-2's 50,000 merges, and takes one and a half times as long
 * to make ready.
 */
export class ByteIndex {
  readonly #strings: ByteStrings;
  /**
   * Index + 1 of the string in each slot, 0 for a free one. At most half of the slots are taken.
   */
  readonly #slots: Int32Array;

  readonly #seed: number;

  /**
   * An index of nothing yet, with room for all of the strings.
   *
   * @param seed makes strings collide that do not with another one: nobody can prepare strings for a seed that is drawn here
   */
  constructor(strings: ByteStrings, seed: number = randomSeed()) {
    this.#strings = strings;
    this.#seed = seed;
    this.#slots = new Int32Array(2 ** Math.ceil(Math.log2(2 * strings.length + 1)));
  }

  /** Enters string `i`. Throws a {@linkcode CollisionError} where too many have the same hash. Returns the index of an equal string entered before, else -1. */
  add(i: number): number {
    const { bytes, starts } = this.#strings;
    const slot = this.#slotOf(bytes, starts[i], starts[i + 1]);
    if (this.#slots[slot] !== 0) return this.#slots[slot] - 1;
    this.#slots[slot] = i + 1;
    return -1;
  }

  /** The index of the string equal to `bytes[start..end)`, or -1. */
  find(bytes: Uint8Array, start: number, end: number): number {
    return this.#slots[this.#slotOf(bytes, start, end)] - 1;
  }

  /** The slot that holds `bytes[start..end)`, or the free one where it belongs. */
  #slotOf(bytes: Uint8Array, start: number, end: number): number {
    const { bytes: pool, starts } = this.#strings;
    const mask = this.#slots.length - 1;
    let hash = this.#seed;
    for (let at = start; at < end; at++) {
      hash = Math.imul(hash ^ bytes[at], HASH_FACTOR);
      hash ^= hash >>> 15;
    }
    let slot = hash & mask;
    for (let probes = 0;; probes++, slot = (slot + 1) & mask) {
      if (probes > MAX_PROBES) throw new CollisionError();
      const entry = this.#slots[slot];
      if (entry === 0) return slot;
      const poolStart = starts[entry - 1];
      let length = starts[entry] - poolStart;
      if (length !== end - start) continue;
      while (length > 0 && pool[poolStart + length - 1] === bytes[start + length - 1]) length--;
      if (length === 0) return slot;
    }
  }
}
