/**
 * Does what a plan says, with whatever operations there are: ggml's, or a test's own.
 *
 * @module
 */
import type { Shape } from "../tensor/shape.ts";
import type { EinsumPlan } from "./einsum_plan.ts";
import type { Reduction, ReshapeStep, Step } from "./lower.ts";
import type { UnstackPlan } from "./plan.ts";

/** What has to be seen of a tensor. */
export interface Strided {
  /** Sizes of the axes, outermost first. */
  readonly shape: Shape;
  /** Whether the elements lie side by side in row-major order. */
  readonly isContiguous: boolean;
}

/** The operations that plans consist of. Those up to `mergeAxes` are views: they copy nothing. */
export interface Operations<T extends Strided> {
  /** Another shape for the elements of a contiguous tensor. */
  reshape(x: T, shape: Shape): T;
  /** Axis `i` of the result is axis `axes[i]` of `x`. */
  permute(x: T, axes: readonly number[]): T;
  /** Elements `start` to `end` (excluded) along an axis of a tensor with contiguous rows. */
  slice(x: T, axis: number, start: number, end: number): T;
  /** One axis of a tensor with contiguous rows becomes several. */
  splitAxis(x: T, axis: number, sizes: Shape): T;
  /** `count` axes from `axis` on of a tensor with contiguous rows become one. */
  mergeAxes(x: T, axis: number, count: number): T;
  /** Whether those axes lie in memory as if they were one. */
  canMergeAxes(x: T, axis: number, count: number): boolean;
  /** Whether the elements along the innermost axis lie side by side. */
  hasContiguousRows(x: T): boolean;
  /** The axis along which the elements lie side by side; -1 if there is none. */
  rowAxis(x: T): number;
  /** A copy in row-major order, or `x` itself if it is contiguous. */
  contiguous(x: T): T;
  /** The diagonal of the two innermost axes of a contiguous tensor: of `(..., n, n)` a view `(..., n, 1)`. */
  diagonal(x: T): T;
  /** One number made of each row of a tensor with contiguous rows; the innermost axis stays with size 1. */
  reduceRows(x: T, operation: Reduction): T;
  /** Repeats a tensor with contiguous rows along axes of size 1. */
  broadcastTo(x: T, shape: Shape): T;
  /**
   * `(outer..., rows, inner)` times `(outer..., columns, inner)` to `(outer..., columns, rows)`, both with contiguous
   * rows unless `multipliesAnyRows`. The weight is repeated along outer axes where it has size 1 or that it lacks.
   */
  matmul(weight: T, x: T): T;
  /** Whether the elements of the rows that are multiplied may lie apart. Default: false. */
  readonly multipliesAnyRows?: boolean;
}

/** Applies steps one after another. */
export function applySteps<T extends Strided>(steps: readonly Step[], x: T, ops: Operations<T>): T {
  return steps.reduce((y, step) => applyStep(step, y, ops), x);
}

/** Takes a tensor apart. */
export function applyUnstack<T extends Strided>(plan: UnstackPlan, x: T, ops: Operations<T>): T[] {
  const stacked = withContiguousRows(applySteps(plan.before, x, ops), ops);
  return plan.parts.map((part) => applySteps([part, ...plan.after], stacked, ops));
}

/** Multiplies tensors, two at a time. */
export function applyEinsum<T extends Strided>(
  plan: EinsumPlan,
  operands: readonly T[],
  ops: Operations<T>,
): T {
  const tensors = operands.map((x, i) => applySteps(plan.operandSteps[i], x, ops));
  for (const { weight, weightSteps, other, otherSteps } of plan.products) {
    const a = applySteps(weightSteps, tensors[weight], ops);
    const b = applySteps(otherSteps, tensors[other], ops);
    tensors.push(ops.matmul(asFactor(a, ops), asFactor(b, ops)));
  }
  return applySteps(plan.resultSteps, tensors[tensors.length - 1], ops);
}

function applyStep<T extends Strided>(step: Step, x: T, ops: Operations<T>): T {
  switch (step.op) {
    case "reshape":
      return reshape(step, x, ops);
    case "permute":
      return ops.permute(x, step.axes);
    case "slice":
      return ops.slice(x, step.axis, step.start, step.end);
    case "diagonal":
      return ops.diagonal(ops.contiguous(x));
    case "broadcast":
      return ops.broadcastTo(withContiguousRows(x, ops), step.shape);
    default:
      return ops.reduceRows(withContiguousRows(x, ops), step.op);
  }
}

/** A view where the strides allow one; else a view of a copy. */
function reshape<T extends Strided>(step: ReshapeStep, x: T, ops: Operations<T>): T {
  if (x.isContiguous) return ops.reshape(x, step.shape);
  return reshapeView(step, x, ops) ?? turnedView(step, x, ops) ??
    ops.reshape(ops.contiguous(x), step.shape);
}

/** A view, if the strides allow one. */
function reshapeView<T extends Strided>(
  { merges, splits }: Omit<ReshapeStep, "op" | "shape">,
  x: T,
  ops: Operations<T>,
): T | undefined {
  const isView = ops.hasContiguousRows(x) &&
    merges.every(({ axis, count }) => ops.canMergeAxes(x, axis, count));
  if (!isView) return undefined;
  const merged = merges.reduce((y, { axis, count }) => ops.mergeAxes(y, axis, count), x);
  return splits.reduce((y, { axis, sizes }) => ops.splitAxis(y, axis, sizes), merged);
}

/**
 * A view of a tensor whose elements lie side by side along another axis than the innermost, which stays as it is: that axis
 * goes inside for a while. Only for products that read rows in any order: others would copy the view.
 */
function turnedView<T extends Strided>(
  { merges, splits }: ReshapeStep,
  x: T,
  ops: Operations<T>,
): T | undefined {
  const row = ops.multipliesAnyRows ? ops.rowAxis(x) : -1;
  if (row < 0 || merges.some(({ axis, count }) => axis <= row && row < axis + count)) {
    return undefined;
  }
  // Where it is once axes before it are merged, and once they are split.
  const count = (lengths: number[]) => lengths.reduce((sum, length) => sum + length - 1, 0);
  const rowMerged = row -
    count(merges.filter(({ axis }) => axis < row).map((merge) => merge.count));
  if (splits.some(({ axis }) => axis === rowMerged)) return undefined;
  const rowSplit = rowMerged +
    count(splits.filter(({ axis }) => axis < rowMerged).map(({ sizes }) => sizes.length));
  const without = (from: number) => <S extends { readonly axis: number }>(step: S): S => ({
    ...step,
    axis: step.axis > from ? step.axis - 1 : step.axis,
  });
  const axes = [...x.shape.keys()];
  const inside = reshapeView(
    { merges: merges.map(without(row)), splits: splits.map(without(rowMerged)) },
    ops.permute(x, [...axes.toSpliced(row, 1), row]),
    ops,
  );
  if (inside === undefined) return undefined;
  const last = inside.shape.length - 1;
  return ops.permute(inside, [...inside.shape.keys()].slice(0, last).toSpliced(rowSplit, 0, last));
}

function asFactor<T extends Strided>(x: T, ops: Operations<T>): T {
  return ops.multipliesAnyRows ? x : withContiguousRows(x, ops);
}

function withContiguousRows<T extends Strided>(x: T, ops: Operations<T>): T {
  if (ops.hasContiguousRows(x)) return x;
  // A row of one element can have any stride and the tensor still be contiguous; reshaping sets the stride right.
  return x.isContiguous ? ops.reshape(x, x.shape) : ops.contiguous(x);
}
