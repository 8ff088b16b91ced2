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
 * What was repeated as a whole, several times one after another, is summed over these times.
 *
 * @throws {TypeError} if an axis of `shape` is none that was repeated to that of `x`
 */
export function sumTo(x: Tensor, shape: Shape): Tensor {
  if (sameShape(x.shape, shape)) return x;
  for (let i = 1; i <= Math.min(shape.length, x.shape.length); i++) {
    const [from, to] = [x.shape.at(-i)!, shape.at(-i)!];
    if (to === 1 || to === from || from % to !== 0) continue;
    const outer = numElements(x.shape.slice(0, -i));
    return sumTo(sumOfParts(x, outer, from / to, x.shape.with(-i, to)), shape);
  }
  const missing = x.shape.length - shape.length;
  const axes = x.shape.map((_, axis) => axis);
  const isKept = (axis: number) => axis >= missing && shape[axis - missing] === x.shape[axis];
  const [kept, summed] = [axes.filter(isKept), axes.filter((axis) => !isKept(axis))];
  if (missing < 0 || summed.some((axis) => axis >= missing && shape[axis - missing] !== 1)) {
    throw new TypeError(`Cannot sum ${x}: received the shape (${shape.join(", ")}).`);
  }
  const numSummed = numElements(summed.map((axis) => x.shape[axis]));
  // What is summed goes outside, so that whole rows are added to each other.
  const isOutside = summed.every((axis, i) => axis === i);
  const ordered = isOutside ? x : permute(x, [...summed, ...kept]);
  const rows = reshape(contiguous(ordered), [numSummed, x.size / numSummed]);
  return reshape(sumOfRows(rows), shape);
}

/**
 * The sum of parts that lie one after another within each of some outer parts.
 *
 * @param x (outer times inner), however its axes are divided
 * @param shape of the result: (outer inner)
 */
export function sumOfParts(x: Tensor, outer: number, times: number, shape: Shape): Tensor {
  const parts = reshape(contiguous(x), [outer, times, x.size / (outer * times)]);
  const rows = contiguous(permute(parts, [1, 0, 2]));
  return reshape(sumOfRows(reshape(rows, [times, x.size / times])), shape);
}
