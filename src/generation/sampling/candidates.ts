/**
 * The tokens that may still be chosen, and how one of them is drawn.
 *
 * @module
 */

import { NumericalError } from "../../base/errors.ts";
import type { Random } from "../../base/random.ts";
import { expOfMinus } from "./exp.ts";
import type { TokenMask } from "./token_mask.ts";

/**
 * A set of tokens with their logits: at first the whole vocabulary or the largest of it, then what the filters leave.
 *
 * Filters think in gaps. The gap of a token is how many nats it lies below the best one,
 * `(max - logit) / temperature`; its probability is exp(-gap), divided by the sum of these over all candidates.
 *
 * One object serves any number of samplers in turn. Nothing here allocates memory per token.
 */
export class Candidates {
  /** The tokens, in ascending order. Only the first `size` count, here and in `logits`. Not to be written to. */
  ids: Int32Array;
  /** The logit of each token in `ids`. Not to be written to: these may be the caller's. */
  logits: Float32Array;
  /** How many tokens are left. */
  size = 0;
  /** One over the temperature. (NaN until the first load, because V8 would take a field that starts as 1 for an integer.) */
  inverseTemperature: number = NaN;

  /** Made when first needed: the largest logits are often enough. */
  #wholeVocabulary: Int32Array | undefined;
  /** Where `ids` and `logits` are once something was filtered out. */
  readonly #keptIds: Int32Array;
  readonly #keptLogits: Float32Array;
  readonly #weights: Float64Array;
  /** The largest logit; NaN while it is not known. */
  #max = NaN;

  /**
   * Starts without any token; see {@linkcode Candidates.load}.
   *
   * @param vocabSize the number of tokens in the vocabulary.
   */
  constructor(vocabSize: number) {
    this.#keptIds = this.ids = new Int32Array(vocabSize);
    this.#keptLogits = this.logits = new Float32Array(vocabSize);
    this.#weights = new Float64Array(vocabSize);
  }

  /** Starts over with the whole vocabulary, at temperature 1. The logits are read where they are. */
  load(logits: Float32Array): void {
    this.ids = this.#wholeVocabulary ??= idsBelow(this.#weights.length);
    this.logits = logits;
    this.size = logits.length;
    this.inverseTemperature = 1;
    this.#max = NaN;
  }

  /** Starts over with some tokens, in ascending order, at temperature 1. They are read where they are. */
  loadSome(ids: Int32Array, logits: Float32Array): void {
    this.ids = ids;
    this.logits = logits;
    this.size = ids.length;
    this.inverseTemperature = 1;
    this.#max = NaN;
  }

