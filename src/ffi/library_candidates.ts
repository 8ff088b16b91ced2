/**
 * Where a native library may be, in the order in which the places are looked at.
 *
 * @module
 */

import { NativeLibraryError } from "../errors.ts";
import { fromEmbedded } from "./embedded_library.ts";
import { libraryFileName, type LibraryStamp, readStamp } from "./library_stamp.ts";

/** A native library that could be opened. */
export interface LibraryCandidate {
  /** The path of the file. */
  path: string;
  /** What to do if it cannot be used, as a sentence. */
  remedy: string;
  /** What its build noted, if it did. */
  stamp?: LibraryStamp;
}

const VARIABLE = "GPT2_NATIVE_LIBRARY";

/** The first place that has something to offer decides; its library is used or refused, never passed over. */
const places = [fromEnvironment, fromEmbedded, fromLocalBuild];

/**
 * The library to be opened.
 *
 * @throws {NativeLibraryError} if there is none
 */
export function findCandidate(): LibraryCandidate {
  for (const place of places) {
    const candidate = place();
    if (candidate !== undefined) return candidate;
  }
  const remedy = isLocal()
    ? "Build it with `deno task build`."
    : `Build it in a clone of the repository with \`deno task build\`, and set ${VARIABLE} to its path.`;
  throw new NativeLibraryError(`Cannot open the native library: it has not been built. ${remedy}`);
}

function fromEnvironment(): LibraryCandidate | undefined {
  let path: string | undefined;
  try {
    path = Deno.env.get(VARIABLE);
  } catch (error) {
    // Without permission to read the environment there is nothing in it.
    if (!(error instanceof Deno.errors.NotCapable)) throw error;
  }
  if (!path) return undefined;
  const remedy =
    `Set ${VARIABLE} to a library that \`deno task build\` made on this machine, or unset it.`;
  return { path, remedy, stamp: readStamp(path) };
}

function fromLocalBuild(): LibraryCandidate | undefined {
  if (!isLocal()) return undefined;
  const path = filePath(new URL(`../../native/build/${libraryFileName()}`, import.meta.url));
  const stamp = readStamp(path);
  return stamp && { path, remedy: "Build it again with `deno task build`.", stamp };
}

/** Whether this module is a file, as in a clone, and neither a page on the web nor inside a compiled program. */
function isLocal(): boolean {
  return import.meta.url.startsWith("file:") && !Deno.build.standalone;
}

/** The path that a file URL names. */
function filePath(url: URL): string {
  const path = decodeURIComponent(url.pathname);
  return Deno.build.os === "windows" ? path.slice(1) : path;
}
