/**
 * Work that is written once and can be done in two ways: at once, for callers that cannot wait; or piece by piece while
 * other things go on.
 *
 * @module
 */

/** A piece of work, in both ways. */
interface Piece {
  now(): unknown;
  later(signal: AbortSignal | undefined): Promise<unknown>;
}

/** Work that ends with a `T`: a generator of the pieces that it waits for. */
export type Work<T> = Generator<Piece, T, unknown>;

/** A piece of work: `const bytes = yield* piece(() => readSync(path), () => read(path))`. */
export function* piece<T>(
  now: () => T,
  later: (signal: AbortSignal | undefined) => Promise<T>,
): Work<T> {
  return (yield { now, later }) as T;
}

/** Does all of the work before it returns. */
export function doNow<T>(work: Work<T>): T {
  let step = work.next();
  while (!step.done) {
    let result: unknown;
    try {
      result = step.value.now();
    } catch (error) {
      step = work.throw(error);
      continue;
    }
    step = work.next(result);
  }
  return step.value;
}

/**
 * Does the work while others go on.
 *
 * @param signal given to every piece; once it is aborted no other piece is begun, and the work does not learn why
 * @throws {DOMException} `AbortError` (or the signal's own reason)
 */
export async function doLater<T>(work: Work<T>, signal?: AbortSignal): Promise<T> {
  let step = work.next();
  while (!step.done) {
    let result: unknown;
    try {
      signal?.throwIfAborted();
      result = await step.value.later(signal);
      signal?.throwIfAborted();
    } catch (error) {
      if (signal?.aborted) {
        work.return(undefined as T);
        throw signal.reason;
      }
      step = work.throw(error);
      continue;
    }
    step = work.next(result);
  }
  return step.value;
}
