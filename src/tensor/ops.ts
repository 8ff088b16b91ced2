/**
 * Operations on tensors. Each checks what ggml would abort on, records one node (or a few) in the graph of its
 * operands, and returns the tensor that will hold the result. Reshaping and slicing are in `views.ts`.
 *
 * @module
 */
import { library } from "../ffi/library.ts";
import type { Pointer } from "../ffi/memory.ts";
import { tensorTypeInfo } from "../formats/tensor_type.ts";
import { checkF32, checkNumber, checkReal, checkUnitStride, limitIds } from "./check_operands.ts";
import { IdRange } from "./id_range.ts";
import { createConstant } from "./inputs.ts";
import {
  asOne,
  differentiable,
  differentiableAll,
  type MakeRecord,
  recorderFor,
} from "./recorder.ts";
import { checkedShape, nativeSizes, sameShape, type Shape } from "./shape.ts";
import { sumTo } from "./sum_to.ts";
import { recordOf, type Tensor, type TensorLayout } from "./tensor.ts";
import { activationGradient } from "./training/activation_gradient.ts";
import { addRowsAt } from "./training/add_rows_at.ts";
import { hasTrainingKernels } from "./training/has_training_kernels.ts";
import { layerNormGradients } from "./training/layer_norm_gradients.ts";
import { contiguous, dense, permute, reshape, slice } from "./views.ts";

/** `a + b`; `b` is repeated along axes where it has size 1 or that it lacks. */
export function add(a: Tensor, b: Tensor): Tensor {
  return differentiable(
    elementwise("add", a, b),
    [a, (gradient) => gradient],
    [b, (gradient) => sumTo(gradient, b.shape)],
  );
}

/** `a * b`, element by element; `b` is repeated along axes where it has size 1 or that it lacks. */
export function multiply(a: Tensor, b: Tensor): Tensor {
  return differentiable(
    elementwise("mul", a, b),
    [a, (gradient) => multiply(gradient, b)],
    [b, (gradient) => sumTo(multiply(gradient, a), b.shape)],
  );
}

/** `a / b`, element by element; `b` is repeated along axes where it has size 1 or that it lacks. */
export function divide(a: Tensor, b: Tensor): Tensor {
  const quotient = elementwise("div", a, b);
  return differentiable(
    quotient,
    [a, (gradient) => divide(gradient, b)],
    [b, (gradient) => sumTo(scale(divide(multiply(gradient, quotient), b), -1), b.shape)],
  );
}

/** `x * factor + offset`. */
export function scale(x: Tensor, factor: number, offset = 0): Tensor {
  const recorder = recorderFor("scale", x);
  checkF32("scale", x);
  checkNumber("scale", factor);
  checkNumber("scale", offset);
  const { ggml_scale, ggml_scale_bias } = library();
  const scaled = recorder.record(
    [dense(x)],
    (context, x) =>
      offset === 0 ? ggml_scale(context, x, factor) : ggml_scale_bias(context, x, factor, offset),
    f32(x.shape),
  );
  return differentiable(scaled, [x, (gradient) => scale(gradient, factor)]);
}

/** `x * x`, element by element. */
export function square(x: Tensor): Tensor {
  const recorder = recorderFor("square", x);
  checkF32("square", x);
  const squared = recorder.record(
    [dense(x)],
    (context, x) => library().ggml_sqr(context, x),
    f32(x.shape),
  );
  return differentiable(squared, [x, (gradient) => scale(multiply(gradient, x), 2)]);
}

/** `x * sigmoid(x)`, element by element. */
export function silu(x: Tensor): Tensor {
  const recorder = recorderFor("apply SiLU to", x);
  checkF32("apply SiLU to", x);
  const y = recorder.record(
    [dense(x)],
    (context, x) => library().ggml_silu(context, x),
    f32(x.shape),
  );
  return differentiable(y, [x, (gradient) =>
    recorder.record(
      [dense(gradient), dense(x)],
      (context, gradient, x) => library().ggml_silu_back(context, gradient, x),
      f32(x.shape),
    )]);
}

