/**
 * What happened to requests.
 *
 * @module
 */

/** What is measured in milliseconds. */
export type Timed = "reject" | "complete";

/** Counts and times. */
export class Samples {
  /** `lost`: accepted, and not answered in full. `broken`: what nobody could answer. */
  readonly counts = { completed: 0, rejected: 0, cancelled: 0, broken: 0, lost: 0 };
  readonly #times: Record<Timed, number[]> = { reject: [], complete: [] };

  /** Takes note of how long something took. */
  time(what: Timed, elapsedMs: number): void {
    this.#times[what].push(elapsedMs);
  }

  /** The median, the 99th percentile and the most. */
  quantiles(what: Timed): { p50: number; p99: number; most: number } {
    const sorted = this.#times[what].toSorted((a, b) => a - b);
    const at = (share: number) =>
      sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
    return { p50: at(0.5), p99: at(0.99), most: at(1) };
  }
}
