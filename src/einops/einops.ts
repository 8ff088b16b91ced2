/**
 * Operations on tensors, written as patterns that name the axes: Alex Rogozhnikov, "Einops: Clear and Reliable Tensor
 * Manipulations with Einstein-like Notation", ICLR 2022.
 *
 * A pattern says what the axes of a tensor are, outermost first, and what the axes of the result are to be:
 *
 * ```text
 * "batch seq embed -> seq batch embed"                           axes change places
 * "batch seq (heads head_dim) -> batch heads seq head_dim"       one axis becomes two
 * "batch heads seq head_dim -> batch seq (heads head_dim)"       two axes become one
 * "seq embed -> 1 seq embed"                                     a new axis of size 1
 * "batch ... embed -> batch (...) embed"                         any number of axes without a name
 * ```
 *
 * In a composite axis the rightmost one varies fastest: `(heads head_dim)` holds all of head 0, then all of head 1. The
 * size of each axis follows from the shape; where a composite axis leaves two open, the last argument tells one:
 * `{ heads: 12 }`.
 *
 * Elements are copied only where ggml cannot see them otherwise. A pattern is read and planned once for each shape.
 *
 * The notation is that of Python's package einops 0.8, for tensors of one to four axes, which is as many as ggml has:
 *
 * | | as in Python | beyond it | not here |
 * | --- | --- | --- | --- |
 * | `rearrange` | every pattern, also where more than four axes move | | a list of tensors as input |
 * | `unstack` | | the parts of `rearrange` along its first axis | |
 * | `reduce` | `sum mean max min prod` | nothing on the right gives shape (1) | `any all`, functions, other types than f32 |
 * | `repeat` | every pattern | | other types than f32 |
 * | `einsum` | one tensor or more; sums, diagonals (`i i -> i`), `...`, `_` | composite axes and their sizes | axes of size 1 that stand for longer ones |
 *
 * `pack`, `unpack`, `parse_shape` and the layers are left out.
 *
 * @module
 */
import { describe } from "../base/describe.ts";
import { tensorTypeInfo } from "../formats/tensor_type.ts";
import { scale } from "../tensor/elementwise.ts";
import { broadcastTo, matmul } from "../tensor/ops.ts";
import {
  asOne,
  differentiable,
  differentiableAll,
  type OperandRule,
  recorderOf,
} from "../tensor/recorder.ts";
import { hasTrainingKernels, isPlain } from "../tensor/training/has_training_kernels.ts";
import { stridedProduct } from "../tensor/training/strided_product.ts";
import { createTensor, isDense, recordOf, Tensor } from "../tensor/tensor.ts";
import {
  borrow,
  canMergeAxes,
  contiguous,
  diagonal,
  mergeAxes,
  permute,
  reshape,
  slice,
  splitAxis,
} from "../tensor/views.ts";
import { applyEinsum, applySteps, applyUnstack, type Operations } from "./apply.ts";
import { checkedCall } from "./checked_call.ts";
import { type Einops, einsumGradient, restack, reversed } from "./gradients.ts";
import { type EinsumPlan, planEinsum } from "./einsum_plan.ts";
import { type Reduction, REDUCTIONS, type Step } from "./lower.ts";
import { planRearrange, planReduce, planRepeat, planUnstack, type UnstackPlan } from "./plan.ts";
import { reduceRows } from "./reduce_rows.ts";
import { type AxisSizes, type Call, sizePattern } from "./sizes.ts";

export type { AxisSizes, Reduction };

/**
 * The same elements under other axes.
 *
 * ```ts
 * import { Backend, Graph, rearrange } from "@allformers/gpt2";
 *
 * using backend = Backend.cpu();
 * using graph = new Graph(backend);
 * const x = graph.input([2, 5, 768], "f32", "x");
 *
 * const heads = rearrange(x, "batch seq (heads head_dim) -> batch heads seq head_dim", { heads: 12 });
 * console.log(heads.shape); // [2, 12, 5, 64]
 * ```
 *
 * @param x any element type; a quantized one keeps its innermost axis
 * @param pattern the same axes on both sides
 * @param axes sizes that the shape of `x` does not tell
 * @throws {SyntaxError} if the pattern does not parse
 * @throws {TypeError} if the pattern does not fit the shape and the sizes
 * @throws {RangeError} if a size is not a positive integer
 */
export function rearrange(x: Tensor, pattern: string, axes: AxisSizes = {}): Tensor {
  const call = checkedCall("rearrange", [x], pattern, axes);
  const steps = remember(rearrangements, call, "", () => planRearrange(call));
  const y = asOne(x, () => applySteps(steps, x, ggml));
  return differentiable(y, [x, (gradient) => rearrange(gradient, ...reversed(call))]);
}

