/**
 * A task that several callers wait for together.
 *
 * @module
 */
import { orAborted } from "./abort.ts";

interface Running<T> {
  readonly result: Promise<T>;
  readonly stop: AbortController;
  numWaiting: number;
}

/** Runs at most once at a time. It is stopped when nobody waits for it any more: one who leaves does not take it from the others. */
export class SharedTask<T> {
  readonly #run: (signal: AbortSignal) => Promise<T>;
  #running?: Running<T>;

  /** @param run the task; the signal stops it */
  constructor(run: (signal: AbortSignal) => Promise<T>) {
    this.#run = run;
  }

  /**
   * Waits for the task, which begins now unless it is running.
   *
   * @param signal stops the waiting; if nobody else waits, the task too, and this returns when it has ended
   * @throws {DOMException} `AbortError` (or the signal's own reason); what the task throws
   */
  async join(signal?: AbortSignal): Promise<T> {
    signal?.throwIfAborted();
    const running = this.#running ??= this.#begin();
    running.numWaiting++;
    try {
      return await orAborted(running.result, signal);
    } finally {
      if (--running.numWaiting === 0) {
        // Whoever comes now begins anew.
        if (this.#running === running) this.#running = undefined;
        running.stop.abort();
        await running.result.catch(() => {});
      }
    }
  }

  #begin(): Running<T> {
    const stop = new AbortController();
    const result = this.#run(stop.signal);
    // Those who wait hear of an error; when all have left, nobody does.
    result.catch(() => {});
    return { result, stop, numWaiting: 0 };
  }
}
