/**
 * Other ways to look at the same elements. Nothing here computes or copies, except `contiguous()`, `copy()` and `toF32()`.
 *
 * @module
 */
import { describe } from "../base/describe.ts";
import { library } from "../ffi/library.ts";
import { tensorTypeInfo } from "../formats/tensor_type.ts";
import { pad } from "./pad.ts";
import { differentiable, recorderFor, recorderOf } from "./recorder.ts";
import {
  checkedShape,
  formatShape,
  nativeAxis,
  nativeSizes,
  nativeStrides,
  numElements,
  type Shape,
} from "./shape.ts";
import { contiguousStrides, isDense, recordOf, type Tensor, type TensorRecord } from "./tensor.ts";

/** The same elements in the same order under another shape. `x` must be contiguous. */
export function reshape(x: Tensor, to: Shape): Tensor {
  const recorder = recorderFor("reshape", x);
  const shape = checkedShape("reshape a tensor", to);
  if (numElements(shape) !== x.size) {
    throw new TypeError(
      `Cannot reshape ${x}: the number of elements differs: received ${formatShape(shape)}`,
    );
  }
  if (!x.isContiguous) {
    throw new TypeError(
      `Cannot reshape ${x}: its elements do not lie side by side. Copy it with contiguous() first.`,
    );
  }
  const y = recorder.record(
    [x],
    (context, x) => library().ggml_reshape_4d(context, x, ...nativeSizes(shape)),
    { shape, dtype: x.dtype },
    { ...viewOf(x), isWhole: true },
  );
  return differentiable(y, [x, (gradient) => reshape(contiguous(gradient), x.shape)]);
}

/** Axis `i` of the result is axis `axes[i]` of `x`, as in NumPy's `transpose`. */
export function permute(x: Tensor, order: readonly number[]): Tensor {
  const recorder = recorderFor("permute", x);
  const rank = x.shape.length;
  const axes = Array.isArray(order) ? [...order] : undefined;
  if (
    axes === undefined || axes.length !== rank || new Set(axes).size !== rank ||
    axes.some((axis) => !Number.isInteger(axis) || axis < 0 || axis >= rank)
  ) {
    throw new TypeError(
      `Cannot permute ${x}: every axis from 0 to ${rank - 1} is named once: received ${
        describe(order)
      }`,
    );
  }
  if (axes[rank - 1] !== rank - 1) checkNotQuantizedRow("permute", x, rank - 1);
  // ggml asks for each source axis where it goes, counted from the inside.
  const destinations = [0, 1, 2, 3];
  axes.forEach((source, target) => {
    destinations[nativeAxis(x.shape, source)] = nativeAxis(x.shape, target);
  });
  const [d0, d1, d2, d3] = destinations;
  const y = recorder.record(
    [x],
    (context, x) => library().ggml_permute(context, x, d0, d1, d2, d3),
    {
      shape: axes.map((axis) => x.shape[axis]),
      strides: axes.map((axis) => x.strides[axis]),
      dtype: x.dtype,
    },
    viewOf(x),
  );
  const back = axes.map((_, axis) => axes.indexOf(axis));
  return differentiable(y, [x, (gradient) => contiguous(permute(gradient, back))]);
}

/** The part of `x` from `start` up to, but not including, `end` along an axis. */
export function slice(x: Tensor, axis: number, start: number, end: number): Tensor {
  recorderFor("slice", x);
  checkAxis("slice", x, axis);
  const inRange = Number.isInteger(start) && Number.isInteger(end) && 0 <= start && start < end &&
    end <= x.shape[axis];
  if (!inRange) {
    throw new RangeError(
      `Cannot slice ${x}: the range must lie within axis ${axis}: received ${start} to ${end}`,
    );
  }
  checkNotQuantizedRow("slice", x, axis);
  const shape = x.shape.map((size, i) => i === axis ? end - start : size);
  const part = stridedView("slice", x, shape, x.strides, start * x.strides[axis]);
  const after = x.shape[axis] - end;
  return differentiable(part, [x, (gradient) => pad(dense(gradient), axis, start, after)]);
}

