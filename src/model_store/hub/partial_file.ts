/**
 * A file that is being downloaded, and what has been seen of its bytes so far.
 *
 * @module
 */
import { removeIfAny } from "../../base/remove.ts";
import { openUnlinked } from "../../base/open_unlinked.ts";
import { orStorageError } from "../../base/storage_error.ts";
import { type Content, type Digest, newDigest } from "./content.ts";

/** So much is read at once when a file is taken up again. */
const CHUNK_BYTES = 1024 * 1024;

/** The bytes of a file from its start up to some point, on disk and hashed. Dispose it to close it; the file stays. */
export class PartialFile implements Disposable {
  readonly #path: string;
  readonly #file: Deno.FsFile;
  readonly #expected: Content;
  #digest: Digest;
  #size = 0;

  private constructor(
    path: string,
    file: Deno.FsFile,
    expected: Content,
    digest: Digest,
  ) {
    this.#path = path;
    this.#file = file;
    this.#expected = expected;
    this.#digest = digest;
  }

  /**
   * Opens a file, maybe with the first part of its bytes in it, which are read and hashed.
   *
   * @throws {StorageError} if the system refuses
   */
  static async open(
    path: string,
    expected: Content,
    signal?: AbortSignal,
  ): Promise<PartialFile> {
    const digest = await newDigest(expected);
    const file = await orStorageError(
      path,
      () => openUnlinked(path, { read: true }),
      () => `before the first of the ${expected.size} bytes needed`,
    );
    const partial = new PartialFile(path, file, expected, digest);
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
    return this.#size === this.#expected.size && this.#digest.etag() === this.#expected.etag;
  }

  /**
   * Adds bytes.
   *
   * @throws {StorageError} if the system refuses: no space
   */
  async append(bytes: Uint8Array): Promise<void> {
    for (let start = 0; start < bytes.length;) {
      const count = await this.#attempt(() => this.#file.write(bytes.subarray(start)));
      this.#digest.update(bytes.subarray(start, start + count));
      this.#size += count;
      start += count;
    }
  }

  /** Forgets everything. */
  async clear(): Promise<void> {
    await this.#attempt(() => this.#file.truncate(0));
    await this.#attempt(() => this.#file.seek(0, Deno.SeekMode.Start));
    this.#digest = await newDigest(this.#expected);
    this.#size = 0;
  }

  /** Gives the file its final name, once its bytes are on the disk itself. */
  async renameTo(path: string): Promise<void> {
    await this.#attempt(() => this.#file.sync());
    await this.#attempt(() => Deno.rename(this.#path, path));
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
      const count = await this.#attempt(() => this.#file.read(buffer));
      if (count === null) return;
      this.#digest.update(buffer.subarray(0, count));
      this.#size += count;
    }
  }

  #attempt<T>(operation: () => Promise<T>): Promise<T> {
    const needed = () => `after ${this.#size} of the ${this.#expected.size} bytes needed`;
    return orStorageError(this.#path, operation, needed);
  }
}
