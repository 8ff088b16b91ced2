/**
 * What ggml would abort on, said of the operands of operations.
 *
 * @module
 */
import { describe } from "../base/describe.ts";
import { type TensorType, tensorTypeInfo } from "../formats/tensor_type.ts";
import { sameShape, type Shape } from "./shape.ts";
import { isDense, recordOf, type Tensor } from "./tensor.ts";

/** Throws unless the elements are F32. */
export function checkF32(action: string, x: Tensor): void {
  if (x.dtype !== "f32") throw new TypeError(`Cannot ${action} ${x}: f32 is needed.`);
}

/** Types that ggml does not compute with. */
const NOT_COMPUTED: readonly TensorType[] = ["i8", "i16", "i32", "i64", "f64"];

/** Throws unless ggml computes with elements of this type. */
export function checkReal(action: string, x: Tensor): void {
  if (NOT_COMPUTED.includes(x.dtype)) {
    throw new TypeError(
      `Cannot ${action} ${x}: f32, a 16-bit or a quantized type is needed.`,
    );
  }
}

/** Throws unless a parameter of an operation is a number. */
export function checkNumber(action: string, value: number): void {
  if (typeof value !== "number") {
    throw new TypeError(
      `Cannot ${action} a tensor: a number is needed: received ${describe(value)}`,
    );
  }
}

/**
 * From here on the ids are less than `limit`.
 *
 * @throws {TypeError} if nobody knows what they are
 * @throws {RangeError} if they are computed and may be more
 */
export function limitIds(action: string, x: Tensor, limit: number): void {
  const { ids } = recordOf(x).details;
  if (ids === undefined) {
    throw new TypeError(`Cannot ${action} ${x}: ids must be an input or what topK() returned.`);
  }
  ids.limitTo(limit);
}

/** Throws unless the elements of a row lie side by side. */
export function checkUnitStride(action: string, x: Tensor): void {
  const last = x.shape.length - 1;
  if (isDense(x)) return;
  // Even for a last axis of size 1: ggml asserts the stride, not what is reached by it.
  if (x.strides[last] !== tensorTypeInfo(x.dtype).blockBytes) {
    throw new TypeError(
      `Cannot ${action} ${x}: its last axis is not contiguous. Copy it with copy() first.`,
    );
  }
}

/** Throws unless a mask fits attention scores. */
export function checkMask(action: string, mask: Tensor, scores: Shape): void {
  const [batch, , seqQ, seqK] = scores;
  const fits = mask.dtype === "f16" && mask.isContiguous &&
    (sameShape(mask.shape, [1, 1, seqQ, seqK]) || sameShape(mask.shape, [batch, 1, seqQ, seqK]));
  if (!fits) {
    throw new TypeError(
      `Cannot ${action} scores (${scores.join(", ")}): received the mask ${mask}`,
    );
  }
}
