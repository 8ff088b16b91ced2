/**
 * Random access to the bytes of a file or of an array, for the readers of this folder.
 *
 * @module
 */

import { formatError, quotePath } from "./describe.ts";
import { readError } from "./read_error.ts";

/** Bytes that can be read from any offset. */
export interface ByteSource {
  /** Where the bytes come from, for messages; nothing for bytes in memory. */
  readonly path?: string;
  /** What to do if they are not what they should be. Default: as it is for files where this one is. */
  readonly advice?: string;
  /** How many bytes there are. */
  readonly size: number;
  /**
   * The `length` bytes from `offset`. They may be a view of memory that others see too: do not change them.
   *
   * @throws {RangeError} if the span is not inside the source
   */
  read(offset: number, length: number): Uint8Array<ArrayBuffer>;
  /**
   * Fills `target` with the bytes from `offset`.
   *
   * @throws {RangeError} if the span is not inside the source
   */
  readInto(offset: number, target: Uint8Array): void;
}

/** A source over bytes in memory. */
export class MemorySource implements ByteSource {
  /** How many bytes there are. */
  readonly size: number;
  #bytes: Uint8Array<ArrayBuffer>;

  /** A source that reads `bytes` in place. */
  constructor(bytes: Uint8Array<ArrayBuffer>) {
    this.size = bytes.length;
    this.#bytes = bytes;
  }

  /** A view of the `length` bytes from `offset`. */
  read(offset: number, length: number): Uint8Array<ArrayBuffer> {
    checkSpan(this, offset, length);
    return this.#bytes.subarray(offset, offset + length);
  }

  /** Copies the bytes from `offset` into `target`. */
  readInto(offset: number, target: Uint8Array): void {
    target.set(this.read(offset, target.length));
  }
}

/** A source over an open file. It owns the file: dispose it. */
export class FileSource implements ByteSource, Disposable {
  /** The path the file was opened by. */
  readonly path: string;
  /** What to do if its bytes are not what they should be; see {@linkcode ByteSource}. */
  readonly advice?: string;
  /** How many bytes the file had when it was opened. */
  readonly size: number;
  #file: Deno.FsFile;
  #disposed = false;

  /** Takes over a file opened for reading. Use {@linkcode openRegularFile} to get one from a path. */
  constructor(file: Deno.FsFile, path: string, size: number, advice?: string) {
    this.#file = file;
    this.path = path;
    this.size = size;
    this.advice = advice;
  }

  /** The `length` bytes from `offset`, in an array of their own. */
  read(offset: number, length: number): Uint8Array<ArrayBuffer> {
    checkSpan(this, offset, length);
    const bytes = new Uint8Array(length);
    this.readInto(offset, bytes);
    return bytes;
  }

  /**
   * Fills `target` with the bytes from `offset`.
   *
   * @throws {FileFormatError} if the file has become shorter since it was opened
   * @throws {StorageError} if the disk fails
   */
  readInto(offset: number, target: Uint8Array): void {
    checkSpan(this, offset, target.length);
    if (this.#disposed) {
      throw new TypeError(
        `Cannot read ${quotePath(this.path)}: the file is closed: received offset ${offset}`,
      );
    }
    let filled = 0;
    try {
      this.#file.seekSync(offset, Deno.SeekMode.Start);
      while (filled < target.length) {
        const count = this.#file.readSync(target.subarray(filled));
        if (count === null) break;
        filled += count;
      }
    } catch (error) {
      throw readError(this.path, error);
    }
    if (filled < target.length) {
      throw formatError(
        "a file",
        this.path,
        `it became shorter than the ${this.size} bytes it had when it was opened`,
        offset + filled,
        "Wait until nothing else writes to it.",
      );
    }
  }

  /** Which file it is, whatever its path names by now; without an `ino` where the system does not tell. */
  identity(): Pick<Deno.FileInfo, "size" | "dev" | "ino"> {
    try {
      const { dev, ino } = this.#file.statSync();
      return { size: this.size, dev, ino };
    } catch (error) {
      // Inside a compiled program: no file of the system at all.
      if (!(error instanceof Deno.errors.NotSupported)) throw error;
      return { size: this.size, dev: 0, ino: null };
    }
  }

  /** Closes the file. A second call does nothing. */
  [Symbol.dispose](): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#file.close();
  }
}

/**
 * Opens a file for reading. A folder, a FIFO, a socket or a device counts as "no such file", and is found out without
 * opening it: opening a FIFO would wait for a writer for ever.
 *
 * @param advice what to do if its bytes are not what they should be; see {@linkcode ByteSource}
 * @throws {Deno.errors.NotFound} if there is no regular file at `path`
 * @throws {Deno.errors.PermissionDenied} if the system does not let this user read it
 * @throws {StorageError} if the disk fails
 */
export function openRegularFile(path: string, advice?: string): FileSource {
  let file: Deno.FsFile;
  try {
    const info = Deno.statSync(path);
    if (!info.isFile) throw notFile(path, kindOf(info));
    file = Deno.openSync(path, { read: true });
  } catch (error) {
    throw readError(path, error, "open");
  }
  try {
    // Not from statSync(), which the files inside a compiled program do not have.
    return new FileSource(file, path, file.seekSync(0, Deno.SeekMode.End), advice);
  } catch (error) {
    file.close();
    throw readError(path, error);
  }
}

function checkSpan(source: ByteSource, offset: number, length: number): void {
  const inside = Number.isSafeInteger(offset) && Number.isSafeInteger(length) && offset >= 0 &&
    length >= 0 &&
    offset + length <= source.size;
  if (!inside) {
    throw new RangeError(
      `Cannot read bytes: the span must lie within ${source.size} bytes: received offset ${offset}, length ${length}`,
    );
  }
}

function notFile(path: string, received: string): Error {
  return new Deno.errors.NotFound(
    `Cannot open ${
      quotePath(path)
    }: it is not a regular file: received ${received}. Check the path.`,
  );
}

function kindOf(info: Deno.FileInfo): string {
  if (info.isDirectory) return "a folder";
  if (info.isFifo) return "a FIFO";
  if (info.isSocket) return "a socket";
  return "a device";
}
