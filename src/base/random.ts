/**
 * A seeded random number generator: the same seed gives the same numbers on every machine, but for the last digits of
 * normal numbers, which depend on `Math.exp` and `Math.log`.
 *
 * @module
 */

/**
 * The generator xoshiro128** of Blackman and Vigna (<https://prng.di.unimi.it>): four 32-bit words of state, a period
 * of 2^128 - 1, and only 32-bit integer arithmetic, which JavaScript computes alike everywhere.
 *
 * It is made for sampling and for initializing weights, not for secrets.
 *
 * @example
 * ```ts
 * import { Random } from "./random.ts";
 *
 * const random = new Random(42);
 * random.next(); // uniform in [0, 1)
 * random.normal(); // from the standard normal distribution
 * random.fork(1); // another stream of the same seed
 * ```
 */
export class Random {
  /** The 64 bits that the state was made from; `fork()` starts from them. */
  readonly #key: readonly [low: number, high: number];
  readonly #state: Int32Array;

  /**
   * Starts the stream of random numbers of a seed.
   *
   * @param seed any integer from -(2^53 - 1) to 2^53 - 1.
   * @throws {TypeError} if the seed is not a number.
   * @throws {RangeError} if the seed is not such an integer.
   */
  constructor(seed: number) {
    checkSeed(seed);
    this.#key = [seed >>> 0, Math.floor(seed / 2 ** 32) >>> 0];
    this.#state = stateFromKey(...this.#key);
  }

  /**
   * Draws 32 random bits.
   *
   * @returns an integer from 0 to 2^32 - 1.
   */
  nextUint32(): number {
    const state = this.#state;
    const b = state[1];
    const c = state[2] ^ state[0];
    const d = state[3] ^ b;
    state[1] = b ^ c;
    state[0] ^= d;
    state[2] = c ^ (b << 9);
    state[3] = rotateLeft(d, 11);
    return Math.imul(rotateLeft(Math.imul(b, 5), 7), 9) >>> 0;
  }

  /**
   * Draws from the uniform distribution between 0 and 1.
   *
   * @returns a number of 53 random bits, from 0 up to but not including 1.
   */
  next(): number {
    const high = this.nextUint32() >>> 5;
    const low = this.nextUint32() >>> 6;
    return (high * 2 ** 26 + low) * 2 ** -53;
  }

  /**
   * Draws from the normal distribution with mean 0 and standard deviation 1, in steps fine enough for 32-bit floats.
   *
   * This is the ziggurat of Marsaglia and Tsang (2000): layers of equal area cover one half of the bell curve, and a
   * point is drawn in a layer chosen at random. Nearly always it is at once seen to lie under the curve.
   *
   * @returns the number drawn.
   */
  normal(): number {
    const { edges, steps } = madeLayers ??= makeLayers();
    while (true) {
      // 7 bits choose the layer and the other 25 the point in it, so that the two are independent.
      const bits = this.nextUint32();
      const layer = bits & (NUM_LAYERS - 1);
      const x = ((bits >> 7) + 0.5) * steps[layer];
      const distance = Math.abs(x);
      if (distance < edges[layer + 1]) return x;
      if (layer === 0) return Math.sign(x) * this.#normalTail();
      const bottom = bellCurve(edges[layer]);
      const top = bellCurve(edges[layer + 1]);
      if (bottom + this.next() * (top - bottom) < bellCurve(distance)) return x;
    }
  }

  /** Draws a normal number known to lie beyond TAIL_START (Marsaglia 1964). */
  #normalTail(): number {
    while (true) {
      // 1 - next() is never 0, of which there is no logarithm.
      const x = -Math.log(1 - this.next()) / TAIL_START;
      const y = -Math.log(1 - this.next());
      if (2 * y > x * x) return TAIL_START + x;
    }
  }

  /** Makes a generator that draws the same numbers from here on. */
  copy(): Random {
    const copy = new Random(0);
    (copy.#key as [number, number]).splice(0, 2, ...this.#key);
    copy.#state.set(this.#state);
    return copy;
  }

  /**
   * Makes an independent generator, the same however much was drawn from this one. A batch gives one to each of its
   * sequences, so that none depends on the others.
   *
   * @param index which stream: an integer from 0 to 2^32 - 1.
   * @returns the generator of that stream.
   * @throws {RangeError} if the index is not such an integer.
   */
  fork(index: number): Random {
    if (!Number.isInteger(index) || index < 0 || index > 0xffffffff) {
      throw new RangeError(
        `Cannot fork a random generator: the index is not an integer from 0 to 2^32 - 1: received ${index}. ` +
          "Number the streams 0, 1, 2, ...",
      );
    }
    const [low, high] = this.#key;
    const [forkedLow, forkedHigh] = stateFromKey(low ^ mixBits(~index), high ^ mixBits(index));
    return new Random((forkedHigh >>> 11) * 2 ** 32 + (forkedLow >>> 0));
  }
}

function checkSeed(seed: number): void {
  if (Number.isSafeInteger(seed)) return;
  const ErrorClass = typeof seed === "number" ? RangeError : TypeError;
  throw new ErrorClass(
    `Cannot seed a random generator: the seed is not an integer below 2^53: received ${seed}. ` +
      "Give a whole number, such as 42.",
  );
}

function rotateLeft(bits: number, count: number): number {
  return (bits << count) | (bits >>> (32 - count));
}

/** Scatters 32 bits so that flipping one of them flips about half of the result (the finalizer of MurmurHash3). */
function mixBits(bits: number): number {
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return bits ^ (bits >>> 16);
}

/** Spreads a key over the four words of state, so that neighbouring seeds have nothing in common. */
function stateFromKey(low: number, high: number): Int32Array {
  const word = (index: number) =>
    mixBits(low ^ mixBits(high + Math.imul(index, 0x9e3779b9))) ^ mixBits(high ^ index);
  // A state of all zeros would stay there; the last word keeps it from being one.
  return Int32Array.of(word(1), word(2), word(3), word(4) | 1);
}

/** The layers of the ziggurat. With 128 of them, 98.8 % of the points are accepted at once. */
const NUM_LAYERS = 128;
/** Where the lowest layer passes into the tail of the curve, and the area of each layer, so that 128 of them fit. */
const TAIL_START = 3.442619855899;
const LAYER_AREA = 9.91256303526217e-3;

/** The normal curve, without the factor that makes its area one. */
function bellCurve(x: number): number {
  return Math.exp(-0.5 * x * x);
}

/** The layers of the ziggurat, from the lowest to the top. */
interface Layers {
  /**
   * Half the width of each, and 0 at the top of the curve. The lowest one is as wide as a rectangle of its height would
   * have to be to hold its area, tail included.
   */
  readonly edges: Float64Array;
  /** The width of each in steps: 25 signed bits reach from one of its edges to the other. */
  readonly steps: Float64Array;
}

/** Made when first needed: most programs draw no normal number. */
let madeLayers: Layers | undefined;

function makeLayers(): Layers {
  const edges = new Float64Array(NUM_LAYERS + 1);
  edges[0] = LAYER_AREA / bellCurve(TAIL_START);
  edges[1] = TAIL_START;
  for (let layer = 1; layer < NUM_LAYERS - 1; layer++) {
    const top = bellCurve(edges[layer]) + LAYER_AREA / edges[layer];
    edges[layer + 1] = Math.sqrt(-2 * Math.log(top));
  }
  return { edges, steps: edges.map((edge) => edge / 2 ** 24) };
}