/**
 * GELU in the tanh approximation, as GPT-2 uses it: `0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))`
 * (Hendrycks and Gimpel, 2016, arXiv:1606.08415, section 2).
 *
 * Where that is not exact, it is composed of other operations: on processors ggml's GELU reads a table of
 * half-precision values, which is off by up to 2e-3.
 */
export function gelu(x: Tensor): Tensor {
  const recorder = recorderFor("apply GELU to", x);
  checkF32("apply GELU to", x);
  const { backend, tape } = recorder;
  if (!backend.hasExactGelu || (tape !== undefined && !hasTrainingKernels(backend))) {
    return composedGelu(x);
  }
  const y = recorder.record(
    [dense(x)],
    (context, x) => library().ggml_gelu(context, x),
    f32(x.shape),
  );
  return differentiable(y, [x, (gradient) => activationGradient(x, gradient, "gelu_tanh")]);
}

/** 0.5 (1 + tanh(z)) = sigmoid(2z), so with c = 2 sqrt(2/pi) (1 + 0.044715 x^2): gelu(x) = x sigmoid(c x) = silu(c x) / c. */
function composedGelu(x: Tensor): Tensor {
  const twice = 2 * Math.sqrt(2 / Math.PI);
  const c = scale(square(x), twice * 0.044715, twice);
  return divide(silu(multiply(x, c)), c);
}

/**
 * Layer normalization over the last axis (Ba et al., 2016, arXiv:1607.06450): mean 0 and variance 1, then
 * `* weight + bias`.
 *
 * @param x (..., embed)
 * @param weight (embed)
 * @param bias (embed)
 * @param epsilon added to the variance; 0 or more
 */
export function layerNorm(x: Tensor, weight: Tensor, bias: Tensor, epsilon: number): Tensor {
  const recorder = recorderFor("normalize", x, weight, bias);
  checkF32("normalize", x);
  checkNumber("normalize", epsilon);
  if (!(epsilon >= 0)) {
    throw new RangeError(`Cannot normalize ${x}: epsilon must be 0 or more: received ${epsilon}`);
  }
  if (recorder.tape !== undefined && !hasTrainingKernels(recorder.backend)) {
    return add(multiply(composedNorm(x, epsilon), weight), bias);
  }
  const y = asOne(x, () => add(multiply(norm(x, epsilon), weight), bias));
  let gradients: ReturnType<typeof layerNormGradients> | undefined;
  const backward = (gradient: Tensor) =>
    gradients ??= layerNormGradients(x, weight, gradient, epsilon);
  return differentiable(
    y,
    [x, (gradient) => backward(gradient).input],
    [weight, (gradient) => row(backward(gradient).weightAndBias, 0)],
    [bias, (gradient) => row(backward(gradient).weightAndBias, 1)],
  );
}

/** A row of a matrix. */
function row(x: Tensor, index: number): Tensor {
  return reshape(slice(x, 0, index, index + 1), [x.shape[1]]);
}

/** `(x - mean) / sqrt(variance + epsilon)` along the last axis. */
function norm(x: Tensor, epsilon: number): Tensor {
  return recorderFor("normalize", x).record(
    [dense(x)],
    (context, x) => library().ggml_norm(context, x, epsilon),
    f32(x.shape),
  );
}

/** `(x - mean) / sqrt(variance + epsilon)` along the last axis, of operations that have gradients. */
function composedNorm(x: Tensor, epsilon: number): Tensor {
  const width = x.shape[x.shape.length - 1];
  const mean = (y: Tensor) => scale(sumLastAxis(y), 1 / width);
  const centered = add(x, scale(mean(x), -1));
  return divide(centered, squareRoot(scale(mean(square(centered)), 1, epsilon)));
}

