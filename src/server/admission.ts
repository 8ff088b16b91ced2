/**
 * Who is computed next: so many texts at a time, and a queue that has an end.
 *
 * @module
 */
import { onAbort } from "../base/abort.ts";
import { overloaded } from "./api_error.ts";

/** How many texts are computed side by side, and how many requests may wait. */
export interface AdmissionLimits {
  readonly maxTexts: number;
  readonly maxWaiting: number;
}

/** What waits. */
interface Waiting {
  readonly numTexts: number;
  /** Whether its request has nothing of what it asked for yet. */
  readonly isFirst: boolean;
  begin(): void;
}

/** How strongly the last request counts in what is expected of the next ones. */
const NEWEST_SHARE = 0.1;
const MAX_RETRY_SECONDS = 60;

/** Gives places to texts, in the order in which they were asked for. */
export class Admission {
  readonly #limits: AdmissionLimits;
  readonly #queue = new Set<Waiting>();
  #numTexts = 0;
  #numWaiting = 0;
  #heldMs = 0;

  constructor(limits: AdmissionLimits) {
    this.#limits = limits;
  }

  /** How many texts have places. */
  get numTexts(): number {
    return this.#numTexts;
  }

  /** How many requests wait for their first place. */
  get numWaiting(): number {
    return this.#numWaiting;
  }

  /**
   * Refuses a request that would have to wait where no more may.
   *
   * @throws {ApiError} 503, with the time after which it may be different
   */
  checkRoom(): void {
    const { maxTexts, maxWaiting } = this.#limits;
    if (this.#numTexts < maxTexts && this.#queue.size === 0) return;
    if (this.#numWaiting < maxWaiting) return;
    throw overloaded(
      `The server has ${this.#numTexts} texts to write and ${this.#numWaiting} requests waiting. Try again later.`,
      this.#retryAfterSeconds(),
    );
  }

  /**
   * Waits until there are places for so many texts.
   *
   * @param numTexts at most as many as there are
   * @param options `isFirst`: whether the request has had none yet. Of those only so many may wait; one that has begun
   * always may, and asks for its next place only when it has got the last one, so that requests take turns
   * @returns what gives them back
   * @throws {ApiError} 503 if too many wait
   * @throws {DOMException} `AbortError` (or the signal's own reason)
   */
  async acquire(
    numTexts: number,
    { isFirst, signal }: { isFirst: boolean; signal: AbortSignal },
  ): Promise<Disposable> {
    signal.throwIfAborted();
    if (isFirst) this.checkRoom();
    if (this.#queue.size > 0 || !this.#fits(numTexts)) await this.#wait(numTexts, isFirst, signal);
    else this.#numTexts += numTexts;
    const begin = performance.now();
    let isHeld = true;
    return {
      [Symbol.dispose]: () => {
        if (!isHeld) return;
        isHeld = false;
        this.#numTexts -= numTexts;
        this.#heldMs += NEWEST_SHARE * (performance.now() - begin - this.#heldMs);
        this.#admit();
      },
    };
  }

  async #wait(numTexts: number, isFirst: boolean, signal: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const waiting: Waiting = { numTexts, isFirst, begin: resolve };
    this.#queue.add(waiting);
    if (isFirst) this.#numWaiting++;
    using _listener = onAbort(signal, () => {
      if (!this.#leave(waiting)) return;
      reject(signal.reason);
      this.#admit();
    });
    await promise;
  }

  #admit(): void {
    for (const waiting of this.#queue) {
      if (!this.#fits(waiting.numTexts)) return;
      this.#leave(waiting);
      this.#numTexts += waiting.numTexts;
      waiting.begin();
    }
  }

  #leave(waiting: Waiting): boolean {
    if (!this.#queue.delete(waiting)) return false;
    if (waiting.isFirst) this.#numWaiting--;
    return true;
  }

  #fits(numTexts: number): boolean {
    return this.#numTexts + numTexts <= this.#limits.maxTexts;
  }

  #retryAfterSeconds(): number {
    const seconds = (this.#numWaiting + 1) * this.#heldMs / this.#limits.maxTexts / 1000;
    return Math.min(MAX_RETRY_SECONDS, Math.max(1, Math.ceil(seconds)));
  }
}
