/**
 * Gets a native library of a release from where this package came from into this package's cache.
 *
 * @module
 */
import { requireCacheFolder } from "../../base/cache_folder.ts";
import { folderOf } from "../../base/files.ts";
import { sha256 } from "../../base/sha256.ts";
import { storageError } from "../../base/storage_error.ts";
import { writeFileAtomically } from "../../base/atomic_file.ts";
import { requireOnline, requirePrivateFolder } from "../fetch_conditions.ts";
import type { PrepareLibraryOptions } from "../prepare_options.ts";
import { keptPath } from "./libraries.ts";
import type { ReleasedLibrary } from "./released_library.ts";

/** How long all of it may take. */
const TIMEOUT_MS = 120_000;

/**
 * Fetches a library, unpacks it, and compares it with what was published.
 *
 * @throws {StorageError} if there is no room for it, or no folder that can be written to
 * @throws {Error} that says why it cannot be had
 */
export async function fetchReleased(
  library: ReleasedLibrary,
  { onProgress, signal }: Pick<PrepareLibraryOptions, "onProgress" | "signal">,
): Promise<void> {
  requireCacheFolder("libraries");
  const path = keptPath(library)!;
  const url = new URL(library.file, import.meta.url);
  const isRemote = url.protocol !== "file:";
  if (isRemote) requireOnline();
  const { os, arch, level, downloadBytes } = library;
  const size = `${(downloadBytes / 1e6).toFixed(1)} MB, ${isRemote ? url.host : "this package"}`;
  const text = `Fetching the native library for ${os} ${arch}, ${level} (${size}) ...`;
  onProgress?.({ step: "library", text });
  try {
    requirePrivateFolder(folderOf(path));
    const bytes = await unpack(url, library, signal);
    await writeFileAtomically(path, bytes.length, [bytes], { signal });
  } catch (error) {
    signal?.throwIfAborted();
    throw storageError(path, error, `where ${(library.bytes / 1e6).toFixed(1)} MB are needed`);
  }
}

/** Never more bytes than it has to be: what unpacks to more is another file. */
async function unpack(
  url: URL,
  library: ReleasedLibrary,
  userSignal: AbortSignal | undefined,
): Promise<Uint8Array<ArrayBuffer>> {
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  const signal = userSignal ? AbortSignal.any([userSignal, timeout]) : timeout;
  const bytes = new Uint8Array(library.bytes);
  let numBytes = 0;
  try {
    const response = await fetch(url, { signal });
    if (!response.ok) {
      await response.body?.cancel();
      throw new Error(`the server refused: received status ${response.status}`);
    }
    for await (const piece of response.body!.pipeThrough(new DecompressionStream("brotli"))) {
      if (numBytes + piece.length > bytes.length) throw otherFile(library);
      bytes.set(piece, numBytes);
      numBytes += piece.length;
    }
  } catch (error) {
    if (timeout.aborted) throw new Error(`it did not come within ${TIMEOUT_MS / 1000} s`);
    throw describe(error, library);
  }
  if (numBytes !== bytes.length || await sha256(bytes) !== library.sha256) throw otherFile(library);
  return bytes;
}

function otherFile({ file }: ReleasedLibrary): Error {
  return new Error(`${file} is not the file that was published`);
}

/** Deno says of a connection that fails no more than that, and names in its cause the whole address. */
function describe(error: unknown, library: ReleasedLibrary): unknown {
  if (!(error instanceof TypeError)) return error;
  // What is not compressed, or was cut off, is another file.
  if (!/fetch|body|connection/.test(error.message)) return otherFile(library);
  const { message } = error.cause instanceof Error ? error.cause : error;
  return new Error(`it cannot be fetched: ${message.replace(/ for url \(\S*\)/, "")}`);
}
