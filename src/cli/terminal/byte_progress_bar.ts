/**
 * How far something is whose size is known: what is downloaded or written.
 *
 * @module
 */
import type { Output } from "./io.ts";
import { ProgressBar } from "./progress_bar.ts";
import { bytesText, clockText } from "./units.ts";

/** A bar with bytes, speed, and the time that is left. */
export class ByteProgressBar {
  readonly #bar: ProgressBar;
  readonly #startedAt = performance.now();
  #startBytes?: number;

  /** @param label what is being done */
  constructor(output: Output, label: string) {
    this.#bar = new ProgressBar(output, label);
  }

  /** Shows how far it is. */
  show(doneBytes: number, totalBytes: number): void {
    // What was there before, from an earlier attempt, says nothing about the speed.
    this.#startBytes ??= doneBytes;
    const seconds = (performance.now() - this.#startedAt) / 1000;
    const speed = seconds > 0 ? (doneBytes - this.#startBytes) / seconds : 0;
    const part = totalBytes > 0 ? doneBytes / totalBytes : 1;
    this.#bar.show(part, progressText(doneBytes, totalBytes, speed));
  }

  /** Takes the line away. */
  async clear(): Promise<void> {
    await this.#bar.clear();
  }
}

/** Bytes, speed and time left: `12.0 MB of 548.1 MB, 8.1 MB/s, 1:06 left`. */
export function progressText(
  doneBytes: number,
  totalBytes: number,
  bytesPerSecond: number,
): string {
  const bytes = `${bytesText(doneBytes)} of ${bytesText(totalBytes)}`;
  if (bytesPerSecond <= 0) return bytes;
  const left = Math.ceil((totalBytes - doneBytes) / bytesPerSecond);
  return `${bytes}, ${bytesText(Math.round(bytesPerSecond))}/s, ${clockText(left)} left`;
}