  /** As {@linkcode Candidates.load}, but from a copy, which is returned and may be changed before anything else is done. */
  loadCopy(logits: Float32Array): Float32Array {
    this.#keptLogits.set(logits);
    this.load(this.#keptLogits);
    return this.#keptLogits;
  }

  /**
   * Keeps the tokens of a set; to be called before any other filter. What comes after it finds what it would find if the
   * logits of all others were -Infinity.
   *
   * @throws {RangeError} if none is left.
   */
  keepAllowed(mask: TokenMask): void {
    const { logits, size } = this;
    const keptIds = this.#keptIds;
    const keptLogits = this.#keptLogits;
    const numWords = Math.min(mask.length, Math.ceil(size / 32));
    let kept = 0;
    for (let word = 0; word < numWords; word++) {
      // Each round takes the lowest bit away. A word of ones is what a vocabulary mostly has where a text is free.
      for (let bits = mask[word]; bits !== 0; bits &= bits - 1) {
        const id = 32 * word + 31 - Math.clz32(bits & -bits);
        if (id >= size) break;
        keptIds[kept] = id;
        keptLogits[kept++] = logits[id];
      }
    }
    if (kept === 0) {
      throw new RangeError(
        "Cannot choose a token: none is allowed: received an empty set. Allow one.",
      );
    }
    this.#keepFirst(kept);
  }

  /**
   * The largest logit.
   *
   * @throws {NumericalError} if no token can be drawn from the logits; see `checkBestLogit()`.
   */
  get max(): number {
    if (Number.isNaN(this.#max)) {
      const best = argmax(this.logits, this.size);
      checkBestLogit(this.logits[best], this.ids[best]);
      this.#max = this.logits[best];
    }
    return this.#max;
  }

  /** Keeps the best token only; of several the one with the lowest id. */
  keepBest(): void {
    const best = argmax(this.logits, this.size);
    checkBestLogit(this.logits[best], this.ids[best]);
    this.#keptIds[0] = this.ids[best];
    this.#keptLogits[0] = this.logits[best];
    this.#keepFirst(1);
  }

  /**
   * Keeps the largest logits, as many as the heap has room for, and those that equal the smallest of them.
   *
   * This takes one pass: the heap holds the largest logits so far, and whatever is below the smallest of these is not
   * among the largest of all.
   *
   * @param heap working space.
   */
  keepLargest(heap: Float32Array): void {
    const { ids, logits, size } = this;
    const keptIds = this.#keptIds;
    const keptLogits = this.#keptLogits;
    heap.fill(-Infinity);
    let smallest = -Infinity;
    let kept = 0;
    for (let i = 0; i < size; i++) {
      // Nearly all tokens are skipped here. NaN is not, because it is not below anything: it is found when the largest
      // logit is looked up.
      while (i < size && logits[i] < smallest) i++;
      if (i === size) break;
      keptIds[kept] = ids[i];
      keptLogits[kept] = logits[i];
      smallest = replaceSmallest(heap, keptLogits[kept++]);
    }
    this.#keepFirst(kept);
    this.keepWithin((this.max - smallest) * this.inverseTemperature);
  }

  /**
   * Keeps the tokens whose gap differs from `center` by at most `radius`.
   *
   * @param max what gaps are measured from.
   */
  keepWithin(radius: number, center = 0, max = this.max): void {
    const { ids, logits, size, inverseTemperature } = this;
    const keptIds = this.#keptIds;
    const keptLogits = this.#keptLogits;
    let kept = 0;
    for (let i = 0; i < size; i++) {
      const distance = Math.abs((max - logits[i]) * inverseTemperature - center);
      keptIds[kept] = ids[i];
      keptLogits[kept] = logits[i];
      // The comparison is added, not branched on. Where half of the tokens are kept, a processor guesses such a branch
      // wrong so often that the loop takes six times as long.
      kept += Number(distance <= radius);
    }
    this.#keepFirst(kept);
    // Around another center the best token may be among those that were dropped.
    if (center !== 0) this.#max = NaN;
  }

  /** Of the tokens with this gap, keeps the `count` with the highest ids. */
  keepTies(gap: number, count: number): void {
    const { ids, logits, size, max, inverseTemperature } = this;
    const isTie = (i: number) => (max - logits[i]) * inverseTemperature === gap;
    let surplus = -count;
    for (let i = 0; i < size; i++) surplus += Number(isTie(i));
    let kept = 0;
    for (let i = 0; i < size; i++) {
      if (surplus > 0 && isTie(i)) {
        surplus--;
        continue;
      }
      this.#keptIds[kept] = ids[i];
      this.#keptLogits[kept++] = logits[i];
    }
    this.#keepFirst(kept);
  }

  /**
   * Draws a token with the probability that its logit gives it among the candidates. This takes one number from the
   * generator, however many candidates there are.
   *
   * @returns the token's id.
   */
  draw(random: Random): number {
    const weights = this.#weights;
    const target = random.next() * this.#weigh();
    // The sum grows in the order in which the total was summed, so it does exceed the target at the last weight.
    let i = 0;
    for (let sum = weights[0]; sum <= target; sum += weights[i]) i++;
    return this.ids[i];
  }

  /** The probability of each candidate, in the order of `ids`. */
  probabilities(): Float64Array {
    const total = this.#weigh();
    return this.#weights.slice(0, this.size).map((weight) => weight / total);
  }

  /** Makes the first of `#keptIds` and `#keptLogits` the candidates. */
  #keepFirst(size: number): void {
    this.ids = this.#keptIds;
    this.logits = this.#keptLogits;
    this.size = size;
  }

  /** Fills `#weights` and returns their sum. */
  #weigh(): number {
    const { logits, size, max, inverseTemperature } = this;
    const weights = this.#weights;
    let total = 0;
    for (let i = 0; i < size; i++) {
      const weight = expOfMinus((max - logits[i]) * inverseTemperature);
      weights[i] = weight;
      total += weight;
    }
    return total;
  }
}

function idsBelow(size: number): Int32Array {
  const ids = new Int32Array(size);
  for (let id = 0; id < size; id++) ids[id] = id;
  return ids;
}

/** Replaces the smallest value of a heap, which is its first, and returns the one that is the smallest then. */
function replaceSmallest(heap: Float32Array, value: number): number {
  let place = 0;
  while (true) {
    let child = 2 * place + 1;
    if (child + 1 < heap.length && heap[child + 1] < heap[child]) child++;
    if (child >= heap.length || value <= heap[child]) break;
    heap[place] = heap[child];
    place = child;
  }
  heap[place] = value;
  return heap[0];
}

/**
 * Finds the largest of the first `size` values.
 *
 * @returns its index; of equal values the first; of values among which one is not a number, that one.
 */
export function argmax(values: Float32Array, size = values.length): number {
  let best = 0;
  let max = -Infinity;
  for (let i = 0; i < size; i++) {
    // Nearly all values are skipped here. NaN is not, because it is not below anything.
    while (i < size && values[i] <= max) i++;
    if (i === size) break;
    best = i;
    max = values[i];
    if (Number.isNaN(max)) break;
  }
  return best;
}

/**
 * Checks that a token can be drawn from logits whose largest is this one: that none of them is NaN or `Infinity`, and
 * at least one is not `-Infinity`.
 *
 * @throws {NumericalError} otherwise.
 */
export function checkBestLogit(logit: number, id: number): void {
  if (Number.isFinite(logit)) return;
  if (logit === -Infinity) {
    throw new NumericalError(
      "Cannot choose a token: none has a probability above 0: received logits that are all -Infinity. " +
        "Loosen noRepeatNgramSize, badWords, suppressTokens, logitBias, repetitionPenalty, presencePenalty or frequencyPenalty " +
        "if they ban every token, or all that a constraint allows, or check the model's weights.",
    );
  }
  throw new NumericalError(
    `Cannot choose a token: the logit of token ${id} is not a finite number: received ${logit}. ` +
      "Check the model's weights, intervene if it is given, repetitionPenalty if it is very small, presencePenalty and " +
      "frequencyPenalty if they are very far below 0, and logitBias if it is very large.",
  );
}
