/**
 * The opposite of repeating: sums over the axes along which something was repeated.
 *
 * @module
 */
import { sumOfRows } from "./sum_of_rows.ts";
import { numElements, sameShape, type Shape } from "./shape.ts";
import type { Tensor } from "./tensor.ts";
import { contiguous, permute, reshape } from "./views.ts";

/**
 * `x` summed over the axes that `shape` lacks or where it has size 1: the gradient of what was repeated to the shape of `x`.
 *
 * @throws {TypeError} if an axis of `shape` is neither 1 nor that of `x`
 */
export function sumTo(x: Tensor, shape: Shape): Tensor {
  if (sameShape(x.shape, shape)) return x;
  const missing = x.shape.length - shape.length;
  const axes = x.shape.map((_, axis) => axis);
  const isKept = (axis: number) => axis >= missing && shape[axis - missing] === x.shape[axis];
  const [kept, summed] = [axes.filter(isKept), axes.filter((axis) => !isKept(axis))];
  if (missing < 0 || summed.some((axis) => axis >= missing && shape[axis - missing] !== 1)) {
    throw new TypeError(`Cannot sum ${x}: received the shape (${shape.join(", ")})`);
  }
  const numSummed = numElements(summed.map((axis) => x.shape[axis]));
  // What is summed goes outside, so that whole rows are added to each other.
  const isOutside = summed.every((axis, i) => axis === i);
  const ordered = isOutside ? x : permute(x, [...summed, ...kept]);
  const rows = reshape(contiguous(ordered), [numSummed, x.size / numSummed]);
  return reshape(sumOfRows(rows), shape);
}
