/**
 * Which windows several models read at once.
 *
 * @module
 */
import { MAX_ROWS } from "./side_by_side.ts";
import { numScoredIn } from "./window_options.ts";
import type { Window } from "./windows.ts";

/**
 * Windows that are read at once: as many as have their logits in memory together, and their tokens in the cache; or one that
 * has more.
 *
 * @param windows at least one
 * @param maxScored of how many places logits are in memory at once
 */
export function* windowGroups(
  windows: readonly Window[],
  maxScored: number,
): Generator<Window[], void> {
  // Where windows overlap much, each scores few of its tokens, and yet all of these are in the cache.
  const longest = windows.reduce((most, { start, end }) => Math.max(most, end - start), 1);
  const maxWindows = Math.max(1, Math.floor(MAX_ROWS / longest));
  let group: Window[] = [];
  let numScored = 0;
  for (const window of windows) {
    const numAdded = numScoredIn([window]);
    const isFull = group.length === maxWindows || numScored + numAdded > maxScored;
    if (group.length > 0 && isFull) {
      yield group;
      group = [];
      numScored = 0;
    }
    group.push(window);
    numScored += numAdded;
  }
  yield group;
}
