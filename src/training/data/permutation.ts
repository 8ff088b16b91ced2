/**
 * Orders of many things that need no list of them.
 *
 * @module
 */
import type { Random } from "../../base/random.ts";

const NUM_ROUNDS = 6;

/**
 * A permutation of the numbers from 0 to `size - 1`, drawn with a key, of which each place is computed by itself: a Feistel network
 * permutes the numbers of twice as many bits as half the size has, and what falls outside goes through it once more (Black and Rogaway
 * 2002, "Ciphers with Arbitrary Finite Domains", cycle walking).
 */
export class Permutation {
  readonly #size: number;
  /** So many values has each half of a number: a power of two. */
  readonly #halfSize: number;
  readonly #keys: Int32Array;

  /** A permutation of at most 2^52 numbers. */
  constructor(size: number, random: Random) {
    this.#size = size;
    this.#halfSize = 2 ** Math.ceil(Math.log2(Math.max(2, size)) / 2);
    this.#keys = Int32Array.from({ length: NUM_ROUNDS }, () => random.nextUint32());
  }

  /** What is at a place. */
  at(place: number): number {
    do place = this.#permute(place); while (place >= this.#size);
    return place;
  }

  #permute(number: number): number {
    const halfSize = this.#halfSize;
    let left = Math.floor(number / halfSize);
    let right = number % halfSize;
    for (const key of this.#keys) {
      // The sizes are powers of two of at most 26 bits.
      const scattered = (left ^ scatter(right ^ key)) & (halfSize - 1);
      left = right;
      right = scattered;
    }
    return left * halfSize + right;
  }
}

/** Flipping one bit flips about half of the others (the finalizer of MurmurHash3). */
function scatter(bits: number): number {
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return bits ^ (bits >>> 16);
}