/** The natural logarithm, element by element. */
export function logarithm(x: Tensor): Tensor {
  const recorder = recorderFor("take the logarithm of", x);
  checkF32("take the logarithm of", x);
  const y = recorder.record(
    [dense(x)],
    (context, x) => library().ggml_log(context, x),
    f32(x.shape),
  );
  return differentiable(y, [x, (gradient) => divide(gradient, x)]);
}

/** The square root, element by element. */
export function squareRoot(x: Tensor): Tensor {
  const recorder = recorderFor("take the root of", x);
  checkF32("take the root of", x);
  const root = recorder.record(
    [dense(x)],
    (context, x) => library().ggml_sqrt(context, x),
    f32(x.shape),
  );
  return differentiable(root, [x, (gradient) => scale(divide(gradient, root), 0.5)]);
}

/**
 * `softmax(x * factor + mask)` over the last axis.
 *
 * @param x (batch heads seq_q seq_k)
 * @param mask (batch or 1, 1, seq_q, seq_k), f16: 0 where attention is allowed, -Infinity where not
 * @param factor multiplied first
 */
export function softmax(x: Tensor, mask?: Tensor, factor = 1): Tensor {
  const masks = mask === undefined ? [] : [mask];
  const recorder = recorderFor("apply softmax to", x, ...masks);
  checkF32("apply softmax to", x);
  checkNumber("apply softmax to", factor);
  if (mask !== undefined) checkMask("apply softmax to", mask, x.shape);
  const probabilities = recorder.record(
    [dense(x), ...masks],
    (context, x, mask?: Pointer) =>
      library().ggml_soft_max_ext(context, x, mask ?? null, factor, 0),
    f32(x.shape),
  );
  return differentiable(probabilities, [x, (gradient) => {
    const weighted = multiply(gradient, probabilities);
    const shared = multiply(probabilities, sumLastAxis(weighted));
    return scale(add(weighted, scale(shared, -1)), factor);
  }]);
}

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
    f32([batch, seqQ, heads, headDim]),
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
    f32([...x.shape.slice(0, -1), weight.shape[rank - 2]]),
  );
}

/** The sum over the last axis, which stays with size 1. */
export function sumLastAxis(x: Tensor): Tensor {
  const recorder = recorderFor("sum", x);
  checkF32("sum", x);
  const sums = recorder.record(
    [dense(x)],
    (context, x) => library().ggml_sum_rows(context, x),
    f32([...x.shape.slice(0, -1), 1]),
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
    f32(shape),
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
    f32([...columns.shape, 1]),
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
    f32([ids.size, width]),
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
    f32(table.shape),
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

const ELEMENTWISE: Readonly<Record<"add" | "mul" | "div", MakeRecord>> = {
  add: (context, a, b) => library().ggml_add(context, a, b),
  mul: (context, a, b) => library().ggml_mul(context, a, b),
  div: (context, a, b) => library().ggml_div(context, a, b),
};

function elementwise(name: "add" | "mul" | "div", a: Tensor, b: Tensor): Tensor {
  const recorder = recorderFor(name, a, b);
  checkF32(name, a);
  checkF32(name, b);
  const missing = a.shape.length - b.shape.length;
  const fits = missing >= 0 &&
    b.shape.every((size, axis) => size === 1 || size === a.shape[axis + missing]);
  if (!fits) throw new TypeError(`Cannot ${name} ${a} and ${b}: their shapes do not fit`);
  checkUnitStride(name, b);
  return recorder.record([dense(a), b], ELEMENTWISE[name], f32(a.shape));
}

function f32(shape: Shape): TensorLayout {
  return { shape, dtype: "f32" };
}

function checkMask(action: string, mask: Tensor, scores: Shape): void {
  const [batch, , seqQ, seqK] = scores;
  const fits = mask.dtype === "f16" && mask.isContiguous &&
    (sameShape(mask.shape, [1, 1, seqQ, seqK]) || sameShape(mask.shape, [batch, 1, seqQ, seqK]));
  if (!fits) {
    throw new TypeError(
      `Cannot ${action} scores (${scores.join(", ")}): received the mask ${mask}`,
    );
  }
}
