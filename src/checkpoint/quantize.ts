/**
 * Converts rows between element types, on all processors, with ggml's own functions.
 *
 * @module
 */
import {
  dequantizeElements,
  type ExponentWords,
  findNonFiniteExponent,
  quantizeRows,
} from "../ffi/quantize.ts";
import { rowBytes, type TensorType, tensorTypeInfo } from "../formats/tensor_type.ts";

/** As few elements as are worth a thread: converting them takes longer than starting it. */
const MIN_ELEMENTS_PER_PART = 2 ** 15;

/** Which 16 bits of an element (or block) hold the exponents that say whether it is finite, and their mask. */
interface Exponents {
  /** Offsets in 16-bit words. A quantized block is finite if its scales are. */
  readonly words: readonly number[];
  readonly mask: number;
}

const HALF_EXPONENT = 0x7c00;
const SINGLE_EXPONENT = 0x7f80;

const EXPONENTS = {
  f32: { words: [1], mask: SINGLE_EXPONENT },
  f16: { words: [0], mask: HALF_EXPONENT },
  bf16: { words: [0], mask: SINGLE_EXPONENT },
  q8_0: { words: [0], mask: HALF_EXPONENT },
  q5_1: { words: [0, 1], mask: HALF_EXPONENT },
  q5_0: { words: [0], mask: HALF_EXPONENT },
  q4_1: { words: [0, 1], mask: HALF_EXPONENT },
  q4_0: { words: [0], mask: HALF_EXPONENT },
  q6_k: { words: [104], mask: HALF_EXPONENT },
  q5_k: { words: [0, 1], mask: HALF_EXPONENT },
  q4_k: { words: [0, 1], mask: HALF_EXPONENT },
  q3_k: { words: [54], mask: HALF_EXPONENT },
  q2_k: { words: [40, 41], mask: HALF_EXPONENT },
  // Types that are read and computed with, but not made here.
  iq2_xxs: { words: [0], mask: HALF_EXPONENT },
  iq2_xs: { words: [0], mask: HALF_EXPONENT },
  iq3_xxs: { words: [0], mask: HALF_EXPONENT },
  iq1_s: { words: [0], mask: HALF_EXPONENT },
  iq4_nl: { words: [0], mask: HALF_EXPONENT },
  iq3_s: { words: [0], mask: HALF_EXPONENT },
  iq2_s: { words: [0], mask: HALF_EXPONENT },
  iq4_xs: { words: [0], mask: HALF_EXPONENT },
  tq1_0: { words: [26], mask: HALF_EXPONENT },
  tq2_0: { words: [32], mask: HALF_EXPONENT },
  q1_0: { words: [0], mask: HALF_EXPONENT },
  q2_0: { words: [0], mask: HALF_EXPONENT },
  // Their scales are no numbers of 16 bits: what is wrong with one shows in the logits.
  iq1_m: { words: [], mask: 0 },
  mxfp4: { words: [], mask: 0 },
  nvfp4: { words: [], mask: 0 },
} as const satisfies { readonly [type in TensorType]?: Exponents };

/** A type that weights may have. */
export type WeightType = keyof typeof EXPONENTS;

/** All types that weights may have. */
export const weightTypes: readonly WeightType[] = Object.keys(EXPONENTS) as WeightType[];

/** Whether weights may have a type of this name. */
export function isWeightType(name: string): name is WeightType {
  return Object.hasOwn(EXPONENTS, name);
}

/**
 * Widens rows to F32.
 *
 * @param data whole blocks of type `from`
 * @param target takes as many numbers as `data` has elements
 */
export async function dequantize(
  data: Uint8Array<ArrayBuffer>,
  from: WeightType,
  target: Float32Array<ArrayBuffer>,
): Promise<void> {
  const { id, blockSize, blockBytes } = tensorTypeInfo(from);
  await inParallel(data.byteLength / blockBytes, blockSize, (first, count) =>
    dequantizeElements(
      id,
      data.subarray(first * blockBytes, (first + count) * blockBytes),
      target.subarray(first * blockSize, (first + count) * blockSize),
      count * blockSize,
    ));
}

