/**
 * How far a long task is, on a terminal.
 *
 * @module
 */
import type { Output } from "./io.ts";
import { lineText } from "./terminal_text.ts";

const BAR_WIDTH = 30;
const MAX_LABEL_CHARACTERS = 60;
const MIN_INTERVAL_MS = 100;

/** A line that changes in place where that is possible, and nothing elsewhere. */
export class ProgressBar {
  readonly #output: Output;
  readonly #label: string;
  #shownAt = -Infinity;
  #isShown = false;
  /** The writes so far, one after another. */
  #written: Promise<void> = Promise.resolve();

  /** @param label what is being done */
  constructor(output: Output, label: string) {
    this.#output = output;
    this.#label = lineText(label, MAX_LABEL_CHARACTERS);
  }

  /** Shows which part is done, 0 to 1, and what else there is to say; a few times a second at most. */
  show(part: number, details = ""): void {
    const now = performance.now();
    if (!this.#output.isDecorated || now - this.#shownAt < MIN_INTERVAL_MS) return;
    this.#shownAt = now;
    this.#isShown = true;
    const filled = Math.round(part * BAR_WIDTH);
    const bar = "#".repeat(filled) + "-".repeat(BAR_WIDTH - filled);
    const percent = String(Math.floor(part * 100)).padStart(3);
    this.#replaceLine(`${this.#label} [${bar}] ${percent} %${details && `  ${details}`}`);
  }

  /** Takes the line away. */
  async clear(): Promise<void> {
    if (this.#isShown) this.#replaceLine("");
    this.#isShown = false;
    await this.#written;
  }

  #replaceLine(text: string): void {
    // Nobody may be there to see it. That is no reason to stop.
    this.#written = this.#written.then(() => this.#output.replaceLine(text)).catch(() => {});
  }
}
