/**
 * A native library that may be used.
 *
 * @module
 */
import type { Work } from "../base/work.ts";
import type { BuildStamp } from "./build_stamp.ts";
import type { PrepareLibraryOptions } from "./prepare_options.ts";

/** A native library that could be opened. */
export interface LibraryCandidate {
  /** The path of the file; of several, of the one that computes. */
  path: string;
  /** The files it consists of if they are several: all of them, in the order in which they are opened. */
  files?: readonly LibraryFile[];
  /** What to do if it cannot be used, as a sentence. */
  remedy: string;
  /** What its build noted, if it did. */
  stamp?: BuildStamp;
  /** Puts it there, where it is fetched only once its turn has come. Throws an Error that says why it cannot be had. */
  prepare?(options: PrepareLibraryOptions): Work<void>;
}

/** One file of several that make a library. */
export interface LibraryFile {
  readonly path: string;
  /** What its bytes must have, in hexadecimal. */
  readonly sha256: string;
}

/** The paths of a candidate's files, in the order in which they are opened. */
export function pathsOf({ path, files }: LibraryCandidate): string[] {
  return files?.map(({ path }) => path) ?? [path];
}
