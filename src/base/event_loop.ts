/**
 * Giving way to what else waits for the only thread that JavaScript has.
 *
 * @module
 */

/**
 * Lets the event loop handle timers and signals, but not sockets, which takes 6 us. The first time Deno loads what it has
 * timers from, 10 ms, for which the first token does not have to wait.
 */
export function eventLoopTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/**
 * Lets the event loop handle whatever waits, requests of a server too: Deno does not look at sockets while something
 * immediate is due. It takes about 2 ms.
 */
function eventLoopPause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

/** Does work that is divided into steps, for who can wait: all at once. Returns what it results in. */
export function doAtOnce<T>(steps: Generator<unknown, T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}

/** How long work may hold the thread: too short for a person to notice, and for a server to fall behind. */
const MAX_HELD_MS = 15;

/** Turns of the event loop amid work that waits for other things, too. */
export class Turns {
  #begin = performance.now();

  /** Gives way, if a turn is due. */
  async take(): Promise<void> {
    if (performance.now() - this.#begin < MAX_HELD_MS) return;
    await eventLoopPause();
    this.#begin = performance.now();
  }
}

/**
 * Does work that is divided into steps, with a turn of the event loop between them whenever one is due. Steps that are
 * done on other threads, which are promises, are waited for.
 *
 * @throws {DOMException} `AbortError` (or the signal's own reason)
 */
export async function doInTurns(steps: Iterable<unknown>, signal?: AbortSignal): Promise<void> {
  let begin = performance.now();
  for (const step of steps) {
    if (step instanceof Promise) await step;
    else if (performance.now() - begin < MAX_HELD_MS) continue;
    else await eventLoopPause();
    signal?.throwIfAborted();
    begin = performance.now();
  }
}
