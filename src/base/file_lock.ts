/**
 * Locks that processes hold against each other, ours and Python's.
 *
 * @module
 */
import { pause } from "./abort.ts";
import { isFileAt, isUnlinked, openUnlinked } from "./open_unlinked.ts";
import { orStorageError } from "./storage_error.ts";

/** How often to look whether the lock has become free. Waiting in the system instead could not be aborted. */
const POLL_MS = 100;

/** How to take a lock. */
export interface FileLockOptions {
  /** Whether others may hold it too, as long as nobody wants it alone. */
  readonly isShared?: boolean;
  /** Called once, if it has to be waited for. */
  readonly onWait?: () => void;
  /** Stops waiting. */
  readonly signal?: AbortSignal;
}

/**
 * Takes the lock file at `path`, creating it if need be, and waits while another process has it. The system frees the lock
 * when its holder ends, however it ends: no lock is ever stale.
 *
 * @returns the lock; dispose it to free it
 * @throws {StorageError} if the system refuses, or there is a link, which could lead anywhere
 * @throws {DOMException} `AbortError` (or the signal's own reason)
 */
export async function takeFileLock(
  path: string,
  { isShared, onWait, signal }: FileLockOptions = {},
): Promise<Disposable> {
  for (let hasWaited = false;; hasWaited = true) {
    signal?.throwIfAborted();
    // What ends the waiting, below, is no error of the system, whatever it looks like.
    const lock = await orStorageError(path, () => tryFileLock(path, isShared));
    if (lock !== undefined) return lock;
    if (!hasWaited) onWait?.();
    await pause(POLL_MS, signal);
  }
}

/** Takes the lock file at `path` as {@linkcode takeFileLock} does, unless another process has it. */
export function tryFileLock(path: string, isShared = false): Disposable | undefined {
  using stack = new DisposableStack();
  const file = stack.use(openUnlinked(path));
  // Python removes the file when it frees a lock: one that nobody finds any more locks nothing.
  return file.tryLockSync(!isShared) && isFileAt(file, path) ? stack.move() : undefined;
}

/**
 * Takes those of the lock files that are there, unless another process has one of them.
 *
 * @returns all locks at once; nothing if one is held
 */
export function tryFileLocks(paths: readonly string[]): Disposable | undefined {
  using locks = new DisposableStack();
  for (const path of paths) {
    if (!isUnlinked(path)) continue; // A link locks nothing.
    const lock = tryFileLock(path);
    if (lock === undefined) return undefined;
    locks.use(lock);
  }
  return locks.move();
}
