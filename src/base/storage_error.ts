/**
 * What to say when the system refuses to write.
 *
 * @module
 */
import { quotePath, systemErrorCode } from "./describe.ts";
import { StorageError } from "./errors.ts";
import { folderOf, isFolder } from "./files.ts";
import { otherPlaceFor } from "./place_advice.ts";

/**
 * The error for what the system refused to write. What is no error of the system, such as an abort, stays what it is.
 *
 * @param needed what was to be written, for the message: `after 3 of the 10 bytes needed`
 */
export function storageError(path: string, cause: unknown, needed = ""): unknown {
  if (!(cause instanceof Error)) return cause;
  if (cause instanceof Deno.errors.NotCapable) return missingPermission(path, cause);
  const code = systemErrorCode(cause);
  if (code === undefined) return cause;
  const { [code]: known = ["the system refused", "Check the disk"] } = REASONS;
  const [reason, advice] = known === NO_FOLDER && hasFolder(path) ? NO_NEW_FILE : known;
  return new StorageError(
    `Cannot write ${quotePath(path)}: ${reason}: received ${code}${needed && ` ${needed}`}. ` +
      `${advice}, or ${otherPlaceFor(path)}. Nothing that was there before has changed.`,
    { cause },
  );
}

/** Whether there is the folder of a file, as far as that may be known without asking the user. */
function hasFolder(path: string): boolean {
  const folder = folderOf(path);
  const { state } = Deno.permissions.querySync({ name: "read", path: folder });
  return state === "granted" && isFolder(folder);
}

/** Deno's own message names the temporary file beside the one that its user knows. */
function missingPermission(path: string, cause: Error): Error {
  if (!cause.message.startsWith("Requires write access")) return cause;
  return new Deno.errors.NotCapable(
    `Cannot write ${quotePath(path)}: Deno was started without --allow-write for its folder: ` +
      "received no write access. Run with --allow-write.",
    { cause },
  );
}

/** Waits for an operation of the file system, and turns its error into a {@linkcode StorageError}. */
export async function orStorageError<T>(
  path: string,
  operation: () => T | Promise<T>,
  needed?: () => string,
): Promise<T> {
  try {
    return await operation();
  } catch (error) {
    throw storageError(path, error, needed?.());
  }
}

const FULL = ["there is no space left", "Make room"] as const;
const FORBIDDEN = [
  "the system does not let this user write there",
  "Change its permissions",
] as const;
const NO_FOLDER = ["its folder does not exist", "Make it"] as const;
/** What file systems that are no place for files say, such as /proc; Windows says it of names that no file can have. */
const NO_NEW_FILE = Deno.build.os === "windows"
  ? ["the system lets no file have that name", "Choose another name"] as const
  : ["its folder takes no new files", "Check what kind of file system that is"] as const;

/** By the system's name: what is wrong, and what to do about it. */
const REASONS: Readonly<Record<string, readonly [reason: string, advice: string]>> = {
  ENOSPC: FULL,
  EDQUOT: FULL,
  EROFS: ["the file system is read-only", "Have it made writable"],
  EACCES: FORBIDDEN,
  EPERM: FORBIDDEN,
  ENAMETOOLONG: ["the system lets no file have so long a name", "Choose a shorter name"],
  ELOOP: ["there is a link that leads to itself", "Remove the link"],
  ENOENT: NO_FOLDER,
  ENOTDIR: NO_FOLDER,
  EFBIG: ["the system lets no file become so large", "Have that limit raised (ulimit -f)"],
};
