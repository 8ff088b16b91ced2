/**
 * Operations on tensors. Each checks what ggml would abort on, records one node (or a few) in the graph of its
 * operands, and returns the tensor that will hold the result. Reshaping and slicing are in `views.ts`.
 *
 * @module
 */
import { library } from "../ffi/library.ts";
import type { Pointer } from "../ffi/memory.ts";
import { rowBytes, type TensorType, tensorTypeInfo } from "../formats/tensor_type.ts";
import { nativeSizes, sameShape, type Shape } from "./shape.ts";
import { Tensor } from "./tensor.ts";
import { contiguous, dense, graphOf, permute, reshape } from "./views.ts";

/** `a + b`; `b` is repeated along axes where it has size 1 or that it lacks. */
export function add(a: Tensor, b: Tensor): Tensor {
  return elementwise("add", a, b);
}

/** `a * b`, element by element; `b` is repeated along axes where it has size 1 or that it lacks. */
export function multiply(a: Tensor, b: Tensor): Tensor {
  return elementwise("mul", a, b);
}

/** `a / b`, element by element; `b` is repeated along axes where it has size 1 or that it lacks. */
export function divide(a: Tensor, b: Tensor): Tensor {
  return elementwise("div", a, b);
}

/** `x * factor + offset`. */
export function scale(x: Tensor, factor: number, offset = 0): Tensor {
  checkF32("scale", x);
  const graph = graphOf("scale", x);
  const input = dense(x);
  const ggml = library();
  const pointer = offset === 0
    ? ggml.ggml_scale(graph.context, input.pointer, factor)
    : ggml.ggml_scale_bias(graph.context, input.pointer, factor, offset);
  return result(graph, x.shape, pointer);
}

/** `x * x`, element by element. */
export function square(x: Tensor): Tensor {
  checkF32("square", x);
  const graph = graphOf("square", x);
  return result(graph, x.shape, library().ggml_sqr(graph.context, dense(x).pointer));
}

/** `x * sigmoid(x)`, element by element. */
export function silu(x: Tensor): Tensor {
  checkF32("apply SiLU to", x);
  const graph = graphOf("apply SiLU to", x);
  return result(graph, x.shape, library().ggml_silu(graph.context, dense(x).pointer));
}

/**
 * GELU in the tanh approximation, as GPT-2 uses it: `0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))`
 * (Hendrycks and Gimpel, 2016, arXiv:1606.08415, section 2).
 *
 * Where that is not exact, it is composed of other operations: on processors ggml's GELU reads a table of
 * half-precision values, which is off by up to 2e-3.
 */
