/**
 * A tensor: a shape, an element type, and a place in native memory that something else owns.
 *
 * @module
 */
import { showFields } from "../base/show_fields.ts";
import { describe } from "../base/describe.ts";
import type { Pointer } from "../ffi/memory.ts";
import { rowBytes, type TensorType, tensorTypeInfo } from "../formats/tensor_type.ts";
import type { Backend } from "./backend.ts";
import type { IdRange } from "./id_range.ts";
import { checkKey, KEY, type Key } from "./illegal_constructor.ts";
import { formatShape, numElements, type Shape } from "./shape.ts";

/** What tensors borrow their memory from: a buffer, or the graph that computes them. It knows what may be done to them. */
export interface TensorOwner {
  /** Where they are computed with. */
  readonly backend: Backend;
  /** Throws if the memory is gone. */
  checkUsable(): void;
  /** Throws unless the elements can be read now. */
  checkReadable(x: TensorRecord): void;
  /** Throws unless the elements can be written now. */
  checkWritable(x: TensorRecord): void;
}

/** ggml's record of a tensor, and what has to be known of it beyond that. Several tensors may look at one. */
export class TensorRecord {
  /** Whether something that is wanted is computed from it. */
  isRequired = false;

  /**
   * @param pointer ggml's record; valid as long as the owner is
   * @param owner whose memory it is
   * @param sources what it is computed from
   * @param details `viewOf`: whose memory it shares, `isWhole`: all of it in the same order; `ids`: which integers it holds; `isBorrowed`: whether it is only
   *   another record of the tensor of a buffer
   */
  constructor(
    readonly pointer: Pointer,
    readonly owner: TensorOwner,
    readonly sources: readonly TensorRecord[] = [],
    readonly details: {
      readonly viewOf?: TensorRecord;
      readonly isWhole?: boolean;
      readonly ids?: IdRange;
      readonly isBorrowed?: boolean;
    } = {},
  ) {}
}

/** How a tensor lays out its elements. */
export interface TensorLayout {
  /** Sizes of the axes, outermost first. */
  readonly shape: Shape;
  /** Distance in bytes between neighbours along each axis. Default: those of elements that lie side by side. */
  readonly strides?: readonly number[];
  /** The element type. */
  readonly dtype: TensorType;
}

/** Whether something is a tensor, and not only looks like one. */
export let isTensor: (x: unknown) => x is Tensor;

/** Whether a tensor has the strides of a new one, also along axes of size 1, where they do not matter. */
export let isDense: (x: Tensor) => boolean;

// These reach into tensors. They are for this package: to its users a tensor has no address.

/** A tensor that looks at a record. The lists of the layout cannot be changed any more. */
export let createTensor: (record: TensorRecord, layout: TensorLayout) => Tensor;

/**
 * The record that a tensor looks at.
 *
 * @throws {TypeError} if it is no tensor, which the message says with the `action`
 */
export let recordOf: (x: Tensor, action?: string) => TensorRecord;

/**
 * An n-dimensional array of ggml, n from 1 to 4. A tensor borrows its memory: weights and caches belong to a buffer,
 * everything computed belongs to a {@linkcode Graph}. There is no constructor for users: tensors come from
 * `Graph.input()` and from operations.
 */
export class Tensor {
  readonly #shape: Shape;
  /** Computed when they are asked for, where the elements lie side by side. */
  #strides: readonly number[] | undefined;
  readonly #dtype: TensorType;
  readonly #record: TensorRecord;
  #isContiguous = true;
  /** Whether the strides are those of a new tensor, also along axes of size 1. */
  #isDense = true;

  private constructor(key: Key, record: TensorRecord, layout: TensorLayout) {
    checkKey(key, "Tensor");
    const { shape, strides, dtype } = layout;
    // Nobody can change these: what was checked once stays true.
    this.#shape = Object.freeze(shape);
    this.#dtype = dtype;
    this.#record = record;
    if (strides === undefined) return;
    this.#strides = Object.freeze(strides);
    const natural = contiguousStrides(dtype, shape);
    for (let axis = 0; axis < shape.length; axis++) {
      if (strides[axis] === natural[axis]) continue;
      this.#isDense = false;
      if (shape[axis] > 1) this.#isContiguous = false;
    }
  }

  static {
    showFields(Tensor, ({ shape, dtype }) => ({ shape, dtype }));
    createTensor = (record, layout) => new Tensor(KEY, record, layout);
    isTensor = (x): x is Tensor => typeof x === "object" && x !== null && #record in x;
    isDense = (x) => x.#isDense;
    recordOf = (x, action = "use") => {
      if (!isTensor(x)) {
        throw new TypeError(`Cannot ${action} ${describe(x)}: a tensor is needed.`);
      }
      return x.#record;
    };
  }

  /** Sizes of the axes, outermost first. */
  get shape(): Shape {
    return this.#shape;
  }

  /** Distance in bytes between neighbours along each axis, outermost first. */
  get strides(): readonly number[] {
    return this.#strides ??= Object.freeze(contiguousStrides(this.#dtype, this.#shape));
  }

  /** The element type. */
  get dtype(): TensorType {
    return this.#dtype;
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
    return this.#isContiguous;
  }

  /** `f32 (2, 3, 4)`. */
  toString(): string {
    return `${this.dtype} ${formatShape(this.shape)}`;
  }
}

/** How an f32 tensor lays out its elements, side by side. */
export function f32Layout(shape: Shape): TensorLayout {
  return { shape, dtype: "f32" };
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
