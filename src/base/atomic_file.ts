/**
 * Writes files so that nothing on disk is ever half-written: whoever looks finds the old file or the whole new one.
 *
 * @module
 */

import { StorageError } from "./errors.ts";
import { quotePath, systemErrorCode } from "./describe.ts";

/** How far a file has been written. */
export interface WriteProgress {
  /** Bytes written so far. */
  readonly writtenBytes: number;
  /** Bytes that will have been written at the end. */
  readonly totalBytes: number;
}

/** How to write a file. */
export interface WriteOptions {
  /** Stops the writing: the temporary file is removed, and the signal's reason (an AbortError) thrown. */
  readonly signal?: AbortSignal;
  /** Called after each piece of at most 8 MiB. What it throws stops the writing. */
  readonly onProgress?: (progress: WriteProgress) => void;
}

/** The bytes of a file, in order and in pieces of any size. */
export type ByteChunks = Iterable<Uint8Array> | AsyncIterable<Uint8Array>;

/** Small enough that a signal is seen in time, large enough that the calls do not count. */
const PIECE_BYTES = 8 * 1024 * 1024;

/**
 * Writes a file of `totalBytes` bytes: into a temporary file beside it (`<path>.<unique>.incomplete`), then to the disk
 * itself (fsync), then by renaming over `path`. On any failure or abort the temporary file is removed and `path` is as it
 * was. Only a process that is killed leaves its temporary file behind.
 *
 * @throws {StorageError} if the system refuses: no space, a read-only or missing folder, a target that is no regular file
 * @throws {RangeError} if `chunks` does not give exactly `totalBytes`
 */
export async function writeFileAtomically(
  path: string,
  totalBytes: number,
  chunks: ByteChunks,
  options: WriteOptions = {},
): Promise<void> {
  options.signal?.throwIfAborted();
  const target = new Target(path, totalBytes);
  await target.requireReplaceable();
  await using temporary = await target.createTemporary();
  for await (const chunk of untilAborted(chunks, options.signal)) {
    for (let start = 0; start < chunk.length; start += PIECE_BYTES) {
      options.signal?.throwIfAborted();
      await temporary.write(chunk.subarray(start, start + PIECE_BYTES));
      options.onProgress?.({ writtenBytes: temporary.writtenBytes, totalBytes });
    }
  }
  if (temporary.writtenBytes !== totalBytes) {
    const { writtenBytes } = temporary;
    throw new RangeError(
      `Cannot write ${quotePath(path)}: it must get ${totalBytes} bytes: received ${writtenBytes}`,
    );
  }
  await orAborted(temporary.sync(), options.signal);
  options.signal?.throwIfAborted();
  await temporary.rename();
}

/** The path to write, and the words about it that go into errors. */
class Target {
  readonly path: string;
  readonly #totalBytes: number;

  constructor(path: string, totalBytes: number) {
    this.path = path;
    this.#totalBytes = totalBytes;
  }

  /** Refuses to put a file in the place of a folder, a FIFO or a device such as /dev/null. */
  async requireReplaceable(): Promise<void> {
    const info = await Deno.stat(this.path).catch((error) => {
      if (error instanceof Deno.errors.NotCapable) throw error;
      return undefined; // Whatever else is wrong shows when the temporary file is made.
    });
    if (info !== undefined && !info.isFile) {
      throw new StorageError(
        `Cannot write ${quotePath(this.path)}: it exists and is not a regular file: received ` +
          `${info.isDirectory ? "a folder" : "a FIFO or device"}. Choose another name.`,
      );
    }
  }

  async createTemporary(): Promise<TemporaryFile> {
    const temporaryPath = `${this.path}.${crypto.randomUUID().slice(0, 8)}.incomplete`;
    const file = await this.attempt(0, Deno.open(temporaryPath, { write: true, createNew: true }));
    return new TemporaryFile(this, temporaryPath, file);
  }

  /** Waits for an operation of the file system, and turns its error into a StorageError. */
  async attempt<T>(writtenBytes: number, operation: Promise<T>): Promise<T> {
    try {
      return await operation;
    } catch (error) {
      // A missing --allow-write is about this process: Deno's own message names the flag.
      if (!(error instanceof Error) || error instanceof Deno.errors.NotCapable) throw error;
      const code = systemErrorCode(error) ?? error.message;
      throw new StorageError(
        `Cannot write ${quotePath(this.path)}: ${reasonOf(error)}: ` +
          `received ${code} after ${writtenBytes} of the ${this.#totalBytes} bytes needed. ` +
          "Choose another folder, or make room for them. Nothing that was there before has changed.",
        { cause: error },
      );
    }
  }
}

/** A file that is removed unless it is renamed. */
class TemporaryFile implements AsyncDisposable {
  writtenBytes = 0;
  readonly #target: Target;
  readonly #path: string;
  readonly #file: Deno.FsFile;
  #renamed = false;

  constructor(target: Target, path: string, file: Deno.FsFile) {
    this.#target = target;
    this.#path = path;
    this.#file = file;
  }

  async write(piece: Uint8Array): Promise<void> {
    for (let start = 0; start < piece.length;) {
      const count = await this.#attempt(this.#file.write(piece.subarray(start)));
      start += count;
      this.writtenBytes += count;
    }
  }

  async sync(): Promise<void> {
    await this.#attempt(this.#file.sync());
  }

  async rename(): Promise<void> {
    await this.#attempt(Deno.rename(this.#path, this.#target.path));
    this.#renamed = true;
    await syncFolderOf(this.#target.path);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#file.close();
    if (this.#renamed) return;
    // If it cannot be removed either, the error that led here says more than a second one.
    await Deno.remove(this.#path).catch(() => {});
  }

  #attempt<T>(operation: Promise<T>): Promise<T> {
    return this.#target.attempt(this.writtenBytes, operation);
  }
}

/** Puts a rename on disk. Systems without it (Windows cannot open a folder) keep the file, only later. */
async function syncFolderOf(path: string): Promise<void> {
  const folder = path.replace(/[^/\\]*$/, "") || ".";
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

/** What `promise` gives, or the signal's reason if that comes first. */
async function orAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return await promise;
  const aborted = Promise.withResolvers<never>();
  const onAbort = () => aborted.reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([promise, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

function reasonOf(error: Error): string {
  switch (systemErrorCode(error)) {
    case "ENOSPC":
    case "EDQUOT":
      return "there is no space left";
    case "EROFS":
      return "the file system is read-only";
    case "EACCES":
    case "EPERM":
      return "the system does not let this user write there";
    case "ENOENT":
    case "ENOTDIR":
      return "its folder does not exist";
    case "EFBIG":
      return "the file would be too large for the system";
  }
  return "the system refused";
}
