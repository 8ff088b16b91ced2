/**
 * How often something took how long.
 *
 * @module
 */

/** Counts values in ranges that grow by a factor. */
export class Histogram {
  readonly #bounds: readonly number[];
  readonly #counts: number[];
  #sum = 0;
  #count = 0;

  /**
   * @param first the upper bound of the first range
   * @param factor of each bound to the one before
   * @param numBounds how many there are; beyond the last there is one more range
   */
  constructor(first: number, factor: number, numBounds: number) {
    this.#bounds = Array.from({ length: numBounds }, (_, i) => first * factor ** i);
    this.#counts = new Array(numBounds + 1).fill(0);
  }

  /** Counts a value. */
  observe(value: number): void {
    const index = this.#bounds.findIndex((bound) => value <= bound);
    this.#counts[index < 0 ? this.#bounds.length : index]++;
    this.#sum += value;
    this.#count++;
  }

  /** As Prometheus reads it. */
  lines(name: string, help: string): string[] {
    let count = 0;
    return [
      `# HELP ${name} ${help}`,
      `# TYPE ${name} histogram`,
      ...this.#bounds.map((bound, i) =>
        `${name}_bucket{le="${Number(bound.toPrecision(6))}"} ${count += this.#counts[i]}`
      ),
      `${name}_bucket{le="+Inf"} ${this.#count}`,
      `${name}_sum ${this.#sum}`,
      `${name}_count ${this.#count}`,
    ];
  }
}
