/**
 * Reading many texts at once, so that they share passes, and yet in order and with bounded memory.
 *
 * @module
 */
import { orAborted } from "../base/abort.ts";

/**
 * So many rows the cache needs at most: it has as many for each text as the longest has tokens. They fill several passes,
 * of 512 tokens each, however short or long the texts are.
 */
export const MAX_ROWS = 8192;

/** So many short ones fill passes, too. */
const MAX_ITEMS = 512;

/**
 * Carries out an action for each item, for several at once.
 *
 * @param items what there is to do, asked for when there is room; if they fail, the results of those before come first
 * @param numRows how many rows of the cache the action needs for an item: for several texts, as many times the longest
 * @param action gets the item, and a signal that stops it when nobody waits for its result any more
 * @param signal stops everything
 * @returns the results, in the order of the items; those that are there are not held back while the next item is waited for
 */
export async function* sideBySide<Item, Result>(
  items: Iterable<Item> | AsyncIterable<Item>,
  numRows: (item: Item) => number,
  action: (item: Item, signal: AbortSignal) => Promise<Result>,
  signal?: AbortSignal,
): AsyncGenerator<Result, void, undefined> {
  const stop = new AbortController();
  const stopped = signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal]);
  const source = new Source(items);
  const begun: Begun<Result>[] = [];
  try {
    while (true) {
      const next = source.next();
      // What has its items at hand is not raced with: it would begin fewer at once.
      while (
        source.isAsync && begun.length > 0 &&
        !await orAborted(isFirst(next, begun[0].result), signal)
      ) yield await begun.shift()!.result;
      const { item, isEnd, failure } = await orAborted(next, signal);
      signal?.throwIfAborted();
      const rows = isEnd ? Infinity : Math.max(1, numRows(item!));
      while (begun.length > 0 && !hasRoom(begun, rows)) {
        yield await begun.shift()!.result;
      }
      if (failure !== undefined) throw failure.error;
      if (isEnd) return;
      const result = action(item!, stopped);
      // Whoever waits for it hears of its failure; until then it is nobody's.
      result.catch(() => {});
      begun.push({ numRows: rows, result });
    }
  } finally {
    stop.abort();
    await Promise.allSettled(begun.map(({ result }) => result));
    await source.close();
  }
}

/** Whether one promise is settled before another. */
async function isFirst(one: Promise<unknown>, other: Promise<unknown>): Promise<boolean> {
  return await Promise.race([one.then(() => true), other.then(() => false, () => false)]);
}

/** What a source gives when it is asked: an item, or the end, which may be a failure. */
interface Given<Item> {
  readonly item?: Item;
  readonly isEnd: boolean;
  readonly failure?: { readonly error: unknown };
}

/** Where items come from. */
class Source<Item> {
  /** Whether an item may have to be waited for. */
  readonly isAsync: boolean;
  readonly #items: Iterator<Item> | AsyncIterator<Item>;
  #isAsked = false;
  #isAtEnd = false;

  constructor(items: Iterable<Item> | AsyncIterable<Item>) {
    this.isAsync = Symbol.asyncIterator in items;
    this.#items = Symbol.asyncIterator in items
      ? items[Symbol.asyncIterator]()
      : items[Symbol.iterator]();
  }

  /** The next item; that it fails is told, not thrown. */
  async next(): Promise<Given<Item>> {
    this.#isAsked = true;
    try {
      const { value, done: isEnd = false } = await this.#items.next();
      this.#isAtEnd = isEnd;
      return isEnd ? { isEnd } : { item: await value, isEnd };
    } catch (error) {
      this.#isAtEnd = true;
      return { isEnd: true, failure: { error } };
    } finally {
      this.#isAsked = false;
    }
  }

  /** Tells it that no more is wanted. One that is still asked for an item is not waited for: it may never give one. */
  async close(): Promise<void> {
    if (this.#isAtEnd) return;
    const closing = (async () => await this.#items.return?.())();
    if (this.#isAsked) closing.catch(() => {});
    else await closing;
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
