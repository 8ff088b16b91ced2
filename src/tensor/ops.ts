/**
 * Operations on tensors. Each checks what ggml would abort on, records one node (or a few) in the graph of its
 * operands, and returns the tensor that will hold the result. Here are products and sums; the others are in `elementwise.ts`,
 * `activations.ts`, `normalization.ts`, `flash_attention.ts`, `tables.ts`, and, for reshaping and slicing, `views.ts`.
 *
 * @module
 */
import { library } from "../ffi/library.ts";
import { tensorTypeInfo } from "../formats/tensor_type.ts";
import { checkF32, checkReal, checkUnitStride, limitIds } from "./check_operands.ts";
import { createConstant } from "./inputs.ts";
import { borrowInto, differentiable, type Recorder, recorderFor } from "./recorder.ts";
import { checkedShape, nativeSizes, numElements, sameShape, type Shape } from "./shape.ts";
import { sumOfParts, sumTo } from "./sum_to.ts";
import { f32Layout, recordOf, type Tensor } from "./tensor.ts";
import { contiguous, dense, permute } from "./views.ts";

/**
 * The product with the transpose of `weight`, in the order that suits ggml: both operands are read row by row.
 *
 * @param weight (..., rows, inner), of any type of real numbers but f64; its outer axes divide those of `x` and are repeated
 * @param x (..., cols, inner), f32
 * @returns (..., cols, rows), f32
 */
export function matmul(weight: Tensor, x: Tensor): Tensor {
  const recorder = recorderFor("multiply", x, weight);
  const rank = x.shape.length;
  const fits = weight.shape.length === rank && rank >= 2 &&
    weight.shape[rank - 1] === x.shape[rank - 1] &&
    x.shape.slice(0, -2).every((size, axis) => size % weight.shape[axis] === 0);
  if (!fits) {
    throw new TypeError(`Cannot multiply ${weight} with ${x}: their shapes do not fit.`);
  }
  checkUnitStride("multiply", weight);
  checkUnitStride("multiply", x);
  checkF32("multiply with", x);
  checkReal("multiply", weight);
  // From repacked memory ggml multiplies with four columns at once as if they lay side by side.
  const mayBeRepacked = tensorTypeInfo(weight.dtype).blockSize > 1;
  const y = recorder.record(
    [weight, mayBeRepacked ? contiguous(x) : x],
    (context, weight, x) => library().ggml_mul_mat(context, weight, x),
    f32Layout([...x.shape.slice(0, -1), weight.shape[rank - 2]]),
  );
  return differentiable(
    y,
    [x, (gradient) => {
      if (weight.dtype === "f32") return matmul(turned(recorder, weight), dense(gradient));
      throw new TypeError(
        `Cannot compute the gradient of a product with ${weight}: f32 is needed. Write it with einsum().`,
      );
    }],
    [
      weight,
      (gradient) =>
        sumOfUses(matmul(turned(recorder, x), turned(recorder, gradient)), weight.shape),
    ],
  );
}

/** A matrix with rows and columns exchanged, as a copy. */
export function turned(recorder: Recorder, x: Tensor): Tensor {
  const rank = x.shape.length;
  const axes = [...x.shape.keys()];
  return dense(permute(borrowInto(recorder, x), axes.with(-1, rank - 2).with(-2, rank - 1)));
}

/** What a product has for each matrix of `x` summed for those of the weight, which neighbours share. */
function sumOfUses(gradient: Tensor, shape: Shape): Tensor {
  let sum = gradient;
  for (let axis = 0; axis < shape.length - 2; axis++) {
    const times = sum.shape[axis] / shape[axis];
    if (times === 1) continue;
    const outer = numElements(shape.slice(0, axis + 1));
    sum = sumOfParts(sum, outer, times, sum.shape.with(axis, shape[axis]));
  }
  return sum;
}

