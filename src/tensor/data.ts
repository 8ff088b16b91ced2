/**
 * Moving elements between JavaScript's typed arrays and tensors.
 *
 * @module
 */
import { describe } from "../base/describe.ts";
import { library } from "../ffi/library.ts";
import type { TensorType } from "../formats/tensor_type.ts";
import { recordOf, type Tensor, type TensorRecord } from "./tensor.ts";

/** The array whose elements are those of a tensor; for the types that are not here, and for all as raw bytes, any will do. */
const elementArrays: Partial<
  Record<TensorType, { readonly name: string; new (length: number): object }>
> = {
  f32: Float32Array,
  f64: Float64Array,
  i32: Int32Array,
  i64: BigInt64Array,
};

/**
 * Copies `data` into `x`, beginning `byteOffset` bytes into it: elements of the tensor's type, or their bytes in a
 * `Uint8Array`.
 *
 * @throws {RangeError} if the bytes do not fit, or are numbers of rows that a table does not have
 * @throws {TypeError} if the array is of another type, or `x` is not written, has been disposed of, or its elements do not
 * lie side by side
 */
export function writeTensor(x: Tensor, data: ArrayBufferView<ArrayBuffer>, byteOffset = 0): void {
  const record = recordOf(x, "write");
  const bytes = checkedBytes("write", x, data, byteOffset);
  checkElements(x, data);
  record.owner.checkWritable(record);
  const { ids } = record.details;
  if (!ids?.isLimited) return setElements(record, bytes, byteOffset);
  const copied = copyIds(x, bytes, byteOffset);
  ids.check(copied);
  setElements(record, copied, byteOffset);
}

/**
 * Copies `data`, which must not be changed meanwhile, into all of `x`, on another thread. What owns the memory of `x` must not
 * be disposed of meanwhile.
 *
 * @throws {RangeError} if these are not as many bytes
 * @throws {TypeError} if the elements of `x` do not lie side by side
 */
export async function writeTensorAsync(
  x: Tensor,
  data: ArrayBufferView<ArrayBuffer>,
): Promise<void> {
  const record = recordOf(x, "write");
  const bytes = checkedBytes("write", x, data, 0);
  checkElements(x, data);
  record.owner.checkWritable(record);
  if (record.details.ids !== undefined) {
    throw new TypeError(
      `Cannot write ${x} on another thread: ids are checked while they are written.`,
    );
  }
  const numBytes = BigInt(bytes.length);
  await library().ggml_backend_tensor_set_async_call(record.pointer, bytes, 0n, numBytes);
}

/**
 * Fills `data` from `x`, beginning `byteOffset` bytes into it.
 *
 * @throws {RangeError} if `x` has fewer bytes
 * @throws {TypeError} if `x` is not kept, has been disposed of, or its elements do not lie side by side
 */
export function readTensor(x: Tensor, data: ArrayBufferView<ArrayBuffer>, byteOffset = 0): void {
  const record = recordOf(x, "read");
  const bytes = checkedBytes("read", x, data, byteOffset);
  record.owner.checkReadable(record);
  library().ggml_backend_tensor_get(
    record.pointer,
    bytes,
    BigInt(byteOffset),
    BigInt(bytes.length),
  );
}

/** Copies bytes that are known to fit. */
export function setElements(
  { pointer }: TensorRecord,
  data: ArrayBufferView<ArrayBuffer>,
  byteOffset = 0,
): void {
  const numBytes = BigInt(data.byteLength);
  library().ggml_backend_tensor_set(pointer, data, BigInt(byteOffset), numBytes);
}

/** Holds a copy of ids, for as long as they are written. */
let idBytes = new Uint8Array(4096);

/** A copy that nobody can change after it has been checked; the next call overwrites it. */
function copyIds(x: Tensor, bytes: Uint8Array, byteOffset: number): Int32Array<ArrayBuffer> {
  if (byteOffset % 4 !== 0 || bytes.length % 4 !== 0) {
    throw new TypeError(
      `Cannot write ${x}: ids are written whole: received ${bytes.length} bytes at offset ${byteOffset}`,
    );
  }
  if (idBytes.length < bytes.length) idBytes = new Uint8Array(2 * bytes.length);
  idBytes.set(bytes);
  return new Int32Array(idBytes.buffer, 0, bytes.length / 4);
}

/**
 * The bytes of an array, which fit into `x`. A view of our own: what a class derived from a typed array says of itself is not
 * asked for again.
 */
function checkedBytes(
  action: string,
  x: Tensor,
  data: ArrayBufferView<ArrayBuffer>,
  offset: number,
): Uint8Array<ArrayBuffer> {
  if (!ArrayBuffer.isView(data)) {
    throw new TypeError(
      `Cannot ${action} ${x}: a typed array is needed: received ${describe(data)}`,
    );
  }
  if (!x.isContiguous) {
    throw new TypeError(
      `Cannot ${action} ${x}: its elements do not lie side by side. Take contiguous() of it, which ` +
        "is in @allformers/gpt2/ops, before the graph is allocated.",
    );
  }
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  if (!Number.isSafeInteger(offset) || offset < 0 || offset + bytes.length > x.byteLength) {
    throw new RangeError(
      `Cannot ${action} ${x}: it has ${x.byteLength} bytes: received ${bytes.length} bytes at offset ${offset}`,
    );
  }
  return bytes;
}

function checkElements(x: Tensor, data: ArrayBufferView): void {
  const Elements = elementArrays[x.dtype];
  if (Elements === undefined || data instanceof Uint8Array) return;
  const given: unknown = data;
  if (given instanceof Elements) return;
  throw new TypeError(
    `Cannot write ${x}: elements of ${x.dtype} are given as ${Elements.name}, or as bytes in a Uint8Array: ` +
      `received ${data.constructor.name}`,
  );
}
