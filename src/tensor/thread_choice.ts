/**
 * How many threads to compute with while other programs use the processor too.
 *
 * After each operation the threads wait for each other. If another program takes a processor from one of them for a few
 * milliseconds, all wait, and one thread alone would be faster. Nobody tells, so it is found out by trying.
 *
 * @module
 */

/** Runs of a trial, and runs that are looked back on. One that was held up must not decide alone. */
const WINDOW = 4;

/** Runs are held up if a window of them takes so many times as long as the fastest one would have. */
const HELD_UP = 1.5;

/** Runs after which more threads, or fewer, are tried again; doubled whenever that was no gain. */
const FIRST_PAUSE = 64;
const LONGEST_PAUSE = 256;

/** A number of threads has to be so much faster to be preferred. */
const GAIN = 0.95;

/** Chooses the number of threads for runs of equal work, from how long the last ones took. */
export class ThreadChoice {
  readonly #most: number;
  #threads: number;
  /** The number that is being tried, if one is. */
  #trial: number | undefined;
  #times: number[] = [];
  /** The shortest time with `#threads`. */
  #fastest = Infinity;
  /** The mean time with `#threads`, while another number is tried. */
  #mean = Infinity;
  #runsUntilTrial = 0;
  #pause = FIRST_PAUSE;

  /** @param most the number of threads to begin with, and never to exceed */
  constructor(most: number) {
    this.#most = most;
    this.#threads = most;
  }

  /** The number of threads for the next run. */
  get threads(): number {
    return this.#trial ?? this.#threads;
  }

  /** Forgets the times, but not the choice: what follows is other work. */
  startOver(): void {
    this.#trial = undefined;
    this.#times = [];
    this.#fastest = Infinity;
    this.#runsUntilTrial = 0;
  }

  /** Notes how long a run with {@linkcode threads} took. */
  record(elapsedMs: number): void {
    if (this.#most === 1) return;
    this.#times.push(elapsedMs);
    const sum = this.#times.reduce((total, time) => total + time);
    const isFull = this.#times.length === WINDOW;
    if (this.#trial !== undefined) {
      // What is worse already need not be tried to the end.
      if (isFull || sum > WINDOW * this.#mean) this.#endTrial(sum / WINDOW);
      return;
    }
    this.#fastest = Math.min(this.#fastest, elapsedMs);
    this.#runsUntilTrial--;
    const isHeldUp = this.#times.length > 1 && sum > WINDOW * HELD_UP * this.#fastest;
    const mean = sum / this.#times.length;
    if (isFull) this.#times.shift();
    if (this.#runsUntilTrial > 0) return;
    if (isHeldUp && this.#threads > 1) this.#startTrial(this.#threads - 1, mean);
    else if (isFull && this.#threads < this.#most) this.#startTrial(this.#threads + 1, mean);
  }

  #startTrial(threads: number, mean: number): void {
    this.#trial = threads;
    this.#mean = mean;
    this.#times = [];
  }

  #endTrial(mean: number): void {
    const isBetter = mean < GAIN * this.#mean;
    if (isBetter) this.#threads = this.#trial!;
    this.#pause = isBetter ? FIRST_PAUSE : Math.min(2 * this.#pause, LONGEST_PAUSE);
    this.#runsUntilTrial = this.#pause;
    this.#trial = undefined;
    this.#times = [];
    this.#fastest = Infinity;
  }
}
