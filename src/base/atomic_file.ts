/**
 * Writes files so that nothing on disk is ever half-written: whoever looks finds the old file or the whole new one.
 *
 * @module
 */

import { orAborted } from "./abort.ts";
import { quotePath } from "./describe.ts";
import { StorageError } from "./errors.ts";
import { folderOf, infoIfAny } from "./files.ts";
import { orStorageError } from "./storage_error.ts";
import { TemporaryFile } from "./temporary_file.ts";

/** How far a file has been written. */
export interface WriteProgress {
  /** Bytes written so far. */
  readonly writtenBytes: number;
  /** Bytes that will have been written at the end; as many as so far where nobody knows. */
  readonly totalBytes: number;
}

/** How to write a file. */
export interface WriteOptions {
  /** Stops the writing: the temporary file is removed, and the signal's reason (an AbortError) thrown. */
  readonly signal?: AbortSignal;
  /** Called after each piece of at most 8 MiB. What it throws stops the writing. */
  readonly onProgress?: (progress: WriteProgress) => void;
}

/** How {@linkcode writeFileAtomically} writes a file. */
export interface AtomicWriteOptions extends WriteOptions {
  /** Called when all bytes are on the disk, right before they take the place of what was there. */
  readonly beforeRename?: () => Promise<void>;
}

/** The bytes of a file, in order and in pieces of any size. */
export type ByteChunks = Iterable<Uint8Array> | AsyncIterable<Uint8Array>;

/** Small enough that a signal is seen in time, large enough that the calls do not count. */
const PIECE_BYTES = 8 * 1024 * 1024;

/**
 * Writes a file of `totalBytes` bytes, or of as many as there turn out to be: into a temporary file beside it (`<path>.<unique>.gpt2.incomplete`, where need be with less of the path), then to the disk
 * itself (fsync), then by renaming over `path`. On any failure or abort the temporary file is removed and `path` is as it
 * was. Only a process that is killed leaves its temporary file behind; the next that writes into the folder removes it.
 *
 * @throws {StorageError} if the system refuses: no space, a read-only or missing folder, a target that is no regular file
 * @throws {RangeError} if `chunks` does not give exactly `totalBytes`
 */
export async function writeFileAtomically(
  path: string,
  totalBytes: number | undefined,
  chunks: ByteChunks,
  options: AtomicWriteOptions = {},
): Promise<void> {
  const { signal, onProgress, beforeRename } = options;
  signal?.throwIfAborted();
  let writtenBytes = 0;
  const attempt = <T>(operation: () => T | Promise<T>) =>
    orStorageError(
      path,
      operation,
      () =>
        totalBytes === undefined
          ? `after ${writtenBytes} bytes`
          : `after ${writtenBytes} of the ${totalBytes} bytes needed`,
    );
  await attempt(() => requireReplaceable(path));
  using temporary = await attempt(() => TemporaryFile.create(path));
  const { file } = temporary;
  for await (const chunk of untilAborted(chunks, signal)) {
    for (let start = 0; start < chunk.length;) {
      signal?.throwIfAborted();
      const end = Math.min(start + PIECE_BYTES, chunk.length);
      while (start < end) {
        const count = await attempt(() => file.write(chunk.subarray(start, end)));
        start += count;
        writtenBytes += count;
      }
      onProgress?.({ writtenBytes, totalBytes: totalBytes ?? writtenBytes });
    }
  }
  if (totalBytes !== undefined && writtenBytes !== totalBytes) {
    throw new RangeError(
      `Cannot write ${quotePath(path)}: it must get ${totalBytes} bytes: received ${writtenBytes}`,
    );
  }
  await orAborted(attempt(() => file.sync()), signal);
  signal?.throwIfAborted();
  await beforeRename?.();
  await attempt(() => temporary.rename());
  await syncFolder(folderOf(path));
}

/**
 * Refuses to put a file in the place of a folder, a FIFO or a device such as /dev/null.
 *
 * @throws {StorageError} if there is one at `path`
 */
export function requireReplaceable(path: string): void {
  const info = infoIfAny(path);
  if (info === undefined || info.isFile) return;
  throw new StorageError(
    `Cannot write ${quotePath(path)}: it exists and is not a regular file: received ` +
      `${info.isDirectory ? "a folder" : "a FIFO or device"}. Choose another name.`,
  );
}

/** Puts a rename on disk. Systems without it (Windows cannot open a folder) keep the file, only later. */
async function syncFolder(folder: string): Promise<void> {
  try {
    using opened = await Deno.open(folder);
    await opened.sync();
  } catch {
    // The file itself is complete and in its place.
  }
}

/** The chunks, until the signal asks to stop: even while the next one is being waited for. */
async function* untilAborted(
  chunks: ByteChunks,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  const iterator = Symbol.asyncIterator in chunks
    ? chunks[Symbol.asyncIterator]()
    : chunks[Symbol.iterator]();
  let finished = false;
  try {
    while (true) {
      signal?.throwIfAborted();
      const result = await orAborted(Promise.resolve(iterator.next()), signal);
      finished = result.done === true;
      if (result.done) return;
      yield result.value;
    }
  } finally {
    // Not awaited: a generator that is busy would only answer when its work is done. Its errors interest nobody now.
    if (!finished) Promise.resolve(iterator.return?.()).catch(() => {});
  }
}