export function gelu(x: Tensor): Tensor {
  checkF32("apply GELU to", x);
  const graph = graphOf("apply GELU to", x);
  if (!graph.backend.hasExactGelu) return composedGelu(x);
  return result(graph, x.shape, library().ggml_gelu(graph.context, dense(x).pointer));
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
 * @param epsilon added to the variance
 */
export function layerNorm(x: Tensor, weight: Tensor, bias: Tensor, epsilon: number): Tensor {
  checkF32("normalize", x);
  const graph = graphOf("normalize", x);
  const normalized = library().ggml_norm(graph.context, dense(x).pointer, epsilon);
  return add(multiply(result(graph, x.shape, normalized), weight), bias);
}

/**
 * `softmax(x * factor + mask)` over the last axis.
 *
 * @param x (batch heads seq_q seq_k)
 * @param mask (batch or 1, 1, seq_q, seq_k), f16: 0 where attention is allowed, -Infinity where not
 * @param factor multiplied first
 */
export function softmax(x: Tensor, mask?: Tensor, factor = 1): Tensor {
  checkF32("apply softmax to", x);
  const graph = graphOf("apply softmax to", x);
  if (mask !== undefined) checkMask("apply softmax to", mask, x.shape);
  const pointer = library().ggml_soft_max_ext(
    graph.context,
    dense(x).pointer,
    mask?.pointer ?? null,
    factor,
    0,
  );
  return result(graph, x.shape, pointer);
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
  checkF32("attend with", query);
  const [batch, heads, seqQ, headDim] = query.shape;
  const seqK = key.shape[2];
  for (const x of [key, value]) {
    if (!sameShape(x.shape, [batch, heads, seqK, headDim])) {
      throw new TypeError(`Cannot attend with the query ${query}: received ${x} as key or value`);
    }
    checkUnitStride("attend to", x);
  }
  checkUnitStride("attend with", query);
  checkMask("attend with", mask, [batch, heads, seqQ, seqK]);
  const graph = graphOf("attend with", query);
  const pointer = library().ggml_flash_attn_ext(
    graph.context,
    query.pointer,
    key.pointer,
    value.pointer,
    mask.pointer,
    factor,
    0,
    0,
  );
  // ggml lays the heads of one position side by side.
  return permute(result(graph, [batch, seqQ, heads, headDim], pointer), [0, 2, 1, 3]);
}

/**
 * The product with the transpose of `weight`, in the order that suits ggml: both operands are read row by row.
 *
 * @param weight (..., rows, inner), of any type; its outer axes divide those of `x` and are repeated
 * @param x (..., cols, inner), f32
 * @returns (..., cols, rows), f32
 */
export function matmul(weight: Tensor, x: Tensor): Tensor {
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
  const graph = graphOf("multiply", x, weight);
  const shape = [...x.shape.slice(0, -1), weight.shape[rank - 2]];
  // From repacked memory ggml multiplies with four columns at once as if they lay side by side.
  const mayBeRepacked = tensorTypeInfo(weight.dtype).blockSize > 1;
  const { pointer } = mayBeRepacked ? contiguous(x) : x;
  return result(graph, shape, library().ggml_mul_mat(graph.context, weight.pointer, pointer));
}

/** The sum over the last axis, which stays with size 1. */
export function sumLastAxis(x: Tensor): Tensor {
  checkF32("sum", x);
  const graph = graphOf("sum", x);
  const shape = [...x.shape.slice(0, -1), 1];
  return result(graph, shape, library().ggml_sum_rows(graph.context, dense(x).pointer));
}

/** `x` repeated along every axis until it has the given shape; each size must be a multiple of the old one. */
export function broadcastTo(x: Tensor, shape: Shape): Tensor {
  checkF32("repeat", x);
  const fits = x.shape.length === shape.length &&
    shape.every((size, axis) => size % x.shape[axis] === 0);
  if (!fits) throw new TypeError(`Cannot repeat ${x}: received the shape (${shape.join(", ")})`);
  checkUnitStride("repeat", x);
  const graph = graphOf("repeat", x);
  return result(
    graph,
    shape,
    library().ggml_repeat_4d(graph.context, x.pointer, ...nativeSizes(shape)),
  );
}

/**
 * Where the `k` largest elements of each row are, in no particular order.
 *
 * @param x (rows columns), f32
 * @returns (rows k), i32
 */
export function topK(x: Tensor, k: number): Tensor {
  checkF32("find the largest elements of", x);
  if (x.shape.length !== 2 || !Number.isInteger(k) || k < 1 || k > x.shape[1]) {
    throw new RangeError(`Cannot find the largest elements of ${x}: received a k of ${k}`);
  }
  const graph = graphOf("find the largest elements of", x);
  const pointer = library().ggml_top_k(graph.context, dense(x).pointer, k)!;
  return new Tensor({ shape: [x.shape[0], k], dtype: "i32", pointer, graph });
}

/**
 * Elements of each row: result[r, i] = x[r, columns[r, i]].
 *
 * @param x (rows columns), f32
 * @param columns (rows k), i32
 * @returns (rows k), f32
 */
export function pick(x: Tensor, columns: Tensor): Tensor {
  checkF32("pick from", x);
  const fits = x.shape.length === 2 && columns.shape.length === 2 && columns.dtype === "i32" &&
    columns.shape[0] === x.shape[0];
  if (!fits) throw new TypeError(`Cannot pick ${columns} from ${x}: their shapes do not fit`);
  const graph = graphOf("pick from", x, columns);
  // Each element as a row of its own, in a table for each row.
  const table = reshape(dense(x), [...x.shape, 1]);
  const picked = library().ggml_get_rows(graph.context, table.pointer, columns.pointer);
  return reshape(result(graph, [...columns.shape, 1], picked), columns.shape);
}

/**
 * Rows of a table: result[..., :] = table[ids[...], :].
 *
 * Ids outside the table abort the process, so whoever writes them checks them first.
 *
 * @param table (rows, width), of any type
 * @param ids any shape, i32
 * @returns (...ids, width), f32
 */
export function lookup(table: Tensor, ids: Tensor): Tensor {
  if (table.shape.length !== 2 || ids.dtype !== "i32") {
    throw new TypeError(
      `Cannot look up ${ids} in ${table}: a table of rows and i32 ids are needed`,
    );
  }
  const graph = graphOf("look up", ids);
  const width = table.shape[1];
  const flat = reshape(ids, [ids.size]);
  const rows = library().ggml_get_rows(graph.context, table.pointer, flat.pointer);
  return reshape(result(graph, [ids.size, width], rows), [...ids.shape, width]);
}

/**
 * Writes rows into a cache: `cache[b, h, index[b, 0, s], :] = rows[b, h, s, :]`, converted to its type.
 *
 * Indices outside the cache abort the process, so whoever writes them checks them first.
 *
 * @param cache (batch heads context width); its memory changes when the graph runs
 * @param rows (batch heads seq width), f32
 * @param index (batch, 1, seq), i32
 * @returns the cache, after the write
 */
export function setRows(cache: Tensor, rows: Tensor, index: Tensor): Tensor {
  checkF32("remember", rows);
  const [batch, heads, seq, width] = rows.shape;
  const fits = cache.shape.length === 4 && rows.shape.length === 4 &&
    sameShape([cache.shape[0], cache.shape[1], cache.shape[3]], [batch, heads, width]) &&
    sameShape(index.shape, [batch, 1, seq]) && index.dtype === "i32";
  if (!fits) {
    throw new TypeError(`Cannot write ${rows} at ${index} into ${cache}: their shapes do not fit`);
  }
  checkUnitStride("remember", rows);
  const graph = graphOf("remember", rows);
  const pointer = library().ggml_set_rows(
    graph.context,
    cache.pointer,
    rows.pointer,
    index.pointer,
  )!;
  return new Tensor({
    shape: cache.shape,
    strides: cache.strides,
    dtype: cache.dtype,
    pointer,
    graph,
  });
}

/** A copy of `x` as another element type. */
export function cast(x: Tensor, dtype: TensorType): Tensor {
  if (x.dtype === dtype) return x;
  rowBytes(dtype, x.shape[x.shape.length - 1]);
  const graph = graphOf("convert", x);
  const pointer = library().ggml_cast(graph.context, x.pointer, tensorTypeInfo(dtype).id);
  return result(graph, x.shape, pointer, dtype);
}

function elementwise(name: "add" | "mul" | "div", a: Tensor, b: Tensor): Tensor {
  checkF32(name, a);
  checkF32(name, b);
  const missing = a.shape.length - b.shape.length;
  const fits = missing >= 0 &&
    b.shape.every((size, axis) => size === 1 || size === a.shape[axis + missing]);
  if (!fits) throw new TypeError(`Cannot ${name} ${a} and ${b}: their shapes do not fit`);
  const graph = graphOf(name, a, b);
  checkUnitStride(name, b);
  const ggml = library();
  const pointer = {
    add: ggml.ggml_add,
    mul: ggml.ggml_mul,
    div: ggml.ggml_div,
  }[name](graph.context, dense(a).pointer, b.pointer);
  return result(graph, a.shape, pointer);
}

function result(
  graph: Tensor["graph"],
  shape: Shape,
  pointer: Deno.PointerValue,
  dtype: TensorType = "f32",
): Tensor {
  return new Tensor({ shape, dtype, pointer: pointer as Pointer, graph });
}

function checkF32(action: string, x: Tensor): void {
  if (x.dtype !== "f32") throw new TypeError(`Cannot ${action} ${x}: f32 is needed`);
}

function checkUnitStride(action: string, x: Tensor): void {
  const last = x.shape.length - 1;
  // Even for a last axis of size 1: ggml asserts the stride, not what is reached by it.
  if (x.strides[last] !== tensorTypeInfo(x.dtype).blockBytes) {
    throw new TypeError(
      `Cannot ${action} ${x}: its last axis is not contiguous: copy it with copy() first`,
    );
  }
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
