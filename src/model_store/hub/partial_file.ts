/**
 * A file that is being downloaded, and what has been seen of its bytes so far.
 *
 * @module
 */
import { removeIfAny } from "../../base/files.ts";
import { storageError } from "../../base/storage_error.ts";

/** What will be in the file. */
export interface ExpectedContent {
  /** The sha256 of its bytes (64 digits), or git's sha1 of them (40). */
  readonly etag: string;
  /** How many bytes it has. */
  readonly size: number;
}

/** So much is read at once when a file is taken up again. */
const CHUNK_BYTES = 1024 * 1024;

/** The bytes of a file from its start up to some point, on disk and hashed. Dispose it to close it; the file stays. */
export class PartialFile implements Disposable {
  readonly #path: string;
  readonly #file: Deno.FsFile;
  readonly #expected: ExpectedContent;
  readonly #newDigest: () => Digest;
  #digest: Digest;
  #size = 0;

  private constructor(
    path: string,
    file: Deno.FsFile,
    expected: ExpectedContent,
    newDigest: () => Digest,
  ) {
    this.#path = path;
    this.#file = file;
    this.#expected = expected;
    this.#newDigest = newDigest;
    this.#digest = newDigest();
  }

  /**
   * Opens a file, maybe with the first part of its bytes in it, which are read and hashed.
   *
   * @throws {StorageError} if the system refuses
   */
  static async open(
    path: string,
    expected: ExpectedContent,
    signal?: AbortSignal,
  ): Promise<PartialFile> {
    const newDigest = await digestOf(expected);
    let partial: PartialFile;
    try {
      const file = await Deno.open(path, { create: true, read: true, write: true });
      partial = new PartialFile(path, file, expected, newDigest);
    } catch (error) {
      throw storageError(path, error, `before the first of the ${expected.size} bytes needed`);
    }
    try {
      await partial.#readAll(signal);
    } catch (error) {
      partial[Symbol.dispose]();
      throw error;
    }
    return partial;
  }

  /** How many bytes are there. */
  get size(): number {
    return this.#size;
  }

  /** Whether there are as many bytes as there have to be, and they are the right ones. */
  isRight(): boolean {
    return this.#size === this.#expected.size && this.#digest.hex() === this.#expected.etag;
  }

  /**
   * Adds bytes.
   *
   * @throws {StorageError} if the system refuses: no space
   */
  async append(bytes: Uint8Array): Promise<void> {
    for (let start = 0; start < bytes.length;) {
      const count = await this.#attempt(this.#file.write(bytes.subarray(start)));
      this.#digest.update(bytes.subarray(start, start + count));
      this.#size += count;
      start += count;
    }
  }

  /** Forgets everything. */
  async clear(): Promise<void> {
    await this.#attempt(this.#file.truncate(0));
    await this.#attempt(this.#file.seek(0, Deno.SeekMode.Start));
    this.#digest = this.#newDigest();
    this.#size = 0;
  }

  /** Gives the file its final name, once its bytes are on the disk itself. */
  async renameTo(path: string): Promise<void> {
    await this.#attempt(this.#file.sync());
    await this.#attempt(Deno.rename(this.#path, path));
  }

  /** Removes the file. */
  async remove(): Promise<void> {
    await removeIfAny(this.#path);
  }

  /** Closes the file. */
  [Symbol.dispose](): void {
    this.#file.close();
  }

  async #readAll(signal?: AbortSignal): Promise<void> {
    const buffer = new Uint8Array(CHUNK_BYTES);
    while (true) {
      signal?.throwIfAborted();
      const count = await this.#attempt(this.#file.read(buffer));
      if (count === null) return;
      this.#digest.update(buffer.subarray(0, count));
      this.#size += count;
    }
  }

  async #attempt<T>(operation: Promise<T>): Promise<T> {
    try {
      return await operation;
    } catch (error) {
      const needed = `after ${this.#size} of the ${this.#expected.size} bytes needed`;
      throw storageError(this.#path, error, needed);
    }
  }
}

interface Digest {
  update(bytes: Uint8Array): void;
  hex(): string;
}

async function digestOf({ etag, size }: ExpectedContent): Promise<() => Digest> {
  // Web Crypto has no digest of bytes that come one after another; and only who downloads should load this.
  const { createHash } = await import("node:crypto");
  return () => {
    const hash = etag.length === 64 ? createHash("sha256") : createHash("sha1");
    // Git hashes a file together with its size.
    if (etag.length === 40) hash.update(`blob ${size}\0`);
    return {
      update: (bytes) => void hash.update(bytes),
      hex: () => hash.copy().digest("hex"),
    };
  };
}
