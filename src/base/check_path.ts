/**
 * Paths as callers give them.
 *
 * @module
 */
import { describe } from "./describe.ts";

/**
 * Throws unless a value is a path.
 *
 * @param action what cannot be done otherwise, for the message
 * @throws {TypeError}
 */
export function checkPath(action: string, path: unknown): void {
  if (typeof path === "string" && path !== "") return;
  throw new TypeError(
    `Cannot ${action}: the path must be a text: received ${describe(path)}.`,
  );
}
