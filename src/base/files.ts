/**
 * Files and folders that may not be there, and what to say when the system refuses.
 *
 * @module
 */
import { StorageError } from "./errors.ts";
import { quotePath, systemErrorCode } from "./describe.ts";

/** The names of what is in a folder; none if there is no such folder. */
export function namesIn(folder: string): string[] {
  try {
    return Array.from(Deno.readDirSync(folder), ({ name }) => name);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

/** The bytes that a folder takes, each file once: links are not followed. */
export function folderBytes(folder: string): number {
  let bytes = 0;
  for (const name of namesIn(folder)) {
    const path = `${folder}/${name}`;
    const { isDirectory, isFile, size } = Deno.lstatSync(path);
    if (isDirectory) bytes += folderBytes(path);
    else if (isFile) bytes += size;
  }
  return bytes;
}

/**
 * The error for what the system refused to write.
 *
 * @param needed what was to be written, for the message: `after 3 of the 10 bytes needed`
 */
export function storageError(path: string, cause: unknown, needed = ""): unknown {
  // A missing --allow-write is about this process: Deno's own message names the flag.
  if (!(cause instanceof Error) || cause instanceof Deno.errors.NotCapable) return cause;
  const code = systemErrorCode(cause);
  if (code === undefined) return cause; // Not from the system: an abort, or an error of our own.
  const isFull = code === "ENOSPC" || code === "EDQUOT";
  return new StorageError(
    `Cannot write ${quotePath(path)}: ${
      isFull ? "there is no space left" : "the system refused"
    }: received ${code}${needed && ` ${needed}`}. ` +
      `${isFull ? "Make room" : "Change its permissions"}, or set HF_HOME to another folder.`,
    { cause },
  );
}

/** Removes a folder with all that is in it. Does nothing if there is none; a link is removed, not what it leads to. */
export async function removeFolder(folder: string): Promise<void> {
  try {
    await Deno.remove(folder, { recursive: true });
  } catch (error) {
    if (!isMissing(error)) throw storageError(folder, error);
  }
}

/** Removes a file, if it is there. */
export async function removeIfAny(path: string): Promise<void> {
  try {
    await Deno.remove(path);
  } catch (error) {
    if (!isMissing(error)) throw storageError(path, error);
  }
}

/** The text of a small file; nothing if there is none. */
export function readTextIfAny(path: string): string | undefined {
  try {
    return isFile(path) ? Deno.readTextFileSync(path) : undefined;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** Whether there is a regular file, or a link to one. */
export function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory ||
    error instanceof Error && systemErrorCode(error) === "ELOOP";
}