/** The sum over the last axis, which stays with size 1. */
export function sumLastAxis(x: Tensor): Tensor {
  const recorder = recorderFor("sum", x);
  checkF32("sum", x);
  const sums = recorder.record(
    [dense(x)],
    (context, x) => library().ggml_sum_rows(context, x),
    f32Layout([...x.shape.slice(0, -1), 1]),
  );
  return differentiable(sums, [x, (gradient) => broadcastTo(dense(gradient), x.shape)]);
}

/** `x` repeated along every axis until it has the given shape; each size must be a multiple of the old one. */
export function broadcastTo(x: Tensor, to: Shape): Tensor {
  const recorder = recorderFor("repeat", x);
  checkF32("repeat", x);
  const shape = checkedShape("repeat a tensor", to);
  const fits = x.shape.length === shape.length &&
    shape.every((size, axis) => size % x.shape[axis] === 0);
  if (!fits) throw new TypeError(`Cannot repeat ${x}: received the shape (${shape.join(", ")}).`);
  checkUnitStride("repeat", x);
  const sizes = nativeSizes(shape);
  const repeated = recorder.record(
    [x],
    (context, x) => library().ggml_repeat_4d(context, x, ...sizes),
    f32Layout(shape),
  );
  return differentiable(repeated, [x, (gradient) => sumTo(gradient, x.shape)]);
}

/**
 * Writes rows into a cache: `cache[b, h, index[b, 0, s], :] = rows[b, h, s, :]`, converted to its type.
 *
 * @param cache (batch heads context width), of any type of real numbers but f64; its memory changes when the graph runs
 * @param rows (batch heads seq width), f32
 * @param index (batch, 1, seq), i32: an input, which then takes only numbers of rows that there are, or a view of one
 * @returns the cache, after the write
 */
export function setRows(cache: Tensor, rows: Tensor, index: Tensor): Tensor {
  const recorder = recorderFor("remember", rows, cache, index);
  checkF32("remember", rows);
  const [batch, heads, seq, width] = rows.shape;
  const fits = cache.shape.length === 4 && rows.shape.length === 4 &&
    sameShape([cache.shape[0], cache.shape[1], cache.shape[3]], [batch, heads, width]) &&
    sameShape(index.shape, [batch, 1, seq]) && index.dtype === "i32";
  if (!fits) {
    throw new TypeError(`Cannot write ${rows} at ${index} into ${cache}: their shapes do not fit.`);
  }
  checkUnitStride("remember", rows);
  checkUnitStride("remember in", cache);
  checkReal("remember in", cache);
  limitIds("remember at", index, cache.shape[2]);
  const { shape, strides, dtype } = cache;
  return recorder.record(
    [cache, rows, contiguous(index)],
    (context, cache, rows, index) => library().ggml_set_rows(context, cache, rows, index),
    { shape, strides, dtype },
    { viewOf: recordOf(cache) },
  );
}

/**
 * Copies elements into the memory of another tensor, when the graph runs: `target[...] = source[...]`.
 *
 * @param target what is overwritten: a tensor of a buffer, or a view of one
 * @param source of the same shape and type
 * @returns the target, after that
 */
export function copyInto(target: Tensor, source: Tensor): Tensor {
  const recorder = recorderFor("copy into", target, source);
  if (!sameShape(target.shape, source.shape) || target.dtype !== source.dtype) {
    throw new TypeError(`Cannot copy ${source} into ${target}: their shapes or types differ.`);
  }
  const { shape, strides, dtype } = target;
  return recorder.record(
    [source, target],
    (context, source, target) => library().ggml_cpy(context, source, target),
    { shape, strides, dtype },
    { viewOf: recordOf(target) },
  );
}

/**
 * A tensor of numbers that are the same in every run, as a part of the graph of `other`.
 *
 * @param values the elements in row-major order, which are copied
 * @param shape outermost axis first
 * @param other any tensor of the graph
 * @returns f32
 */
export function constant(values: ArrayLike<number>, shape: Shape, other: Tensor): Tensor {
  return createConstant(recorderFor("create a constant beside", other), shape, values);
}
