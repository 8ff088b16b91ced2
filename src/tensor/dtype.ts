/**
 * Element types of tensors, by their ggml names in lower case.
 *
 * @module
 */

/** What has to be known of an element type. */
export interface DTypeInfo {
  /** ggml's number for it (`enum ggml_type`). */
  readonly id: number;
  /** How many elements share a block (and its scale); 1 for plain numbers. */
  readonly blockSize: number;
  /** Bytes of a block. */
  readonly blockBytes: number;
}

const DTYPES = {
  f32: { id: 0, blockSize: 1, blockBytes: 4 },
  f16: { id: 1, blockSize: 1, blockBytes: 2 },
  bf16: { id: 30, blockSize: 1, blockBytes: 2 },
  q8_0: { id: 8, blockSize: 32, blockBytes: 34 },
  q5_1: { id: 7, blockSize: 32, blockBytes: 24 },
  q5_0: { id: 6, blockSize: 32, blockBytes: 22 },
  q4_1: { id: 3, blockSize: 32, blockBytes: 20 },
  q4_0: { id: 2, blockSize: 32, blockBytes: 18 },
  q6_k: { id: 14, blockSize: 256, blockBytes: 210 },
  q5_k: { id: 13, blockSize: 256, blockBytes: 176 },
  q4_k: { id: 12, blockSize: 256, blockBytes: 144 },
  i32: { id: 26, blockSize: 1, blockBytes: 4 },
} as const satisfies Record<string, DTypeInfo>;

/** The name of an element type. */
export type DType = keyof typeof DTYPES;

/** The record of a type. */
export function dtypeInfo(dtype: DType): DTypeInfo {
  return DTYPES[dtype];
}

/**
 * The bytes of a row of `width` elements.
 *
 * @throws {RangeError} if the row is not a whole number of blocks
 */
export function rowBytes(dtype: DType, width: number): number {
  const { blockSize, blockBytes } = DTYPES[dtype];
  if (width % blockSize !== 0) {
    throw new RangeError(
      `Cannot store a row as ${dtype}: its width must be a multiple of ${blockSize}: received ${width}`,
    );
  }
  return (width / blockSize) * blockBytes;
}
