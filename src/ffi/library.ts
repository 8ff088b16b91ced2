/**
 * The native library of this process, once it is open. Finding one and opening it is the work of `src/native_library`.
 *
 * @module
 */
import { NativeLibraryError } from "../base/errors.ts";
import type { Library } from "./symbols.ts";

export type { Library };

let opened: Library | undefined;

/** The native library, if it is open. It is never closed: a call may be under way. */
export function openedLibrary(): Library | undefined {
  return opened;
}

/** Makes `found` the native library of this process, unless it has one; returns the one it has. */
export function useLibrary(found: Library): Library {
  return opened ??= found;
}

/**
 * The native library, which whoever begins something native has opened.
 *
 * @throws {NativeLibraryError} if nobody has
 */
export function library(): Library {
  if (opened === undefined) {
    throw new NativeLibraryError(
      "Cannot use the native library: it is not open yet: received a call before it was. " +
        "Await prepareLibrary() first.",
    );
  }
  return opened;
}
