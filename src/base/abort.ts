/**
 * Stopping at an `AbortSignal`.
 *
 * @module
 */

/**
 * Calls `action` when the signal is aborted: dispose the result to have it forgotten. Of a signal that was aborted before
 * it takes no notice.
 */
export function onAbort(signal: AbortSignal | undefined, action: () => void): Disposable {
  if (signal === undefined) return NOBODY;
  signal.addEventListener("abort", action, { once: true });
  return { [Symbol.dispose]: () => signal.removeEventListener("abort", action) };
}

/** Listens to nothing. */
const NOBODY: Disposable = { [Symbol.dispose]: () => {} };

/**
 * What `promise` gives, or the signal's reason if that comes first. The work behind the promise goes on.
 *
 * @throws {DOMException} `AbortError` (or the signal's own reason)
 */
export async function orAborted<T>(
  promise: Promise<T>,
  signal: AbortSignal | undefined,
): Promise<T> {
  if (signal === undefined) return await promise;
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  using _listener = onAbort(signal, () => reject(signal.reason));
  if (signal.aborted) reject(signal.reason);
  return await Promise.race([promise, aborted]);
}

/**
 * Waits, until the signal asks to stop.
 *
 * @throws {DOMException} `AbortError` (or the signal's own reason)
 */
export async function pause(ms: number, signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted();
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  try {
    await orAborted(promise, signal);
  } finally {
    clearTimeout(timer);
  }
}