/**
 * Takes a tensor apart along the first axis on the right, without copying: each part is a view of `x`.
 *
 * ```ts
 * import { Backend, Graph, unstack } from "@allformers/gpt2";
 *
 * using backend = Backend.cpu();
 * using graph = new Graph(backend);
 * const qkv = graph.input([2, 5, 2304], "f32", "qkv");
 *
 * const [query, key, value] = unstack(
 *   qkv,
 *   "batch seq (three heads head_dim) -> three batch heads seq head_dim",
 *   { three: 3, heads: 12 },
 * );
 * console.log(query.shape, key.shape, value.shape); // [2, 12, 5, 64], three times
 * ```
 *
 * @param x any element type; a quantized one keeps its innermost axis
 * @param pattern the same axes on both sides; the first on the right is a single one
 * @param axes sizes that the shape of `x` does not tell
 * @returns one tensor for each index along that axis, without it
 * @throws {SyntaxError} if the pattern does not parse
 * @throws {TypeError} if the pattern does not fit the shape and the sizes
 * @throws {RangeError} if a size is not a positive integer
 */
export function unstack(x: Tensor, pattern: string, axes: AxisSizes = {}): Tensor[] {
  const call = checkedCall("unstack", [x], pattern, axes);
  const plan = remember(unstackings, call, "", () => planUnstack(call));
  const parts = asOne(x, () => applyUnstack(plan, x, ggml));
  differentiableAll(parts, { x, rule: (gradients) => restack(einops, gradients, call) });
  return parts;
}

/**
 * One number made of all elements along the axes that are only on the left: their sum, mean, largest, smallest or product.
 *
 * ```ts
 * import { Backend, Graph, reduce } from "@allformers/gpt2";
 *
 * using backend = Backend.cpu();
 * using graph = new Graph(backend);
 * const x = graph.input([2, 6, 768], "f32", "x");
 *
 * const bySentence = reduce(x, "batch seq embed -> batch embed", "mean");
 * const halved = reduce(x, "batch (seq 2) embed -> batch seq embed", "max");
 * console.log(bySentence.shape, halved.shape); // [2, 768], [2, 3, 768]
 * ```
 *
 * @param x f32
 * @param pattern some axes on the left only; nothing on the right gives one element of shape (1)
 * @param operation what is made of the elements; "max" and "min" of elements that are not all numbers are unspecified
 * @param axes sizes that the shape of `x` does not tell
 * @throws {SyntaxError} if the pattern does not parse
 * @throws {TypeError} if the pattern does not fit the shape and the sizes
 * @throws {RangeError} if a size is not a positive integer, or there is no such operation
 */
export function reduce(
  x: Tensor,
  pattern: string,
  operation: Reduction,
  axes: AxisSizes = {},
): Tensor {
  const call = checkedCall("reduce", [x], pattern, axes);
  if (!REDUCTIONS.includes(operation)) {
    const ErrorClass = typeof operation === "string" ? RangeError : TypeError;
    throw new ErrorClass(
      `Cannot reduce "${pattern}": there is no such operation: received ${describe(operation)}. ` +
        `Choose one of ${REDUCTIONS.join(", ")}.`,
    );
  }
  const steps = remember(reductions, call, operation, () => planReduce(call, operation));
  // The others are made of operations that have gradients.
  if (operation !== "sum" && operation !== "mean") return applySteps(steps, x, ggml);
  const y = asOne(x, () => applySteps(steps, x, ggml));
  const factor = operation === "mean" ? y.size / x.size : 1;
  return differentiable(y, [x, (gradient) => repeat(scale(gradient, factor), ...reversed(call))]);
}

/**
 * Repeats the elements along the axes that are only on the right.
 *
 * ```ts
 * import { Backend, Graph, repeat } from "@allformers/gpt2";
 *
 * using backend = Backend.cpu();
 * using graph = new Graph(backend);
 * const x = graph.input([5, 768], "f32", "x");
 *
 * const forEach = repeat(x, "seq embed -> batch seq embed", { batch: 8 });
 * const twice = repeat(x, "seq embed -> (seq 2) embed"); // each row two times in a row
 * console.log(forEach.shape, twice.shape); // [8, 5, 768], [10, 768]
 * ```
 *
 * @param x f32
 * @param pattern some axes on the right only
 * @param axes their sizes, and those that the shape of `x` does not tell
 * @throws {SyntaxError} if the pattern does not parse
 * @throws {TypeError} if the pattern does not fit the shape and the sizes
 * @throws {RangeError} if a size is not a positive integer
 */
export function repeat(x: Tensor, pattern: string, axes: AxisSizes = {}): Tensor {
  const call = checkedCall("repeat", [x], pattern, axes);
  const steps = remember(repetitions, call, "", () => planRepeat(call));
  const y = asOne(x, () => applySteps(steps, x, ggml));
  return differentiable(y, [x, (gradient) => {
    const [back, sizes] = reversed(call);
    return reduce(gradient, back, "sum", sizes);
  }]);
}

