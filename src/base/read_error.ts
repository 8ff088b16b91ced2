/**
 * What to say when the system refuses to read.
 *
 * @module
 */
import { quotePath, systemErrorCode } from "./describe.ts";
import { StorageError } from "./errors.ts";

/**
 * The error for what the system refused to open or to read. What is no error of the system, such as an abort, stays what it
 * is, and so does a missing --allow-read, which is about this process and not about the file: Deno's message names the flag.
 *
 * @param verb what could not be done: `open`
 * @returns `Deno.errors.NotFound` if nothing can be there, `Deno.errors.PermissionDenied` if this user may not read it,
 * {@linkcode StorageError} for the rest, such as a disk that fails
 */
export function readError(path: string, cause: unknown, verb = "read"): unknown {
  if (!(cause instanceof Error) || cause instanceof Deno.errors.NotCapable) return cause;
  const message = (reason: string, received: string, advice: string) =>
    `Cannot ${verb} ${quotePath(path)}: ${reason}: received ${received}. ${advice}`;
  if (path.includes("\0")) {
    return new Deno.errors.NotFound(
      message("no file can have this name", "a NUL character in it", CHECK_PATH),
      { cause },
    );
  }
  const code = systemErrorCode(cause);
  if (code === undefined) return cause;
  const missing = MISSING[code];
  if (missing !== undefined) {
    return new Deno.errors.NotFound(message(missing, code, CHECK_PATH), { cause });
  }
  if (cause instanceof Deno.errors.PermissionDenied) {
    return new Deno.errors.PermissionDenied(
      message(
        "the system does not let this user read it",
        code,
        "Change its permissions, or run as a user who may read it.",
      ),
      { cause },
    );
  }
  return new StorageError(message("the system refused", code, "Check the disk."), { cause });
}

/** Whether an error says that there is nothing at a path, or can be nothing. */
export function isMissing(error: unknown): boolean {
  return error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory ||
    error instanceof Error && Object.hasOwn(MISSING, systemErrorCode(error) ?? "");
}

const CHECK_PATH = "Check the path.";

/** By the system's name: why there is nothing at a path. */
const MISSING: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file",
  ENOTDIR: "there is no such file",
  ELOOP: "there is a link that leads to itself",
  ENAMETOOLONG: "no file can have this name",
};
