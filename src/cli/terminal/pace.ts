/**
 * How fast a long task is, and how much time it still takes.
 *
 * @module
 */
import { clockText, numberText } from "./units.ts";

/** Before, a speed would say more of the start than of the task. */
const MIN_ELAPSED_MS = 1000;

/** Measures a task from the first count on, be that of what an earlier start has done. */
export class Pace {
  readonly #now: () => number;
  #begin?: { readonly ms: number; readonly numDone: number };

  /** @param now the time in milliseconds */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /**
   * The time that is left and the speed: `1:06 left`, `2,310 tokens/s`. Nothing as long as neither is known.
   *
   * @param unit what is counted, such as `tokens`
   */
  texts(numDone: number, numAll: number, unit: string): string[] {
    const ms = this.#now();
    this.#begin ??= { ms, numDone };
    const elapsedMs = ms - this.#begin.ms;
    const perSecond = (numDone - this.#begin.numDone) / elapsedMs * 1000;
    if (elapsedMs < MIN_ELAPSED_MS || !(perSecond > 0)) return [];
    const speed = perSecond < 10 ? perSecond.toFixed(1) : numberText(Math.round(perSecond));
    return [`${clockText((numAll - numDone) / perSecond)} left`, `${speed} ${unit}/s`];
  }
}
