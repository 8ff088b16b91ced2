/**
 * A guard for Maps whose keys come from files.
 *
 * @module
 */

const NUM_CLASSES = 1024;
/** As many as all numbers below a million have in each class, and a few more. */
const MAX_PER_CLASS = 1024;
const WHOLE_NUMBER = /^[1-9]\d{2,15}$/;

/**
 * Counts the keys of a Map that are written as whole numbers. V8 hashes these by their value and not with a secret as it does
 * other strings, so that whoever chooses numbers a power of two apart lets all of them collide: 20,000 keys then take
 * seconds, ten times as many take minutes. Numbers that people use are spread over the remainders of any power of two.
 */
export class NumberKeys {
  readonly #counts = new Uint32Array(NUM_CLASSES);

  /** Counts a key. Returns whether there are now so many alike that a Map of them would be slow. */
  isFlooded(key: string): boolean {
    if (!WHOLE_NUMBER.test(key)) return false;
    return ++this.#counts[Number(key) % NUM_CLASSES] > MAX_PER_CLASS;
  }
}