/** Axis `axis` becomes several axes of the given sizes; their product is its size. */
export function splitAxis(x: Tensor, axis: number, into: readonly number[]): Tensor {
  recorderFor("split an axis of", x);
  checkAxis("split an axis of", x, axis);
  const sizes = Array.isArray(into) ? [...into] : [];
  if (sizes.length === 0 || numElements(sizes) !== x.shape[axis]) {
    throw new TypeError(
      `Cannot split axis ${axis} of ${x}: the sizes must multiply to ${x.shape[axis]}: received ${
        describe(into)
      }`,
    );
  }
  checkNotQuantizedRow("split", x, axis);
  const strides = sizes.map((_, i) => x.strides[axis] * numElements(sizes.slice(i + 1)));
  const split = stridedView(
    "split an axis of",
    x,
    [...x.shape.slice(0, axis), ...sizes, ...x.shape.slice(axis + 1)],
    [...x.strides.slice(0, axis), ...strides, ...x.strides.slice(axis + 1)],
  );
  return differentiable(split, [x, (gradient) => reshape(contiguous(gradient), x.shape)]);
}

/**
 * The diagonal of the two innermost axes of a contiguous tensor.
 *
 * @param x (..., n, n)
 * @returns (..., n, 1)
 */
export function diagonal(x: Tensor): Tensor {
  recorderFor("take the diagonal of", x);
  const [rows, columns] = x.shape.slice(-2);
  if (x.shape.length < 2 || rows !== columns || !x.isContiguous) {
    throw new TypeError(
      `Cannot take the diagonal of ${x}: its last two axes have to be one size, side by side.`,
    );
  }
  checkNotQuantizedRow("take the diagonal of", x, x.shape.length - 1);
  const strides = contiguousStrides(x.dtype, x.shape);
  const [row, column] = strides.slice(-2);
  const y = stridedView(
    "take the diagonal of",
    x,
    x.shape.with(-1, 1),
    [...strides.slice(0, -2), row + column, column],
  );
  return differentiable(y, [x, (gradient) => onDiagonal(gradient)]);
}

/** The opposite: matrices with the elements of `x` (..., n, 1) on the diagonal, and zeros beside it. */
function onDiagonal(x: Tensor): Tensor {
  const last = x.shape.length - 1;
  const n = x.shape[last - 1];
  // After each element the n zeros that lie between it and the next, in a row of all.
  const apart = pad(dense(x), last, 0, n);
  const rows = reshape(apart, [x.size / n, n * (n + 1)]);
  return reshape(contiguous(slice(rows, 1, 0, n * n)), x.shape.with(-1, n));
}

/** Whether `count` axes from `axis` on can become one without a copy. */
export function canMergeAxes(x: Tensor, axis: number, count: number): boolean {
  const end = axis + count;
  // A row of blocks has no stride from element to element that could continue in the next row.
  if (count > 1 && end === x.shape.length && tensorTypeInfo(x.dtype).blockSize > 1) return false;
  // Axes of size 1 are never stepped along, so their stride does not matter.
  const stepped = x.shape.flatMap((size, i) => i >= axis && i < end && size > 1 ? [i] : []);
  for (let i = 1; i < stepped.length; i++) {
    const [outer, inner] = [stepped[i - 1], stepped[i]];
    if (x.strides[outer] !== x.strides[inner] * x.shape[inner]) return false;
  }
  // ggml's views always step element by element along the innermost axis.
  const innermost = end === x.shape.length ? stepped.at(-1) : undefined;
  return innermost === undefined || x.strides[innermost] === tensorTypeInfo(x.dtype).blockBytes;
}

/** `count` axes from `axis` on become one. See {@linkcode canMergeAxes}. */
export function mergeAxes(x: Tensor, axis: number, count: number): Tensor {
  recorderFor("merge axes of", x);
  checkAxis("merge axes of", x, axis);
  checkAxis("merge axes of", x, axis + count - 1);
  if (count < 1 || !canMergeAxes(x, axis, count)) {
    throw new TypeError(
      `Cannot merge ${count} axes of ${x} from axis ${axis}: they are not next to each other in memory. ` +
        "Copy it with contiguous() first.",
    );
  }
  const merged = x.shape.slice(axis, axis + count);
  const stepped = merged.findLastIndex((size) => size > 1);
  const stride = x.strides[axis + (stepped < 0 ? count - 1 : stepped)];
  const y = stridedView(
    "merge axes of",
    x,
    [...x.shape.slice(0, axis), numElements(merged), ...x.shape.slice(axis + count)],
    [...x.strides.slice(0, axis), stride, ...x.strides.slice(axis + count)],
  );
  return differentiable(y, [x, (gradient) => reshape(contiguous(gradient), x.shape)]);
}

