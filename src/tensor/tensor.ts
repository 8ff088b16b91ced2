/**
 * A tensor: a shape, an element type, and a place in native memory that something else owns.
 *
 * @module
 */
import type { Pointer } from "../ffi/memory.ts";
import { rowBytes, type TensorType, tensorTypeInfo } from "../formats/tensor_type.ts";
import type { Graph } from "./graph.ts";
import { formatShape, numElements, type Shape } from "./shape.ts";

/** What a {@linkcode Tensor} is made of. */
export interface TensorFields {
  /** Sizes of the axes, outermost first. */
  shape: Shape;
  /** Distance in bytes between neighbours along each axis. Default: those of elements that lie side by side. */
  strides?: readonly number[];
  /** The element type. */
  dtype: TensorType;
  /** ggml's own record of the tensor. */
  pointer: Pointer;
  /** The graph that computes it, if one does. */
  graph?: Graph;
}

/**
 * An n-dimensional array of ggml, n from 1 to 4. A tensor borrows its memory: weights and caches belong to a
 * {@linkcode Buffer}, everything computed belongs to a {@linkcode Graph}.
 */
export class Tensor {
  /** Sizes of the axes, outermost first. */
  readonly shape: Shape;
  /** Distance in bytes between neighbours along each axis, outermost first. */
  readonly strides: readonly number[];
  /** The element type. */
  readonly dtype: TensorType;
  /** ggml's own record of this tensor. */
  readonly pointer: Pointer;
  /** The graph that computes this tensor; `undefined` for weights and caches. */
  readonly graph: Graph | undefined;

  /** Used by the operations; a user gets tensors from a graph or a buffer. */
  constructor(fields: TensorFields) {
    this.shape = fields.shape;
    this.strides = fields.strides ?? contiguousStrides(fields.dtype, fields.shape);
    this.dtype = fields.dtype;
    this.pointer = fields.pointer;
    this.graph = fields.graph;
  }

  /** The number of elements. */
  get size(): number {
    return numElements(this.shape);
  }

  /** The number of bytes the elements take when they lie side by side. */
  get byteLength(): number {
    const width = this.shape[this.shape.length - 1];
    return rowBytes(this.dtype, width) * (this.size / width);
  }

  /** Whether the elements lie side by side in row-major order. Axes of size 1 do not matter. */
  get isContiguous(): boolean {
    const expected = contiguousStrides(this.dtype, this.shape);
    return this.shape.every((size, axis) => size === 1 || this.strides[axis] === expected[axis]);
  }

  /** `f32 (2, 3, 4)`. */
  toString(): string {
    return `${this.dtype} ${formatShape(this.shape)}`;
  }
}

/** The byte strides, outermost first, of a tensor whose elements lie side by side in row-major order. */
export function contiguousStrides(dtype: TensorType, shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  const last = shape.length - 1;
  strides[last] = tensorTypeInfo(dtype).blockBytes;
  let stride = rowBytes(dtype, shape[last]);
  for (let axis = last - 1; axis >= 0; axis--) {
    strides[axis] = stride;
    stride *= shape[axis];
  }
  return strides;
}