/**
 * The product of tensors, summed over the axes that are not on the right. Two tensors are one matrix multiplication.
 *
 * ```ts
 * import { Backend, einsum, Graph } from "@allformers/gpt2";
 *
 * using backend = Backend.cpu();
 * using graph = new Graph(backend);
 * const x = graph.input([5, 768], "f32", "x");
 * const down = graph.input([4, 768], "f32", "down");
 * const up = graph.input([768, 4], "f32", "up");
 *
 * const hidden = einsum(x, down, "seq embed, hidden embed -> seq hidden");
 * const scores = einsum(x, x, "seq_q embed, seq_k embed -> seq_q seq_k");
 * const adapted = einsum(x, down, up, "seq in, rank in, out rank -> seq out"); // the smaller product first
 * console.log(hidden.shape, scores.shape, adapted.shape); // [5, 4], [5, 5], [5, 768]
 * ```
 *
 * ggml reads both operands along the axis that is summed over, so an operand where that axis is not the innermost one is
 * copied first; store weights as `hidden embed`.
 *
 * Three tensors or more are multiplied two at a time: first the two whose product takes the fewest multiplications, then
 * of what is left again. A tensor that has an axis twice is replaced with its diagonal, and an axis that nothing else has
 * is summed over, before that. The order of the factors does not matter, except where several orders cost as much: then
 * the first goes first.
 *
 * @param args the tensors, f32, or another type, for example a quantized weight, in a product with one that is f32; the
 * pattern, which tells their axes with commas between them, and those of the result; sizes that the shapes do not tell
 * @returns f32
 * @throws {SyntaxError} if the pattern does not parse
 * @throws {TypeError} if the pattern does not fit the shapes and the sizes, or if the tensors have no f32 among them
 * @throws {RangeError} if a size is not a positive integer
 */
export function einsum(
  ...args:
    | [...tensors: Tensor[], pattern: string]
    | [...tensors: Tensor[], pattern: string, axes: AxisSizes]
): Tensor {
  const { tensors, pattern, axes } = einsumArguments(args);
  const call = checkedCall("einsum", tensors, pattern, axes);
  const layouts = tensors.map(({ isContiguous, dtype }) => (
    { isContiguous, isWeight: dtype !== "f32" }
  ));
  const detail = layouts.map((x) => `${x.isContiguous}${x.isWeight}`).join();
  const plan = remember(products, call, detail, () => planEinsum(call, layouts));
  // Weights belong to no graph; what is done to them belongs to the graph of the other operands.
  const inGraph = tensors.find((x) => recorderOf(x) !== undefined);
  const operands = inGraph === undefined ? tensors : tensors.map((x) => borrow(x, inGraph));
  // What has an axis twice goes back through its diagonal, so each operation goes back on its own.
  const isRecorded = recorderOf(operands[0])?.tape !== undefined;
  if (isRecorded && hasAxisTwice(call)) return applyEinsum(plan, operands, withRules);
  const y = asOne(operands[0], () => applyEinsum(plan, operands, operationsFor(operands[0])));
  const rules = tensors.map((x, i): OperandRule => [
    x,
    (gradient) => einsumGradient(einops, gradient, i, tensors, call),
  ]);
  return differentiable(y, ...rules);
}

/** Tells apart what comes before the pattern and what comes after it. Types are checked later. */
function einsumArguments(
  args: readonly unknown[],
): { tensors: Tensor[]; pattern: string; axes: AxisSizes } {
  const found = args.findIndex((arg) => typeof arg === "string");
  const at = found >= 0 ? found : args.findLastIndex((arg) => arg instanceof Tensor) + 1;
  const [pattern, axes = {}, ...more] = args.slice(at);
  if (more.length > 0) {
    throw new TypeError(
      `Cannot einsum: nothing comes after the sizes: received ${describe(more[0])}. ` +
        "Pass the tensors, then the pattern, then the sizes.",
    );
  }
  return { tensors: args.slice(0, at), pattern, axes } as ReturnType<typeof einsumArguments>;
}

/** For gradients, which are written with these functions. */
const einops: Einops = { rearrange, repeat, einsum };

