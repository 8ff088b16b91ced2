/**
 * Files mapped into memory: their bytes are there without having been read, and share memory with whatever else has the
 * file open.
 *
 * @module
 */
import { DisposedError } from "../base/errors.ts";
import { library } from "./library.ts";
import { cString, type Pointer } from "./memory.ts";

/** Which file it is, as `Deno.stat` tells. */
export type FileIdentity = Pick<Deno.FileInfo, "size" | "dev" | "ino">;

/** A mapped file. What was made from its bytes must not be used after it has been disposed of. */
export class MappedFile implements Disposable {
  /** Where the file begins; at the beginning of a page. */
  readonly pointer: Pointer;
  /** The bytes of the file. */
  readonly byteLength: number;
  #disposed = false;

  private constructor(pointer: Pointer, byteLength: number) {
    this.pointer = pointer;
    this.byteLength = byteLength;
  }

  /**
   * Maps a file.
   *
   * @param path where it is
   * @param identity which file is meant: another one that has taken its place is not mapped
   * @returns undefined where the system does not map files, or not this one: then it has to be read
   * @throws {NativeLibraryError} if the native library is not open
   */
  static open(path: string, { size, dev, ino }: FileIdentity): MappedFile | undefined {
    if (ino === null) return undefined;
    const pointer = library().gpt2_map_file(
      cString(path),
      BigInt(size),
      BigInt(dev),
      BigInt(ino),
    );
    return pointer === null ? undefined : new MappedFile(pointer, size);
  }

  /**
   * A view of bytes of the file, to be read only.
   *
   * @throws {RangeError} if they are not inside the file
   */
  view(offset: number, length: number): Uint8Array<ArrayBuffer> {
    this.#check(offset, length);
    return new Uint8Array(Deno.UnsafePointerView.getArrayBuffer(this.pointer, length, offset));
  }

  /**
   * The address of a byte of the file.
   *
   * @throws {RangeError} if the `length` bytes that begin there are not inside the file
   */
  address(offset: number, length: number): Pointer {
    this.#check(offset, length);
    return Deno.UnsafePointer.offset(this.pointer, offset)!;
  }

  /** Gives the memory of the file back to the system. What is looked at from here on is mapped page by page. */
  giveBack(): void {
    library().gpt2_give_back_for_good(this.pointer, BigInt(this.byteLength));
  }

  /** Unmaps the file. A second call does nothing. */
  [Symbol.dispose](): void {
    if (this.#disposed) return;
    this.#disposed = true;
    library().gpt2_unmap_file(this.pointer, BigInt(this.byteLength));
  }

  #check(offset: number, length: number): void {
    if (this.#disposed) throw new DisposedError("look at a mapped file");
    if (!(offset >= 0 && length >= 0 && offset + length <= this.byteLength)) {
      throw new RangeError(
        `Cannot look at a mapped file: it has ${this.byteLength} bytes: received ${length} bytes at offset ${offset}.`,
      );
    }
  }
}
