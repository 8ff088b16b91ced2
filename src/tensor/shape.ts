/**
 * Shapes as this project writes them, outermost axis first, and their translation to ggml, which counts from the
 * innermost axis (`ne[0]`). This file is the only place where the reversed order exists.
 *
 * @module
 */

import { describe } from "../base/describe.ts";

/** Sizes of the axes, outermost first: `[batch, seq, embed]`. */
export type Shape = readonly number[];

/** The number of axes a ggml tensor can have. */
export const MAX_AXES = 4;

/** Four sizes or strides in ggml's order, innermost first. */
export type NativeDims = [bigint, bigint, bigint, bigint];

/** How many elements a tensor of this shape holds. */
export function numElements(shape: Shape): number {
  let product = 1;
  for (let axis = 0; axis < shape.length; axis++) product *= shape[axis];
  return product;
}

/** Whether two shapes are the same. */
export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((size, axis) => size === b[axis]);
}

/** `(2, 3, 4)`, as it appears in messages. */
export function formatShape(shape: Shape): string {
  return `(${shape.join(", ")})`;
}

/**
 * A copy of a shape, which is what was checked whatever becomes of the caller's list. Throws unless it has one to four axes,
 * each a positive integer, and its elements can be counted exactly.
 */
export function checkedShape(action: string, list: Shape): Shape {
  if (!Array.isArray(list)) {
    throw new TypeError(
      `Cannot ${action}: a shape is a list of sizes: received ${describe(list)}`,
    );
  }
  const shape = [...list];
  if (shape.length < 1 || shape.length > MAX_AXES) {
    throw new TypeError(
      `Cannot ${action}: a tensor has 1 to ${MAX_AXES} axes: received ${formatShape(shape)}`,
    );
  }
  for (const size of shape) {
    if (!Number.isSafeInteger(size) || size < 1) {
      throw new RangeError(
        `Cannot ${action}: each axis has a positive integer size: received ${formatShape(shape)}`,
      );
    }
  }
  if (!Number.isSafeInteger(numElements(shape) * 8)) {
    throw new RangeError(`Cannot ${action}: too large: received ${formatShape(shape)}`);
  }
  return shape;
}

/** ggml's `ne`: innermost first, filled up with ones. */
export function nativeSizes(shape: Shape): NativeDims {
  const at = (axisFromInside: number) =>
    BigInt(axisFromInside < shape.length ? shape[shape.length - 1 - axisFromInside] : 1);
  return [at(0), at(1), at(2), at(3)];
}

/**
 * ggml's `nb[1..3]`: the byte strides of all axes but the innermost. Axes that do not exist get the stride that a
 * contiguous tensor would have.
 */
export function nativeStrides(shape: Shape, strides: readonly number[]): [bigint, bigint, bigint] {
  const outer = strides[0] * shape[0];
  const at = (axisFromInside: number) =>
    BigInt(axisFromInside < shape.length ? strides[shape.length - 1 - axisFromInside] : outer);
  return [at(1), at(2), at(3)];
}

/** The axis counted from the innermost one, as ggml counts. */
export function nativeAxis(shape: Shape, axis: number): number {
  return shape.length - 1 - axis;
}
