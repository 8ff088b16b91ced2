/**
 * Opening files for writing that nobody has put a link in the place of.
 *
 * @module
 */
import { quotePath } from "./describe.ts";
import { StorageError } from "./errors.ts";
import { infoIfAny } from "./files.ts";

/**
 * Opens a file for writing, and makes it if there is none. A symbolic link is never followed: it could lead to any file
 * that this user may write.
 *
 * @throws {StorageError} if there is a link, or something else that is no regular file
 */
export function openUnlinked(path: string, options: { read?: boolean } = {}): Deno.FsFile {
  while (true) {
    try {
      return Deno.openSync(path, { ...options, write: true, createNew: true });
    } catch (error) {
      if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    }
    try {
      requireUnlinked(path);
      using stack = new DisposableStack();
      const file = stack.use(Deno.openSync(path, { ...options, write: true }));
      // In the meantime a link may have come.
      if (!isFileAt(file, path)) continue;
      stack.move();
      return file;
    } catch (error) {
      // In the meantime it may have been removed.
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
}

/** Whether a path leads to an open file, without any link. */
export function isFileAt(file: Deno.FsFile, path: string): boolean {
  try {
    const [held, found] = [file.statSync(), Deno.lstatSync(path)];
    return !found.isSymlink && held.ino === found.ino && held.dev === found.dev;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Whether there is a regular file that has no other name, so that whoever writes into it changes nothing else. */
export function isUnlinked(path: string): boolean {
  const info = infoIfAny(path, Deno.lstatSync);
  return info?.isFile === true && (info.nlink ?? 1) <= 1;
}

function requireUnlinked(path: string): void {
  const { isFile, isSymlink, isDirectory } = Deno.lstatSync(path);
  if (isFile) return;
  const received = isSymlink ? "a link" : isDirectory ? "a folder" : "a FIFO or device";
  throw new StorageError(
    `Cannot write ${
      quotePath(path)
    }: what is there is no file of its own: received ${received}. Remove it.`,
  );
}
