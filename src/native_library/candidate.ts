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
  /** Its files, in the order in which they are opened: each after those that it needs. The last is the one that computes. */
  files: readonly LibraryFile[];
  /** What to do if it cannot be used, as a sentence. */
  remedy: string;
  /** What its build noted, if it did. */
  stamp?: BuildStamp;
  /** Whether modules for GPUs can be loaded into it. */
  takesModules?: boolean;
  /** Puts it there, where it is fetched only once its turn has come. Throws an Error that says why it cannot be had. */
  prepare?(options: PrepareLibraryOptions): Work<void>;
}

/** A file of a library. */
export interface LibraryFile {
  readonly path: string;
  /** What its bytes must have, in hexadecimal, if that is known. */
  readonly sha256?: string;
}

/** A library that is all in one file, as the build makes it. */
export function singleFile(path: string, remedy: string, stamp?: BuildStamp): LibraryCandidate {
  return { files: [{ path, sha256: stamp?.sha256 }], remedy, stamp };
}

/** The path by which a candidate is known: that of the file which computes. */
export function pathOf({ files }: LibraryCandidate): string {
  return files.at(-1)!.path;
}

/** Thrown for a library of which a file is missing, or is not the original one. */
export class DamagedLibraryError extends Error {
  override name = "DamagedLibraryError";
}
