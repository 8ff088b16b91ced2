/**
 * Where on this machine a native library may be, in the order in which the places are looked at.
 *
 * @module
 */
import { environmentVariable } from "../base/environment.ts";
import { pathOfFileUrl } from "../base/file_url.ts";
import { cachedBuild, cachedPrebuilt } from "./cached_libraries.ts";
import { fromEmbedded } from "./embedded_library.ts";
import { libraryFileName, type LibraryStamp, readStamp } from "./library_stamp.ts";

/** A native library that could be opened. */
export interface LibraryCandidate {
  /** The path of the file; of several, of the one that computes. */
  path: string;
  /** The files it consists of if they are several: all of them, in the order in which they are opened. */
  files?: readonly LibraryFile[];
  /** What to do if it cannot be used, as a sentence. */
  remedy: string;
  /** What its build noted, if it did. */
  stamp?: LibraryStamp;
}

/** One file of several that make a library. */
export interface LibraryFile {
  readonly path: string;
  /** What its bytes must have, in hexadecimal. */
  readonly sha256: string;
}

/** A place where a native library may be. */
export interface LibraryPlace {
  /** What a message calls it. */
  readonly name: string;
  /** Whether what is there is used or refused, never passed over. */
  readonly isDecisive?: boolean;
  /** What is there, best first. Throws an Error that says why something that is there is nothing to be tried. */
  find(): LibraryCandidate[];
}

/** The environment variable that names a library to be used instead of all others. */
export const LIBRARY_VARIABLE = "GPT2_NATIVE_LIBRARY";

/** The places that need no network, in their order. */
export const localPlaces: readonly LibraryPlace[] = [
  { name: LIBRARY_VARIABLE, isDecisive: true, find: () => fromEnvironment() },
  { name: "inside this program", find: () => listOf(fromEmbedded()) },
  { name: "local build", find: () => fromLocalBuild() },
  { name: "built from source before", find: () => cachedBuild() },
  { name: "prebuilt, fetched before", find: () => cachedPrebuilt() },
];

function listOf(candidate: LibraryCandidate | undefined): LibraryCandidate[] {
  return candidate === undefined ? [] : [candidate];
}

function fromEnvironment(): LibraryCandidate[] {
  const path = environmentVariable(LIBRARY_VARIABLE);
  if (path === undefined) return [];
  const remedy =
    `Set ${LIBRARY_VARIABLE} to a library that \`deno task build\` made on this machine, or unset it.`;
  return [{ path, remedy, stamp: readStamp(path) }];
}

function fromLocalBuild(): LibraryCandidate[] {
  if (!isLocal()) return [];
  const path = pathOfFileUrl(new URL(`../../native/build/${libraryFileName()}`, import.meta.url));
  const stamp = readStamp(path);
  return stamp ? [{ path, remedy: "Build it again with `deno task build`.", stamp }] : [];
}

/** Whether this module is a file, as in a clone, and neither a page on the web nor inside a compiled program. */
export function isLocal(): boolean {
  return import.meta.url.startsWith("file:") && !Deno.build.standalone;
}
