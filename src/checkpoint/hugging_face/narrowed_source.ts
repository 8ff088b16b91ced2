/**
 * Weights that a file holds in double precision, as single precision, which is all that is computed in.
 *
 * @module
 */
import type { ByteSource } from "../../base/byte_source.ts";

const DOUBLE_BYTES = 8;
const SINGLE_BYTES = 4;

/** The bytes of an F64 tensor as those of an F32 tensor, each number rounded to the nearest. */
export class NarrowedSource implements ByteSource {
  /** Where the bytes come from. */
  readonly path?: string;
  /** How many bytes the numbers take in single precision. */
  readonly size: number;
  readonly #source: ByteSource;
  readonly #offset: number;

  /**
   * @param source holds the tensor
   * @param offset where it begins
   * @param numElements how many numbers it has
   */
  constructor(source: ByteSource, offset: number, numElements: number) {
    this.path = source.path;
    this.size = numElements * SINGLE_BYTES;
    this.#source = source;
    this.#offset = offset;
  }

  /** The `length` bytes from `offset`: whole numbers. */
  read(offset: number, length: number): Uint8Array<ArrayBuffer> {
    const first = offset / SINGLE_BYTES;
    const count = length / SINGLE_BYTES;
    const bytes = new Uint8Array(count * DOUBLE_BYTES);
    this.#source.readInto(this.#offset + first * DOUBLE_BYTES, bytes);
    return new Uint8Array(Float32Array.from(new Float64Array(bytes.buffer)).buffer);
  }

  /** Fills `target` with the bytes from `offset`: whole numbers. */
  readInto(offset: number, target: Uint8Array): void {
    target.set(this.read(offset, target.length));
  }
}