const ggml: Operations<Tensor> = {
  reshape,
  permute: (x, axes) => permute(keepRows(x, axes[axes.length - 1] === axes.length - 1), axes),
  slice,
  splitAxis: (x, axis, sizes) => splitAxis(keepRows(x, axis < x.shape.length - 1), axis, sizes),
  mergeAxes,
  canMergeAxes,
  hasContiguousRows: (x) =>
    isDense(x) || x.strides[x.strides.length - 1] === tensorTypeInfo(x.dtype).blockBytes,
  rowAxis: (x) => {
    const bytes = tensorTypeInfo(x.dtype).blockBytes;
    return x.strides.findIndex((stride, axis) => stride === bytes && x.shape[axis] > 1);
  },
  contiguous,
  diagonal,
  reduceRows,
  broadcastTo,
  matmul: (weight, x) => {
    const ranked = withRank(weight, x.shape.length);
    return suitsStridedProduct(weight, x) ? stridedProduct(ranked, x, "f32") : matmul(ranked, x);
  },
};

/** Shorter rows than this ggml adds up one number of the result at a time, which takes fifteen times as long. */
const SHORT_ROW = 32;

/** Whether a matrix has such short rows as those of an adapter, and there is a kernel that multiplies them together. */
function suitsStridedProduct(weight: Tensor, x: Tensor): boolean {
  const { shape, dtype } = weight;
  const isShort = shape.length === 2 && shape[1] <= SHORT_ROW && shape[0] > 4 * SHORT_ROW;
  if (!isShort || dtype !== "f32" || x.dtype !== "f32" || !isPlain(weight)) return false;
  return hasTrainingKernels(recorderOf(x)!.backend);
}

/** Where gradients are wanted, products read rows in any order, since they go back through their operands turned. */
const withStridedProducts: Operations<Tensor> = {
  ...ggml,
  multipliesAnyRows: true,
  matmul: (weight, x) => {
    const ranked = withRank(weight, x.shape.length);
    return weight.dtype === "f32" && x.dtype === "f32"
      ? stridedProduct(ranked, x, recorderOf(x)!.precision)
      : matmul(withRows(ranked), withRows(x));
  },
};

/** Where each of them has a rule for gradients. */
const withRules: Operations<Tensor> = {
  ...ggml,
  matmul: (weight, x) => {
    const missing = x.shape.length - weight.shape.length;
    const ranked = missing === 0
      ? weight
      : reshape(contiguous(weight), [...new Array<number>(missing).fill(1), ...weight.shape]);
    return matmul(ranked, x);
  },
};

/** Whether a tensor of a product has an axis twice. */
function hasAxisTwice(call: Call): boolean {
  return sizePattern(call).inputs.some((axes) => new Set(axes.flat()).size < axes.flat().length);
}

/** The operations for the graph of `x`. */
function operationsFor(x: Tensor): Operations<Tensor> {
  const recorder = recorderOf(x);
  const isDifferentiable = recorder?.tape !== undefined && hasTrainingKernels(recorder.backend);
  return isDifferentiable ? withStridedProducts : ggml;
}

function withRows(x: Tensor): Tensor {
  return ggml.hasContiguousRows(x) ? x : contiguous(x);
}

/** Throws where a quantized row would be taken apart: its elements lie in blocks, which no stride can tell. */
function keepRows(x: Tensor, isKept: boolean): Tensor {
  if (isKept || !isQuantized(x)) return x;
  throw new TypeError(
    `Cannot rearrange ${x}: the innermost axis of a quantized tensor stays whole and innermost. ` +
      "Convert the tensor to f32 first, or store it in the order that the pattern needs.",
  );
}

function isQuantized(x: Tensor): boolean {
  return tensorTypeInfo(x.dtype).blockSize > 1;
}

/** `x` with axes of size 1 in front, which ggml has anyway: no operation. */
function withRank(x: Tensor, rank: number): Tensor {
  const missing = rank - x.shape.length;
  if (missing === 0) return x;
  const { shape, strides, dtype } = x;
  const ones = new Array<number>(missing).fill(1);
  const outer = ones.map(() => shape[0] * strides[0]);
  return createTensor(recordOf(x), {
    shape: [...ones, ...shape],
    strides: [...outer, ...strides],
    dtype,
  });
}

// What was planned, by what it depends on. Building a graph then costs little more than ggml's own calls.
const rearrangements = new Map<string, Step[]>();
const unstackings = new Map<string, UnstackPlan>();
const reductions = new Map<string, Step[]>();
const repetitions = new Map<string, Step[]>();
const products = new Map<string, EinsumPlan>();

/** Enough for every pattern at every sequence length of a model; then the memory is used anew. */
const MAX_REMEMBERED = 16384;

function remember<P>(plans: Map<string, P>, call: Call, detail: string, make: () => P): P {
  let key = `${call.pattern}|${detail}`;
  for (const shape of call.shapes) key += `|${shape}`;
  for (const name in call.axes) key += `|${name}=${call.axes[name]}`;
  let plan = plans.get(key);
  if (plan === undefined) {
    plan = make();
    if (plans.size >= MAX_REMEMBERED) plans.clear();
    plans.set(key, plan);
  }
  return plan;
}
