/**
 * A line on a terminal that changes in place.
 *
 * @module
 */
import type { Output } from "./io.ts";

const MIN_INTERVAL_MS = 100;

/** A line that changes in place where that is possible, and nothing elsewhere. */
export class UpdatingLine {
  readonly #output: Output;
  #shownAt = -Infinity;
  #isShown = false;
  #isAside = false;
  /** The writes so far, one after another. */
  #written: Promise<void> = Promise.resolve();

  /** @param output where it is shown */
  constructor(output: Output) {
    this.#output = output;
  }

  /** Shows a text instead of the one before, a few times a second at most: some are left out. */
  show(text: () => string): void {
    const now = performance.now();
    if (this.#isAside || !this.#output.isDecorated || now - this.#shownAt < MIN_INTERVAL_MS) return;
    this.#shownAt = now;
    this.#isShown = true;
    this.#replace(text());
  }

  /** Takes the line away; the next text is shown at once. */
  async clear(): Promise<void> {
    if (this.#isShown) this.#replace("");
    this.#isShown = false;
    this.#shownAt = -Infinity;
    await this.#written;
  }

  /**
   * Takes the line away while something else is written into its place: what goes on meanwhile does not show it again.
   */
  async aside(write: () => Promise<void>): Promise<void> {
    this.#isAside = true;
    try {
      await this.clear();
      await write();
    } finally {
      this.#isAside = false;
    }
  }

  #replace(text: string): void {
    // Nobody may be there to see it. That is no reason to stop.
    this.#written = this.#written.then(() => this.#output.replaceLine(text)).catch(() => {});
  }
}
