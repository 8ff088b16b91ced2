/**
 * Moving elements between JavaScript's typed arrays and tensors.
 *
 * @module
 */
import { library } from "../ffi/library.ts";
import type { Tensor } from "./tensor.ts";

/**
 * Copies `data` into `x`, beginning `byteOffset` bytes into it.
 *
 * @throws {RangeError} if the bytes do not fit
 * @throws {TypeError} if the elements of `x` do not lie side by side
 */
export function writeTensor(x: Tensor, data: ArrayBufferView<ArrayBuffer>, byteOffset = 0): void {
  checkSpan("write", x, data.byteLength, byteOffset);
  library().ggml_backend_tensor_set(
    x.pointer,
    data,
    BigInt(byteOffset),
    BigInt(data.byteLength),
  );
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
  checkSpan("write", x, data.byteLength, 0);
  await library().ggml_backend_tensor_set_async_call(
    x.pointer,
    data,
    0n,
    BigInt(data.byteLength),
  );
}

/**
 * Fills `data` from `x`, beginning `byteOffset` bytes into it.
 *
 * @throws {RangeError} if `x` has fewer bytes
 * @throws {TypeError} if the elements of `x` do not lie side by side
 */
export function readTensor(x: Tensor, data: ArrayBufferView<ArrayBuffer>, byteOffset = 0): void {
  checkSpan("read", x, data.byteLength, byteOffset);
  library().ggml_backend_tensor_get(
    x.pointer,
    data,
    BigInt(byteOffset),
    BigInt(data.byteLength),
  );
}

function checkSpan(action: string, x: Tensor, bytes: number, offset: number): void {
  if (!x.isContiguous) {
    throw new TypeError(`Cannot ${action} ${x}: its elements do not lie side by side`);
  }
  if (!Number.isSafeInteger(offset) || offset < 0 || offset + bytes > x.byteLength) {
    throw new RangeError(
      `Cannot ${action} ${x}: it has ${x.byteLength} bytes: received ${bytes} bytes at offset ${offset}`,
    );
  }
}
