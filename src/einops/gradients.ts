/**
 * How gradients go back through what patterns describe. Each is again something that a pattern describes.
 *
 * @module
 */
import { concatenate } from "../tensor/concatenate.ts";
import { scale } from "../tensor/elementwise.ts";
import { recorderOf } from "../tensor/recorder.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { stackedIn } from "../tensor/stacked.ts";
import { hasTrainingKernels } from "../tensor/training/has_training_kernels.ts";
import { productWithRows } from "../tensor/training/product_with_rows.ts";
import { isRepacked, unpacked } from "../tensor/unpacked.ts";
import { reshape } from "../tensor/views.ts";
import type { AxisGroup } from "./pattern.ts";
import { atLeastOne, type SizedCall, writePattern } from "./reversed.ts";
import { type AxisSizes, type Call, groupSize, sizePattern, type Sizes } from "./sizes.ts";

/** The functions of einops that gradients are written with. */
export interface Einops {
  /** See `einops.ts`. */
  rearrange(x: Tensor, pattern: string, axes: AxisSizes): Tensor;
  /** See `einops.ts`. */
  repeat(x: Tensor, pattern: string, axes: AxisSizes): Tensor;
  /** See `einops.ts`. */
  einsum(...args: [...tensors: Tensor[], pattern: string, axes: AxisSizes]): Tensor;
}

/**
 * The pattern of a call with its sides exchanged: `"a (b c) -> b a c"` becomes `"b a c -> a (b c)"`. What was rearranged is
 * rearranged back with it, what was repeated is summed, and what was summed is repeated.
 */
export function reversed(call: Call): SizedCall {
  const { inputs: [input], output, sizes } = sizePattern(call);
  return writePattern([atLeastOne(output)], input, sizes);
}

/**
 * The opposite of `unstack()`: the gradients of the parts, one after another, and that axis put where it was.
 *
 * @param gradients one for each part; nothing for those that the loss does not depend on
 * @param call the unstacking
 */
export function restack(
  { rearrange }: Einops,
  gradients: readonly (Tensor | undefined)[],
  call: Call,
): Tensor {
  const { inputs: [input], output: [[name], ...part], sizes } = sizePattern(call);
  const block = stackedIn(gradients);
  if (block !== undefined && isStackedSo(input.flat(), name, part)) {
    return reshape(block, input.map((group) => groupSize(group, sizes)));
  }
  const some = gradients.find((gradient) => gradient !== undefined)!;
  // Of a part that nothing depends on, the gradient is 0.
  const parts = gradients.map((gradient) => gradient ?? scale(some, 0));
  const [outermost, ...others] = atLeastOne(part);
  return rearrange(
    concatenate(parts),
    ...writePattern([[[name, ...outermost], ...others]], input, sizes),
  );
}

/** Whether the elements of a tensor lie as `stackedIn()` has them: (batch seq three heads head_dim), of parts (batch heads seq head_dim). */
function isStackedSo(
  axes: AxisGroup,
  stacked: string,
  part: readonly AxisGroup[],
): boolean {
  const [batch, heads, seq, headDim] = part.map(([name]) => name);
  const expected = [batch, seq, stacked, heads, headDim];
  return part.length === 4 && part.every((group) => group.length === 1) &&
    axes.length === expected.length && axes.every((name, i) => name === expected[i]);
}

/** A name that no axis has. */
const NEW_AXIS = "new@";

/**
 * The gradient of one operand of a product: the product of the gradient of the result with the other operands.
 *
 * @param gradient that of the result
 * @param operand which of the operands
 * @param tensors all of them
 * @param call the product, in which no operand has an axis twice
 */
export function einsumGradient(
  { einsum, repeat }: Einops,
  gradient: Tensor,
  operand: number,
  tensors: readonly Tensor[],
  call: Call,
): Tensor {
  const { inputs, output, sizes: known } = sizePattern(call);
  const sizes: Sizes = new Map([...known, [NEW_AXIS, 1]]);
  const wanted = inputs[operand];
  const names = wanted.flat();
  // A product has no axes of size 1: what has no axes gets one with a name.
  const named = (side: readonly AxisGroup[]) => side.length === 0 ? [[NEW_AXIS]] : side;
  const factors = [output, ...inputs.toSpliced(operand, 1)].map(named);
  const elsewhere = new Set(factors.flat(2));
  const kept = wanted.map((group) => group.filter((name) => elsewhere.has(name)))
    .filter((group) => group.length > 0);
  const throughRows = gradientThroughRows(gradient, operand, tensors, { inputs, output });
  if (throughRows !== undefined) return throughRows;
  // A quantized weight is read along its rows only; where it is summed over them, it is widened first.
  const recorder = recorderOf(gradient)!;
  const others = tensors.toSpliced(operand, 1).map((x) => unpacked(x, recorder));
  const product = einsum(gradient, ...others, ...writePattern(factors, kept, sizes));
  if (kept.flat().length === names.length) return product;
  // An axis that nothing else has was summed over: its elements have the same gradient.
  return repeat(product, ...writePattern([atLeastOne(kept)], wanted, sizes));
}

/**
 * The gradient of `x` in `"... in, out in -> ... out"` where the weight is quantized: its rows are widened a few at a time.
 * Nothing if that is not the product.
 */
function gradientThroughRows(
  gradient: Tensor,
  operand: number,
  tensors: readonly Tensor[],
  { inputs, output }: { inputs: readonly (readonly AxisGroup[])[]; output: readonly AxisGroup[] },
): Tensor | undefined {
  const { backend, precision } = recorderOf(gradient)!;
  if (tensors.length !== 2 || !hasTrainingKernels(backend)) return undefined;
  const weight = tensors[1 - operand];
  const [rows, columns, ...more] = inputs[1 - operand];
  const expected = [...output.slice(0, -1), columns];
  const fits = weight.dtype !== "f32" && !isRepacked(weight) && more.length === 0 &&
    columns !== undefined &&
    sameAxes([rows], output.slice(-1)) && sameAxes(inputs[operand], expected);
  return fits ? productWithRows(weight, gradient, precision) : undefined;
}

function sameAxes(a: readonly AxisGroup[], b: readonly AxisGroup[]): boolean {
  return a.length === b.length && a.every((group, i) => group.join() === b[i].join());
}
