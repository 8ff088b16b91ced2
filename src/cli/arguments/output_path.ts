/**
 * Paths of files that a command writes.
 *
 * @module
 */
import { UsageError } from "./usage_error.ts";

/**
 * Requires that a path is no `-`, which means stdout where a command can write to that: nobody wants a file of that name.
 *
 * @param flag what names the file
 * @param kind what is written there
 * @throws {UsageError} if it is one
 */
export function requireNamedFile(
  flag: string,
  path: string | undefined,
  kind: "file" | "folder" = "file",
): void {
  if (path !== "-") return;
  throw new UsageError(
    `${flag} needs a ${kind}, and cannot be stdout: received "-". Name a ${kind}; one of that name is ./-.`,
  );
}
