/**
 * Rows of numbers from one element type to another.
 *
 * All of these work on other threads, so that several parts of an array can be converted at once. The arrays must not
 * be changed meanwhile.
 *
 * @module
 */
import { library } from "./library.ts";

/**
 * Widens `count` elements of the ggml type `typeId`, whole blocks of them, to F32.
 *
 * @param data as many bytes as they take
 * @param target takes `count` numbers
 */
export async function dequantizeElements(
  typeId: number,
  data: Uint8Array<ArrayBuffer>,
  target: Float32Array<ArrayBuffer>,
  count: number,
): Promise<void> {
  await library().gpt2_dequantize_row_async(typeId, data, target, BigInt(count));
}

/**
 * Converts rows of finite numbers to the ggml type `typeId`.
 *
 * @param values `numRows` rows of `width` numbers
 * @param target takes as many bytes as the rows then have
 */
export async function quantizeRows(
  typeId: number,
  values: Float32Array<ArrayBuffer>,
  target: Uint8Array<ArrayBuffer>,
  numRows: number,
  width: number,
): Promise<void> {
  await library().ggml_quantize_chunk_async(
    typeId,
    values,
    target,
    0n,
    BigInt(numRows),
    BigInt(width),
    null,
  );
}

/** Numbers that may be infinite, of each of which the 16 bits are looked at that hold the exponent. */
export interface ExponentWords {
  /** Begins with the exponent of the first number. */
  readonly data: Uint8Array<ArrayBuffer>;
  /** How many numbers there are. */
  readonly count: number;
  /** From one to the next, in words of 16 bits. */
  readonly stride: number;
  /** The bits of the exponent: all are set in an infinity or NaN. */
  readonly mask: number;
}

/**
 * The index of the first number that is an infinity or NaN; -1 if there is none.
 *
 * @param isShort whether to work on this thread: that is sooner done with a few thousand numbers
 */
export async function findNonFiniteExponent(
  { data, count, stride, mask }: ExponentWords,
  isShort: boolean,
): Promise<number> {
  const { gpt2_find_non_finite, gpt2_find_non_finite_async } = library();
  const find = isShort ? gpt2_find_non_finite : gpt2_find_non_finite_async;
  return Number(await find(data, BigInt(count), stride, mask));
}
