/**
 * Operations on tensors. Each checks what ggml would abort on, records one node (or a few) in the graph of its
 * operands, and returns the tensor that will hold the result. Here are products, sums, attention and tables; the others are in
 * `elementwise.ts`, `activations.ts`, `normalization.ts`, and, for reshaping and slicing, `views.ts`.
 *
 * @module
 */
import { library } from "../ffi/library.ts";
import { tensorTypeInfo } from "../formats/tensor_type.ts";
import {
  checkF32,
  checkMask,
  checkNumber,
  checkReal,
  checkUnitStride,
  limitIds,
} from "./check_operands.ts";
import { IdRange } from "./id_range.ts";
import { createConstant } from "./inputs.ts";
import { differentiable, differentiableAll, recorderFor } from "./recorder.ts";
import { checkedShape, nativeSizes, sameShape, type Shape } from "./shape.ts";
import { sumTo } from "./sum_to.ts";
import { f32Layout, recordOf, type Tensor } from "./tensor.ts";
import { addRowsAt } from "./training/add_rows_at.ts";
import { hasTrainingKernels } from "./training/has_training_kernels.ts";
import { contiguous, dense, permute, reshape } from "./views.ts";

/**
 * Scaled dot-product attention in one node that never stores the scores (Dao et al., 2022, arXiv:2205.14135).
 *
 * @param query (batch heads seq_q head_dim), f32
 * @param key (batch heads seq_k head_dim)
 * @param value (batch heads seq_k head_dim)
 * @param mask (batch or 1, 1, seq_q, seq_k), f16: 0 where attention is allowed, -Infinity where not
 * @param factor multiplied with the scores before the softmax
 * @returns (batch heads seq_q head_dim)
 */
export function flashAttention(
  query: Tensor,
  key: Tensor,
  value: Tensor,
  mask: Tensor,
  factor: number,
): Tensor {
  const recorder = recorderFor("attend with", query, key, value, mask);
  checkF32("attend with", query);
  checkNumber("attend with", factor);
  const [batch, heads, seqQ, headDim] = query.shape;
  const seqK = key.shape[2];
  for (const x of [key, value]) {
    if (!sameShape(x.shape, [batch, heads, seqK, headDim])) {
      throw new TypeError(`Cannot attend with the query ${query}: received ${x} as key or value`);
    }
    checkUnitStride("attend to", x);
    checkReal("attend to", x);
  }
  checkUnitStride("attend with", query);
  checkMask("attend with", mask, [batch, heads, seqQ, seqK]);
  const result = recorder.record(
    [query, key, value, mask],
    (context, query, key, value, mask) =>
      library().ggml_flash_attn_ext(context, query, key, value, mask, factor, 0, 0),
    f32Layout([batch, seqQ, heads, headDim]),
  );
  // ggml lays the heads of one position side by side.
  return permute(result, [0, 2, 1, 3]);
}

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
    throw new TypeError(`Cannot multiply ${weight} with ${x}: their shapes do not fit`);
  }
  checkUnitStride("multiply", weight);
  checkUnitStride("multiply", x);
  checkF32("multiply with", x);
  checkReal("multiply", weight);
  // From repacked memory ggml multiplies with four columns at once as if they lay side by side.
  const mayBeRepacked = tensorTypeInfo(weight.dtype).blockSize > 1;
  return recorder.record(
    [weight, mayBeRepacked ? contiguous(x) : x],
    (context, weight, x) => library().ggml_mul_mat(context, weight, x),
    f32Layout([...x.shape.slice(0, -1), weight.shape[rank - 2]]),
  );
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
  return differentiable(sums, [x, (gradient) => broadcastTo(gradient, x.shape)]);
}

