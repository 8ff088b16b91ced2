/**
 * The native library inside a standalone program, brought to where the system can open it.
 *
 * Systems open libraries from files of the disk only. So it is copied into a folder that no other user can write to, one
 * for each version, and compared with the original whenever it is used.
 *
 * @module
 */

import { cacheFolder } from "../base/cache_folder.ts";
import { NativeLibraryError } from "../base/errors.ts";
import { programFilesFolder } from "../base/program_files.ts";
import { writeFileAtomicallySync } from "../base/temporary_file.ts";
import { processUser } from "../ffi/process_user.ts";
import { libraryFileName, readStamp } from "./build_stamp.ts";
import { type LibraryCandidate, singleFile } from "./candidate.ts";
import { isOwn, makePrivateFolder } from "./trusted_path.ts";

/**
 * The library inside this program; undefined if there is none, as when Deno runs the modules themselves.
 *
 * @param level the level of instructions that it is to be for. Default: those of the machine that compiled the program
 */
export function extractLibrary(level?: string): LibraryCandidate | undefined {
  const folder = programFilesFolder();
  if (folder === undefined) return undefined;
  const source = level === undefined ? "library" : `library/${level}`;
  return extractFrom(`${folder}/${source}`, privateFolders());
}

/**
 * Copies a library out of a program, unless that was done before.
 *
 * @param source the folder inside the program that holds the library and its stamp
 * @param folders where a folder for it can be made; the first that is, and can be kept, private to this user is used
 * @returns undefined if there is no library
 * @throws {NativeLibraryError} if it can be put in none of them
 */
export function extractFrom(
  source: string,
  folders: Iterable<string>,
): LibraryCandidate | undefined {
  const name = libraryFileName();
  const stamp = readStamp(`${source}/${name}`);
  if (stamp === undefined) return undefined;
  const bytes = Deno.readFileSync(`${source}/${name}`);
  const problems: string[] = [];
  for (const folder of folders) {
    try {
      const path = keepCopy(folder, stamp.sha256, name, bytes);
      const remedy =
        "Compile the program again with `deno task compile`, on a machine like this one.";
      return singleFile(path, remedy, stamp);
    } catch (error) {
      problems.push((error as Error).message);
    }
  }
  throw new NativeLibraryError(
    "Cannot open the native library: it must be copied out of this program, into a folder that only you can write to, " +
      `and there is none: received ${problems.join("; ") || "no such folder"}. ` +
      "Set XDG_CACHE_HOME to the path of such a folder (on Windows LOCALAPPDATA).",
  );
}

/** The user's cache and, for those who have none or may not write to it, a folder among the temporary ones. */
function* privateFolders(): Generator<string> {
  const cache = cacheFolder("libraries");
  if (cache !== undefined) yield `${cache}/embedded`;
  yield temporaryLibrariesFolder();
}

/** The folder among the temporary ones: the only one of this package that is not in its cache. */
export function temporaryLibrariesFolder(): string {
  // Slow to load, so only where it is needed.
  const { tmpdir } = process.getBuiltinModule("node:os");
  return `${tmpdir()}/allformers-${processUser()?.uid ?? "user"}`;
}

/** Sees to it that the file `parent/version/name` holds these bytes, and returns its path. */
function keepCopy(
  parent: string,
  version: string,
  name: string,
  bytes: Uint8Array<ArrayBuffer>,
): string {
  const folder = `${parent}/${version}`;
  makePrivateFolder(parent);
  makePrivateFolder(folder);
  const path = `${folder}/${name}`;
  if (!holds(path, bytes)) {
    try {
      writeFileAtomicallySync(path, bytes, { mode: 0o600 });
    } catch (error) {
      // Windows replaces no file that is in use: another process may have been faster.
      if (!holds(path, bytes)) throw error;
    }
    if (!holds(path, bytes)) throw new Error(`what was written to ${path} is not there`);
  }
  return path;
}

/** Whether there is a file of this user's with exactly these bytes at `path`. */
function holds(path: string, bytes: Uint8Array<ArrayBuffer>): boolean {
  let info: Deno.FileInfo;
  try {
    info = Deno.lstatSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
  return info.isFile && isOwn(info) && info.size === bytes.length &&
    areEqual(Deno.readFileSync(path), bytes);
}

/** Compares four bytes at a time: this happens at every start. */
function areEqual(a: Uint8Array<ArrayBuffer>, b: Uint8Array<ArrayBuffer>): boolean {
  if (a.length !== b.length) return false;
  const numWords = a.length >> 2;
  const wordsOfA = new Uint32Array(a.buffer, a.byteOffset, numWords);
  const wordsOfB = new Uint32Array(b.buffer, b.byteOffset, numWords);
  for (let i = 0; i < numWords; i++) if (wordsOfA[i] !== wordsOfB[i]) return false;
  for (let i = numWords << 2; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
