/**
 * Doing one thing after another.
 *
 * @module
 */
import { orAborted } from "./abort.ts";

/** Things to be done, each when those that were asked for before it are done. */
export class Queue {
  /** Settles when what was asked for last is done. There is none where nothing is to be done. */
  #last: Promise<void> | undefined;

  /** Whether something is still to be done. */
  get isBusy(): boolean {
    return this.#last !== undefined;
  }

  /**
   * Does something when all that was asked for before is done; at once where that is nothing.
   *
   * @param signal ends the waiting
   * @throws {DOMException} `AbortError` (or the signal's own reason)
   */
  async run<T>(signal: AbortSignal | undefined, action: () => Promise<T>): Promise<T> {
    const before = this.#last;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#last = promise;
    const end = () => {
      if (this.#last === promise) this.#last = undefined;
      resolve();
    };
    try {
      if (before !== undefined) await orAborted(before, signal);
    } catch (error) {
      // Those who come later still wait for those before.
      before!.then(end);
      throw error;
    }
    try {
      return await action();
    } finally {
      end();
    }
  }
}