/** `x` repeated along every axis until it has the given shape; each size must be a multiple of the old one. */
export function broadcastTo(x: Tensor, to: Shape): Tensor {
  const recorder = recorderFor("repeat", x);
  checkF32("repeat", x);
  const shape = checkedShape("repeat a tensor", to);
  const fits = x.shape.length === shape.length &&
    shape.every((size, axis) => size % x.shape[axis] === 0);
  if (!fits) throw new TypeError(`Cannot repeat ${x}: received the shape (${shape.join(", ")})`);
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
 * Where the `k` largest elements of each row are, in no particular order.
 *
 * @param x (rows columns), f32
 * @returns (rows k), i32
 */
export function topK(x: Tensor, k: number): Tensor {
  const recorder = recorderFor("find the largest elements of", x);
  checkF32("find the largest elements of", x);
  if (x.shape.length !== 2 || !Number.isInteger(k) || k < 1 || k > x.shape[1]) {
    throw new RangeError(`Cannot find the largest elements of ${x}: received a k of ${k}`);
  }
  return recorder.record(
    [dense(x)],
    (context, x) => library().ggml_top_k(context, x, k),
    { shape: [x.shape[0], k], dtype: "i32" },
    { ids: IdRange.below(x.shape[1]) },
  );
}

/**
 * Elements of each row: result[r, i] = x[r, columns[r, i]].
 *
 * @param x (rows columns), f32
 * @param columns (rows k), i32: an input, what `topK()` returned, or a view or copy of such
 * @returns (rows k), f32
 * @throws {RangeError} if the columns are computed and may be more than there are
 */
export function pick(x: Tensor, columns: Tensor): Tensor {
  const recorder = recorderFor("pick from", x, columns);
  checkF32("pick from", x);
  const fits = x.shape.length === 2 && columns.shape.length === 2 && columns.dtype === "i32" &&
    columns.shape[0] === x.shape[0];
  if (!fits) throw new TypeError(`Cannot pick ${columns} from ${x}: their shapes do not fit`);
  limitIds("pick", columns, x.shape[1]);
  // Each element as a row of its own, in a table for each row.
  const table = reshape(dense(x), [...x.shape, 1]);
  const picked = recorder.record(
    [table, contiguous(columns)],
    (context, table, ids) => library().ggml_get_rows(context, table, ids),
    f32Layout([...columns.shape, 1]),
  );
  return reshape(picked, columns.shape);
}

/**
 * Rows of a table: result[..., :] = table[ids[...], :].
 *
 * @param table (rows, width), of any type of real numbers but f64
 * @param ids any shape, i32: an input, which then takes only numbers of rows that there are; what `topK()` returned; or a
 *   view or copy of such
 * @returns (...ids, width), f32
 * @throws {RangeError} if the ids are computed and may be more than there are rows
 */
export function lookup(table: Tensor, ids: Tensor): Tensor {
  const recorder = recorderFor("look up", ids, table);
  if (table.shape.length !== 2 || ids.dtype !== "i32") {
    throw new TypeError(
      `Cannot look up ${ids} in ${table}: a table of rows and i32 ids are needed`,
    );
  }
  checkUnitStride("look up in", table);
  checkReal("look up in", table);
  checkedShape("look up ids", [...ids.shape, table.shape[1]]);
  limitIds("look up", ids, table.shape[0]);
  const width = table.shape[1];
  const flat = reshape(contiguous(ids), [ids.size]);
  const rows = recorder.record(
    [table, flat],
    (context, table, ids) => library().ggml_get_rows(context, table, ids),
    f32Layout([ids.size, width]),
  );
  const found = reshape(rows, [...ids.shape, width]);
  differentiableAll([found], {
    x: table,
    rule: ([gradient], soFar) => sumOfRowsById(gradient!, ids, table, soFar),
    addsUp: hasTrainingKernels(recorder.backend),
  });
  return found;
}

/**
 * The opposite of {@linkcode lookup}: rows added to each other by their ids: result[id, :] = the sum of rows[i, :] where
 * ids[i] = id.
 *
 * @param rows (...ids, width), f32
 * @param ids any shape, i32: what was looked up in `table`
 * @param table (numRows, width): only its shape is of interest
 * @param soFar (numRows, width): what they are added to, in place
 * @returns (numRows, width)
 */
function sumOfRowsById(rows: Tensor, ids: Tensor, table: Tensor, soFar?: Tensor): Tensor {
  const [numRows, width] = table.shape;
  const recorder = recorderFor("add up", rows, ids);
  if (hasTrainingKernels(recorder.backend)) return addRowsAt(soFar, ids, rows, numRows);
  return recorder.record(
    [reshape(dense(rows), [ids.size, width]), reshape(contiguous(ids), [ids.size]), table],
    (context, rows, ids, table) => library().ggml_get_rows_back(context, rows, ids, table),
    f32Layout(table.shape),
  );
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
    throw new TypeError(`Cannot write ${rows} at ${index} into ${cache}: their shapes do not fit`);
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
    throw new TypeError(`Cannot copy ${source} into ${target}: their shapes or types differ`);
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
