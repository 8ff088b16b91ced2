/**
 * Where values come into a graph.
 *
 * @module
 */
import { describe, quote } from "../base/describe.ts";
import { library } from "../ffi/library.ts";
import { cString } from "../ffi/memory.ts";
import { isTensorType, rowBytes, type TensorType, tensorTypeInfo } from "../formats/tensor_type.ts";
import { IdRange } from "./id_range.ts";
import type { Recorder } from "./recorder.ts";
import { checkedShape, nativeSizes, nativeStrides, numElements, type Shape } from "./shape.ts";
import { contiguousStrides, recordOf, type Tensor } from "./tensor.ts";

/** A cache line: tensors that begin on one are read and written faster. */
const CACHE_LINE_BYTES = 64;

/** A tensor that is written before each run, and keeps its contents between runs. Integers of 32 bits begin as zeros. */
export function createInput(
  recorder: Recorder,
  shape: Shape,
  dtype: TensorType,
  name: string,
): Tensor {
  const x = create(recorder, shape, dtype, name);
  const zeros = dtype === "i32" ? new Uint8Array(x.byteLength) : undefined;
  recorder.keepInput(recordOf(x), true, zeros);
  return x;
}

/** A tensor of the same values in every run. They are copied. */
export function createConstant(
  recorder: Recorder,
  shape: Shape,
  values: ArrayLike<number>,
): Tensor {
  const x = create(recorder, shape, "f32", "constant");
  const numbers = checkedNumbers(`create the constant ${x}`, values, x.size);
  recorder.keepInput(recordOf(x), false, new Uint8Array(numbers.buffer));
  return x;
}

/**
 * A copy of numbers in f32. A list may say of itself that it has any length: that is checked before there is memory for it.
 *
 * @param action what cannot be done otherwise
 * @param count how many there have to be
 * @throws {TypeError} if it is not a list of so many
 */
export function checkedNumbers(
  action: string,
  values: ArrayLike<number>,
  count: number,
): Float32Array<ArrayBuffer> {
  const isList = typeof values === "object" && values !== null;
  if (isList && values.length === count) {
    const isArray = Array.isArray(values) || ArrayBuffer.isView(values);
    // Much faster for those that are arrays; anything else may have an iterator that says something else.
    const numbers = isArray
      ? new Float32Array(values)
      : Float32Array.from({ length: count }, (_, i) => values[i]);
    if (numbers.length === count) return numbers;
  }
  throw new TypeError(
    `Cannot ${action}: ${count} numbers are needed: received ` +
      (isList && Number.isInteger(values.length) ? values.length : describe(values)),
  );
}

function create(
  recorder: Recorder,
  list: Shape,
  dtype: TensorType,
  name: string,
): Tensor {
  if (typeof name !== "string") {
    throw new TypeError(`Cannot create an input: its name is a text: received ${describe(name)}`);
  }
  const action = `create the input ${quote(name)}`;
  const shape = checkedElements(action, list, dtype);
  recorder.checkRecording(action);
  const ggml = library();
  const { id } = tensorTypeInfo(dtype);
  const padded = paddedSize(shape, dtype);
  const storage = recorder.record(
    [],
    (context) => ggml.ggml_new_tensor_4d(context, id, ...nativeSizes([padded])),
    { shape: [padded], dtype },
  );
  const strides = nativeStrides(shape, contiguousStrides(dtype, shape));
  const ids = dtype === "i32" ? IdRange.ofInput() : undefined;
  const x = recorder.record(
    [storage],
    (context, storage) =>
      ggml.ggml_view_4d(context, storage, ...nativeSizes(shape), ...strides, 0n),
    { shape: shape.slice(), dtype },
    { viewOf: recordOf(storage), ids },
  );
  ggml.ggml_set_input(recordOf(storage).pointer);
  ggml.ggml_set_name(recordOf(x).pointer, cString(name));
  return x;
}

/**
 * A copy of the shape. Throws unless there can be a tensor of this shape and type.
 *
 * @throws {TypeError} if the shape is no list of 1 to 4 sizes, or there is no such type
 * @throws {RangeError} if a size is not a positive integer, a row is not a whole number of blocks, or it is too large
 */
export function checkedElements(action: string, list: Shape, dtype: TensorType): Shape {
  const shape = checkedShape(action, list);
  if (!isTensorType(dtype)) {
    throw new TypeError(
      `Cannot ${action}: there is no such element type: received ${describe(dtype)}`,
    );
  }
  rowBytes(dtype, shape[shape.length - 1]);
  return shape;
}

/** Elements up to the end of a cache line: otherwise a one-element input misaligns every tensor that is placed after it. */
function paddedSize(shape: Shape, dtype: TensorType): number {
  const { blockSize, blockBytes } = tensorTypeInfo(dtype);
  // So many blocks end where a cache line does.
  const blocks = CACHE_LINE_BYTES / greatestCommonDivisor(CACHE_LINE_BYTES, blockBytes);
  return Math.ceil(numElements(shape) / (blocks * blockSize)) * blocks * blockSize;
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
