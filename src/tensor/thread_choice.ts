/**
 * How many threads to compute with while other programs use the processor too.
 *
 * After each operation the threads wait for each other. If another program takes a processor from one of them for a few
 * milliseconds, all wait, and one thread alone would be faster. So fewer are tried, when runs take longer
 * than before, or their threads get less of the processors than they could use.
 *
 * How busy the machine is does not depend on what is computed: what one kind of work finds out holds for the others, so
 * that a short text is read with the threads that were best for writing the last one. Times are compared as multiples of
 * the fastest run of their kind.
 *
 * @module
 */

/** Runs of a trial, and runs that are looked back on. One that was held up must not decide alone. */
const WINDOW = 4;

/** Runs are held up if a window of them takes so many times as long as the fastest ones would have. */
const HELD_UP = 1.5;

/** Or if they get less than this of the time of as many processors: threads that wait use theirs, too, unless others do. */
const LEAST_SHARE = 0.8;

/** Runs after which more threads, or fewer, are tried again; doubled whenever that was no gain. */
const FIRST_PAUSE = 64;
const LONGEST_PAUSE = 256;

/** A number of threads has to be so much faster to be preferred. */
const GAIN = 0.95;

/** A run, as it is looked back on. */
interface Run {
  readonly kind: number;
  readonly elapsedMs: number;
  readonly share: number;
}

/** Chooses the number of threads for runs of a few kinds of work, from how long the last ones took. */
export class ThreadChoice {
  readonly #most: number;
  #threads: number;
  /** The number that is being tried, if one is. */
  #trial: number | undefined;
  #runs: Run[] = [];
  /** The shortest time of each kind with `#threads`. */
  readonly #fastest = new Map<number, number>();
  /** The mean multiple of the shortest time with `#threads`, while another number is tried. */
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

  /**
   * Forgets the times of a kind of work, but not the choice: what follows takes another time. A trial goes on, or many
   * short texts would never end one.
   *
   * @param numTokens the work, see {@linkcode record}
   */
  startOver(numTokens = 1): void {
    if (this.#trial !== undefined) return;
    const kind = kindOf(numTokens);
    this.#fastest.delete(kind);
    this.#runs = this.#runs.filter((run) => run.kind !== kind);
    this.#runsUntilTrial = 0;
  }

  /**
   * Notes how long a run with {@linkcode threads} took.
   *
   * @param numTokens how many tokens were computed at once: about as many are the same kind of work
   * @param share what it got of the time of as many processors as it had threads: 1 is all of it
   */
  record(elapsedMs: number, numTokens = 1, share = 1): void {
    if (this.#most === 1) return;
    const kind = kindOf(numTokens);
    const fastest = this.#fastest.get(kind);
    if (this.#trial === undefined) {
      this.#fastest.set(kind, Math.min(fastest ?? Infinity, elapsedMs));
    } else if (fastest === undefined) {
      return; // There is nothing to compare it with.
    }
    this.#runs.push({ kind, elapsedMs, share });
    const sum = this.#runs.reduce((sum, run) => sum + this.#multipleOfFastest(run), 0);
    const isFull = this.#runs.length === WINDOW;
    if (this.#trial !== undefined) {
      // What is worse already need not be tried to the end.
      if (isFull || sum > WINDOW * this.#mean) this.#endTrial(sum / WINDOW);
      return;
    }
    this.#runsUntilTrial--;
    const sumOfShares = this.#runs.reduce((sum, { share }) => sum + share, 0);
    const isHeldUp = this.#runs.length > 1 && sum > WINDOW * HELD_UP ||
      isFull && sumOfShares < WINDOW * LEAST_SHARE;
    const mean = sum / this.#runs.length;
    if (isFull) this.#runs.shift();
    if (this.#runsUntilTrial > 0) return;
    if (isHeldUp && this.#threads > 1) this.#startTrial(this.#threads - 1, mean);
    else if (isFull && this.#threads < this.#most) this.#startTrial(this.#threads + 1, mean);
  }

  #startTrial(threads: number, mean: number): void {
    this.#trial = threads;
    this.#mean = mean;
    this.#runs = [];
  }

  #endTrial(mean: number): void {
    const isBetter = mean < GAIN * this.#mean;
    if (isBetter) this.#threads = this.#trial!;
    this.#pause = isBetter ? FIRST_PAUSE : Math.min(2 * this.#pause, LONGEST_PAUSE);
    this.#runsUntilTrial = this.#pause;
    this.#trial = undefined;
    this.#runs = [];
    this.#fastest.clear();
  }

  #multipleOfFastest({ kind, elapsedMs }: Run): number {
    return elapsedMs / this.#fastest.get(kind)!;
  }
}

/** Within a kind the times differ less than by what counts as being held up. */
function kindOf(numTokens: number): number {
  return Math.round(2 * Math.log2(numTokens));
}
