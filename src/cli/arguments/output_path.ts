/**
 * Paths of files that a command writes.
 *
 * @module
 */
import { UsageError } from "./usage_error.ts";

/**
 * Requires that a path is no `-`, which means stdout where a command can write to that: a file of that name nobody wants.
 *
 * @param flag what names the file
 * @throws {UsageError} if it is one
 */
export function requireNamedFile(flag: string, path: string | undefined): void {
  if (path !== "-") return;
  throw new UsageError(
    `${flag} needs a file, and cannot be stdout: received "-". Name a file; one of that name is ./-.`,
  );
}
