/**
 * Locks that processes hold against each other, ours and Python's.
 *
 * @module
 */
import { pause } from "./pause.ts";

/** How often to look whether the lock has become free. Waiting in the system instead could not be aborted. */
const POLL_MS = 100;

/**
 * Takes the lock file at `path`, creating it if need be, and waits while another process has it. The system frees the lock
 * when its holder ends, however it ends: no lock is ever stale.
 *
 * @returns the lock; dispose it to free it
 * @throws {DOMException} `AbortError` (or the signal's own reason)
 */
export async function takeFileLock(path: string, signal?: AbortSignal): Promise<Disposable> {
  while (true) {
    signal?.throwIfAborted();
    using stack = new DisposableStack();
    const file = stack.use(await Deno.open(path, { create: true, write: true }));
    // Python removes the file when it frees a lock: one that nobody finds any more locks nothing.
    if (await file.tryLock(true) && await isAt(file, path)) return stack.move();
    await pause(POLL_MS, signal);
  }
}

async function isAt(file: Deno.FsFile, path: string): Promise<boolean> {
  try {
    const [held, found] = [await file.stat(), await Deno.stat(path)];
    return held.ino === found.ino && held.dev === found.dev;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