/** `x` with its elements side by side in row-major order: `x` itself if they are, a copy otherwise. */
export function contiguous(x: Tensor): Tensor {
  return x.isContiguous ? x : copy(x);
}

/**
 * {@linkcode contiguous}, with the strides of a new tensor also along axes of size 1: some of ggml's operations insist on
 * them although nothing is reached by them.
 */
export function dense(x: Tensor): Tensor {
  const y = contiguous(x);
  return isDense(y) ? y : reshape(y, y.shape);
}

/** `x` itself if the elements of its rows lie side by side, a copy otherwise. */
export function withRows(x: Tensor): Tensor {
  return x.strides[x.shape.length - 1] === tensorTypeInfo(x.dtype).blockBytes ? x : dense(x);
}

/** A copy of `x` with its elements side by side: what later operations do to the memory of `x` does not reach it. */
export function copy(x: Tensor): Tensor {
  const recorder = recorderFor("copy", x);
  const { ids } = recordOf(x).details;
  const y = recorder.record([x], (context, x) => library().ggml_cont(context, x), {
    shape: x.shape,
    dtype: x.dtype,
  }, { ids });
  return differentiable(y, [x, (gradient) => gradient]);
}

/** The elements of `x` as f32: itself if they are, a copy otherwise. */
export function toF32(x: Tensor): Tensor {
  if (x.dtype === "f32") return x;
  const recorder = recorderFor("convert", x);
  const { id } = tensorTypeInfo("f32");
  return recorder.record([x], (context, x) => library().ggml_cast(context, x, id), {
    shape: x.shape,
    dtype: "f32",
  });
}

/** A tensor of a buffer as a part of the graph of `other`, so that operations on it alone know where to go. */
export function borrow(x: Tensor, other: Tensor): Tensor {
  const recorder = recorderFor("borrow", x, other);
  return recorderOf(x) === undefined ? recorder.borrow(x) : x;
}

/** What a view has of the tensor that it looks at. */
function viewOf(x: Tensor): TensorRecord["details"] {
  const record = recordOf(x);
  return { viewOf: record, ids: record.details.ids };
}

function stridedView(
  action: string,
  x: Tensor,
  to: Shape,
  strides: readonly number[],
  byteOffset = 0,
): Tensor {
  const shape = checkedShape(`${action} a tensor`, to);
  const last = shape.length - 1;
  // The stride of an axis of size 1 is free to choose; ggml expects the contiguous one.
  const natural = contiguousStrides(x.dtype, shape);
  const chosen = strides.map((stride, axis) =>
    shape[axis] === 1 && axis === last ? natural[axis] : stride
  );
  if (chosen[last] !== tensorTypeInfo(x.dtype).blockBytes) {
    throw new TypeError(
      `Cannot ${action} ${x}: its innermost axis is not contiguous. Copy it with contiguous() first.`,
    );
  }
  const sizes = nativeSizes(shape);
  const [nb1, nb2, nb3] = nativeStrides(shape, chosen);
  return recorderFor(action, x).record(
    [x],
    (context, x) => library().ggml_view_4d(context, x, ...sizes, nb1, nb2, nb3, BigInt(byteOffset)),
    { shape, strides: chosen, dtype: x.dtype },
    viewOf(x),
  );
}

function checkNotQuantizedRow(action: string, x: Tensor, axis: number): void {
  if (axis === x.shape.length - 1 && tensorTypeInfo(x.dtype).blockSize > 1) {
    throw new TypeError(
      `Cannot ${action} ${x}: the last axis of a quantized tensor stays whole, and the last.`,
    );
  }
}

function checkAxis(action: string, x: Tensor, axis: number): void {
  if (!Number.isInteger(axis) || axis < 0 || axis >= x.shape.length) {
    throw new RangeError(`Cannot ${action} ${x}: there is no axis ${axis}`);
  }
}
