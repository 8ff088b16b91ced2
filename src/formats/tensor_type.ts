/**
 * The element types a GGUF file may hold, and the bytes they take.
 *
 * @module
 */

/** What has to be known of an element type to find its bytes. */
export interface TensorTypeInfo {
  /** Its number in files (`enum ggml_type` in ggml.h). */
  readonly id: number;
  /** How many elements share a block; 1 for plain numbers. A row is a whole number of blocks. */
  readonly blockSize: number;
  /** Bytes of a block. */
  readonly blockBytes: number;
}

/** The name of an element type: ggml's, in lower case. */
export type TensorType =
  | "f32"
  | "f16"
  | "q4_0"
  | "q4_1"
  | "q5_0"
  | "q5_1"
  | "q8_0"
  | "q2_k"
  | "q3_k"
  | "q4_k"
  | "q5_k"
  | "q6_k"
  | "iq2_xxs"
  | "iq2_xs"
  | "iq3_xxs"
  | "iq1_s"
  | "iq4_nl"
  | "iq3_s"
  | "iq2_s"
  | "iq4_xs"
  | "i8"
  | "i16"
  | "i32"
  | "i64"
  | "f64"
  | "iq1_m"
  | "bf16"
  | "tq1_0"
  | "tq2_0"
  | "mxfp4"
  | "nvfp4"
  | "q1_0"
  | "q2_0";

const TENSOR_TYPES: Readonly<Record<TensorType, TensorTypeInfo>> = {
  f32: { id: 0, blockSize: 1, blockBytes: 4 },
  f16: { id: 1, blockSize: 1, blockBytes: 2 },
  q4_0: { id: 2, blockSize: 32, blockBytes: 18 },
  q4_1: { id: 3, blockSize: 32, blockBytes: 20 },
  q5_0: { id: 6, blockSize: 32, blockBytes: 22 },
  q5_1: { id: 7, blockSize: 32, blockBytes: 24 },
  q8_0: { id: 8, blockSize: 32, blockBytes: 34 },
  q2_k: { id: 10, blockSize: 256, blockBytes: 84 },
  q3_k: { id: 11, blockSize: 256, blockBytes: 110 },
  q4_k: { id: 12, blockSize: 256, blockBytes: 144 },
  q5_k: { id: 13, blockSize: 256, blockBytes: 176 },
  q6_k: { id: 14, blockSize: 256, blockBytes: 210 },
  iq2_xxs: { id: 16, blockSize: 256, blockBytes: 66 },
  iq2_xs: { id: 17, blockSize: 256, blockBytes: 74 },
  iq3_xxs: { id: 18, blockSize: 256, blockBytes: 98 },
  iq1_s: { id: 19, blockSize: 256, blockBytes: 50 },
  iq4_nl: { id: 20, blockSize: 32, blockBytes: 18 },
  iq3_s: { id: 21, blockSize: 256, blockBytes: 110 },
  iq2_s: { id: 22, blockSize: 256, blockBytes: 82 },
  iq4_xs: { id: 23, blockSize: 256, blockBytes: 136 },
  i8: { id: 24, blockSize: 1, blockBytes: 1 },
  i16: { id: 25, blockSize: 1, blockBytes: 2 },
  i32: { id: 26, blockSize: 1, blockBytes: 4 },
  i64: { id: 27, blockSize: 1, blockBytes: 8 },
  f64: { id: 28, blockSize: 1, blockBytes: 8 },
  iq1_m: { id: 29, blockSize: 256, blockBytes: 56 },
  bf16: { id: 30, blockSize: 1, blockBytes: 2 },
  tq1_0: { id: 34, blockSize: 256, blockBytes: 54 },
  tq2_0: { id: 35, blockSize: 256, blockBytes: 66 },
  mxfp4: { id: 39, blockSize: 32, blockBytes: 17 },
  nvfp4: { id: 40, blockSize: 64, blockBytes: 36 },
  q1_0: { id: 41, blockSize: 128, blockBytes: 18 },
  q2_0: { id: 42, blockSize: 64, blockBytes: 18 },
};

const NAME_OF_ID: ReadonlyMap<number, TensorType> = new Map(
  (Object.keys(TENSOR_TYPES) as TensorType[]).map((name) => [TENSOR_TYPES[name].id, name]),
);

/** Whether there is a type of this name. */
export function isTensorType(name: unknown): name is TensorType {
  return typeof name === "string" && Object.hasOwn(TENSOR_TYPES, name);
}

/** The record of a type. */
export function tensorTypeInfo(type: TensorType): TensorTypeInfo {
  return TENSOR_TYPES[type];
}

/** The type with this number in files, if it is known here. */
export function tensorTypeOfId(id: number): TensorType | undefined {
  return NAME_OF_ID.get(id);
}

/**
 * The bytes of a row of `width` elements.
 *
 * @throws {RangeError} if the row is not a whole number of blocks, or not representable
 */
export function rowBytes(type: TensorType, width: number): number {
  const { blockSize, blockBytes } = TENSOR_TYPES[type];
  const bytes = (width / blockSize) * blockBytes;
  if (
    !Number.isSafeInteger(width) || width < 0 || width % blockSize !== 0 ||
    !Number.isSafeInteger(bytes)
  ) {
    throw new RangeError(
      `Cannot store a row as ${type}: its width must be a multiple of ${blockSize}: received ${width}`,
    );
  }
  return bytes;
}

/**
 * The bytes of a tensor.
 *
 * @param shape outermost axis first; the last is the row width
 * @throws {RangeError} if a size is not a positive integer, a row is not a whole number of blocks, or the product is too large
 */
export function tensorBytes(type: TensorType, shape: readonly number[]): number {
  let bytes = rowBytes(type, shape.at(-1) ?? 1);
  for (const size of shape.slice(0, -1)) bytes *= size;
  // Products beyond 2^53 round, but never back below it: sizes are at least 1.
  if (
    !shape.every((size) => Number.isSafeInteger(size) && size > 0) || !Number.isSafeInteger(bytes)
  ) {
    throw new RangeError(
      `Cannot size a ${type} tensor: every axis must be a positive integer and the bytes below 2^53: received shape [${shape}].`,
    );
  }
  return bytes;
}
