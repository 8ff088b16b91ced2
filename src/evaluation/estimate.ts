/**
 * Means, and how uncertain they are: as llama-perplexity computes both.
 *
 * @module
 */

/** A value that was measured on a part of all text there is. */
export interface Estimate {
  /** What was measured. */
  readonly value: number;
  /** Its standard error, as if each token had been drawn on its own; NaN for a single one, which says nothing of others. */
  readonly error: number;
}

/** The mean of values that come one by one. */
export class Mean {
  #count = 0;
  #sum = 0;
  #squares = 0;

  /** Takes in a value. */
  add(value: number): void {
    this.#count++;
    this.#sum += value;
    this.#squares += value * value;
  }

  /** How many values there were. */
  get count(): number {
    return this.#count;
  }

  /** The sum of all values. */
  get sum(): number {
    return this.#sum;
  }

  /** The mean. */
  get estimate(): Estimate {
    const value = this.#sum / this.#count;
    const variance = this.#squares / this.#count - value * value;
    return { value, error: standardError(variance, this.#count) };
  }
}

/** e to the power of an estimate; the error is that of a straight line there. */
export function exponential({ value, error }: Estimate): Estimate {
  const power = Math.exp(value);
  return { value: power, error: power * error };
}

/** The share of `count` things that have some property. */
export function share(number: number, count: number): Estimate {
  const value = number / count;
  return { value, error: standardError(value * (1 - value), count) };
}

/** Of a mean. Rounding may leave less than nothing of a variance. */
function standardError(variance: number, count: number): number {
  return count > 1 ? Math.sqrt(Math.max(0, variance) / (count - 1)) : NaN;
}

/**
 * The value below which a part of the values lies; between two of them, in proportion.
 *
 * @param sorted in ascending order, at least one
 * @param part from 0 to 1
 */
export function quantile(sorted: ArrayLike<number>, part: number): number {
  const place = part * (sorted.length - 1);
  const index = Math.floor(place);
  const rest = place - index;
  const next = sorted[Math.min(index + 1, sorted.length - 1)];
  return (1 - rest) * sorted[index] + rest * next;
}
