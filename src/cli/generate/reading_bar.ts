/**
 * How far the prompt is read, where that takes long.
 *
 * @module
 */
import type { ReadProgress } from "../../engine/reading.ts";
import type { Output } from "../terminal/io.ts";
import { ProgressBar } from "../terminal/progress_bar.ts";
import { numberText } from "../terminal/units.ts";

/** Reading that is done by then needs no bar. */
const PATIENCE_MS = 1000;
/** So many are hardly ever read for that long, and at once: a bar for fewer would show nothing. */
const MIN_TOKENS = 32;
/** The seconds that have passed show that something is happening while a part is read. */
const TICK_MS = 250;

/** A bar from a second on. Dispose it to take the line away. */
export class ReadingBar implements AsyncDisposable {
  readonly #bar: ProgressBar;
  readonly #isVisible: boolean;
  readonly #patienceMs: number;
  #startedAt = 0;
  #timer: ReturnType<typeof setInterval> | undefined;
  #progress: ReadProgress | undefined;
  #hasEnded = false;

  /** Shows nothing yet. */
  constructor(output: Output, patienceMs: number = PATIENCE_MS) {
    this.#bar = new ProgressBar(output, "Reading the prompt");
    this.#isVisible = output.isDecorated;
    this.#patienceMs = patienceMs;
  }

  /** Takes in how far reading is. */
  show(progress: ReadProgress): void {
    if (this.#hasEnded || !this.#isVisible || progress.numTokens < MIN_TOKENS) return;
    if (this.#progress === undefined) this.#startedAt = performance.now();
    this.#progress = progress;
    // A program's first timer takes 6 ms: it is made while the processor reads, and only where it may be needed.
    queueMicrotask(() => this.#startTimer());
    this.#draw();
  }

  /** Takes the line away, and shows none any more: from now on the text is there. */
  async end(): Promise<void> {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    // To clear a timer loads as much as to make one, even where there is none.
    if (this.#timer !== undefined) clearInterval(this.#timer);
    await this.#bar.clear();
  }

  /** The same as {@linkcode ReadingBar.end}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.end();
  }

  #startTimer(): void {
    if (!this.#hasEnded) this.#timer ??= setInterval(() => this.#draw(), TICK_MS);
  }

  #draw(): void {
    const elapsedMs = performance.now() - this.#startedAt;
    if (elapsedMs < this.#patienceMs) return;
    const { numReadTokens, numTokens } = this.#progress!;
    const seconds = Math.floor(elapsedMs / 1000);
    this.#bar.show(
      numReadTokens / numTokens,
      `${numberText(numReadTokens)} of ${numberText(numTokens)} tokens, ${seconds} s`,
    );
  }
}
