/**
 * Reading many texts at once, so that they share passes, and yet in order and with bounded memory.
 *
 * @module
 */

/**
 * So many rows the cache needs at most: it has as many for each text as the longest has tokens. They fill several passes,
 * of 512 tokens each, however short or long the texts are.
 */
const MAX_ROWS = 8192;

/** So many short ones fill passes, too. */
const MAX_ITEMS = 512;

/**
 * Carries out an action for each item, for several at once.
 *
 * @param items what there is to do, asked for when there is room
 * @param numRows how many rows of the cache the action needs for an item: for several texts, as many times the longest
 * @param action gets the item, and a signal that stops it when nobody waits for its result any more
 * @param signal stops everything
 * @returns the results, in the order of the items
 */
export async function* sideBySide<Item, Result>(
  items: Iterable<Item> | AsyncIterable<Item>,
  numRows: (item: Item) => number,
  action: (item: Item, signal: AbortSignal) => Promise<Result>,
  signal?: AbortSignal,
): AsyncGenerator<Result, void, undefined> {
  const stop = new AbortController();
  const stopped = signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal]);
  const begun: Begun<Result>[] = [];
  try {
    for await (const item of items) {
      signal?.throwIfAborted();
      const rows = Math.max(1, numRows(item));
      while (begun.length > 0 && !hasRoom(begun, rows)) {
        yield await begun.shift()!.result;
      }
      const result = action(item, stopped);
      // Whoever waits for it hears of its failure; until then it is nobody's.
      result.catch(() => {});
      begun.push({ numRows: rows, result });
    }
    while (begun.length > 0) yield await begun.shift()!.result;
  } finally {
    stop.abort();
    await Promise.allSettled(begun.map(({ result }) => result));
  }
}

/** An action that is being carried out. */
interface Begun<Result> {
  readonly numRows: number;
  readonly result: Promise<Result>;
}

/** Whether another action can be begun. */
function hasRoom(begun: readonly Begun<unknown>[], rows: number): boolean {
  const count = begun.length + 1;
  const longest = begun.reduce((most, { numRows }) => Math.max(most, numRows), rows);
  return count <= MAX_ITEMS && count * longest <= MAX_ROWS;
}
