/**
 * One number made of each row of a tensor, where ggml has the operation or it can be made of those that ggml has.
 *
 * @module
 */
import { multiply, scale } from "../tensor/elementwise.ts";
import { sumLastAxis } from "../tensor/ops.ts";
import { pick, topK } from "../tensor/tables.ts";
import { numElements } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { contiguous, reshape, slice } from "../tensor/views.ts";
import type { Reduction } from "./lower.ts";

/**
 * Reduces the innermost axis, which stays with size 1.
 *
 * @param x (..., width), f32
 * @returns (..., 1), f32
 */
export function reduceRows(x: Tensor, operation: Reduction): Tensor {
  switch (operation) {
    case "sum":
      return sumLastAxis(x);
    case "mean":
      return scale(sumLastAxis(x), 1 / x.shape[x.shape.length - 1]);
    case "max":
      return largestOfRows(x);
    case "min":
      return scale(largestOfRows(scale(x, -1)), -1);
    case "prod":
      return productOfRows(x);
  }
}

/** ggml only tells where the largest element is. */
function largestOfRows(x: Tensor): Tensor {
  const outer = x.shape.slice(0, -1);
  const rows = reshape(contiguous(x), [numElements(outer), x.shape[x.shape.length - 1]]);
  return reshape(pick(rows, topK(rows, 1)), [...outer, 1]);
}

/** One half of the row is multiplied with the other, again and again; an odd element waits for the end. */
function productOfRows(x: Tensor): Tensor {
  const axis = x.shape.length - 1;
  let halves = x;
  let odd: Tensor | undefined;
  for (let width = x.shape[axis]; width > 1; width >>= 1) {
    const half = width >> 1;
    if (width % 2 === 1) {
      const last = slice(halves, axis, width - 1, width);
      odd = odd === undefined ? last : multiply(odd, last);
    }
    halves = multiply(slice(halves, axis, 0, half), slice(halves, axis, half, 2 * half));
  }
  return odd === undefined ? halves : multiply(halves, odd);
}