/**
 * Converts F32 rows to another type, to the same bytes as llama.cpp's `llama-quantize` does.
 *
 * @param values whole rows of finite numbers
 * @param to the type to convert to
 * @param width elements in each row
 * @param target takes the rows
 */
export async function quantize(
  values: Float32Array<ArrayBuffer>,
  to: WeightType,
  width: number,
  target: Uint8Array<ArrayBuffer>,
): Promise<void> {
  const { id } = tensorTypeInfo(to);
  const bytes = rowBytes(to, width);
  await inParallel(values.length / width, width, (first, count) =>
    quantizeRows(
      id,
      values.subarray(first * width, (first + count) * width),
      target.subarray(first * bytes, (first + count) * bytes),
      count,
      width,
    ));
}

/**
 * Looks for an infinity or NaN.
 *
 * @param data whole blocks of type `dtype`
 * @returns the index of the first such element, or of the first element of the block whose scale it is; else `undefined`
 */
export async function findNonFinite(
  data: Uint8Array<ArrayBuffer>,
  dtype: WeightType,
): Promise<number | undefined> {
  const { blockSize, blockBytes } = tensorTypeInfo(dtype);
  const numBlocks = data.byteLength / blockBytes;
  const isShort = numBlocks * blockSize <= MIN_ELEMENTS_PER_PART;
  let block = Infinity;
  await inParallel(numBlocks, blockSize, async (first, count) => {
    const blocks = data.subarray(first * blockBytes, (first + count) * blockBytes);
    for (const exponents of exponentsOf(blocks, dtype)) {
      const index = await findNonFiniteExponent(exponents, isShort);
      if (index >= 0) block = Math.min(block, first + index);
    }
  });
  return block === Infinity ? undefined : block * blockSize;
}

/** Bits of the upper half of an F32 that are set where its exponent is at least 2^33, between them. */
const BEYOND_SCALES = [0x5000, 0x6000];

/**
 * The index of the first number that is too large for the scale of any block, which has 16 bits; undefined if there is none.
 * ggml weighs numbers by their squares where it looks for the scales of Q6_K, and stores zeros where these overflow.
 */
export async function findBeyondScales(
  values: Float32Array<ArrayBuffer>,
): Promise<number | undefined> {
  const isShort = values.length <= MIN_ELEMENTS_PER_PART;
  let first = Infinity;
  await inParallel(values.length, 1, async (begin, count) => {
    const data = new Uint8Array(values.buffer, values.byteOffset + 4 * begin + 2, 4 * count - 2);
    for (const mask of BEYOND_SCALES) {
      const index = await findNonFiniteExponent({ data, count, stride: 2, mask }, isShort);
      if (index >= 0) first = Math.min(first, begin + index);
    }
  });
  return first === Infinity ? undefined : first;
}

/** Whether it can be told from a few bits of each block whether its numbers are finite. */
export function hasExponents(dtype: WeightType): boolean {
  return EXPONENTS[dtype].words.length > 0;
}

/** Where the exponents are in whole blocks of a type. */
export function exponentsOf(data: Uint8Array<ArrayBuffer>, dtype: WeightType): ExponentWords[] {
  const { blockBytes } = tensorTypeInfo(dtype);
  const { words, mask } = EXPONENTS[dtype];
  return words.map((word) => ({
    data: data.subarray(2 * word),
    count: data.byteLength / blockBytes,
    stride: blockBytes / 2,
    mask,
  }));
}

/**
 * Calls `work` for ranges that together are 0 to `count`, one for each processor if there is enough to do.
 *
 * @param count number of units, which are not divided
 * @param unitElements elements in each
 */
async function inParallel(
  count: number,
  unitElements: number,
  work: (first: number, count: number) => Promise<unknown>,
): Promise<void> {
  const mostParts = Math.ceil((count * unitElements) / MIN_ELEMENTS_PER_PART);
  const numParts = Math.min(navigator.hardwareConcurrency, mostParts, count);
  const parts = Array.from({ length: numParts }, (_, part) => {
    const first = Math.floor((part * count) / numParts);
    return work(first, Math.floor(((part + 1) * count) / numParts) - first);
  });
  await Promise.all(parts);
}
