/**
 * What a model is tried on.
 *
 * @module
 */
import type { TokenFile } from "./token_file.ts";
import { readWindows, requireWindow, type WindowBatch } from "./training_windows.ts";

/** Those that are read at once, if nobody says how many. */
const WINDOWS_AT_ONCE = 16;

/** All windows of a file, side by side. What goes through it reads them all, 16 at a time. */
export interface ValidationWindows extends Iterable<WindowBatch> {
  /** How many there are. */
  readonly numWindows: number;
  /** The windows in their order, so many at a time; fewer in the last batch. */
  batches(batchSize: number): Generator<WindowBatch>;
}

/**
 * The windows of a file: number `k` reads the tokens from `k * contextLength` on, and predicts those after each of them. The
 * few tokens at the end that do not fill one are left out.
 *
 * @throws {RangeError} if there are too few tokens for one window
 */
export function validationWindows(file: TokenFile, contextLength: number): ValidationWindows {
  requireWindow(file, contextLength);
  const numWindows = Math.floor((file.length - 1) / contextLength);
  function* batches(batchSize: number) {
    for (let first = 0; first < numWindows; first += batchSize) {
      const length = Math.min(batchSize, numWindows - first);
      const starts = Array.from({ length }, (_, i) => (first + i) * contextLength);
      yield readWindows(file, starts, contextLength);
    }
  }
  return { numWindows, batches, [Symbol.iterator]: () => batches(WINDOWS_AT_ONCE) };
}
