/** Plain arrays with strides, and the operations of ggml on them, as strict as ggml is. Counts what they cost. */
import { assert } from "@std/assert";
import type { Operations } from "../../src/einops/apply.ts";
import { naiveReduction } from "./naive_einops.ts";
import type { Random } from "./random_pattern.ts";
import { MAX_AXES, numElements, type Shape } from "../../src/tensor/shape.ts";

/** What applying a plan took. */
export interface Cost {
  views: number;
  copies: number;
  matmuls: number;
}

export class StridedArray {
  readonly shape: Shape;
  readonly strides: readonly number[];
  readonly offset: number;
  readonly data: readonly number[];

  constructor(
    shape: Shape,
    data: readonly number[],
    strides: readonly number[] = rowMajor(shape),
    offset = 0,
  ) {
    assert(shape.length >= 1 && shape.length <= MAX_AXES, `rank of (${shape})`);
    this.shape = shape;
    this.strides = strides;
    this.offset = offset;
    this.data = data;
  }

  get isContiguous(): boolean {
    const expected = rowMajor(this.shape);
    return this.shape.every((size, axis) => size === 1 || this.strides[axis] === expected[axis]);
  }

  get hasContiguousRows(): boolean {
    return this.strides.at(-1) === 1;
  }

  at(index: readonly number[]): number {
    return this.data[index.reduce((sum, i, axis) => sum + i * this.strides[axis], this.offset)];
  }

  /** The elements in row-major order. */
  toArray(): number[] {
    return indices(this.shape).map((index) => this.at(index));
  }
}

/** Every index of a shape, in row-major order. */
export function indices(shape: Shape): number[][] {
  let all: number[][] = [[]];
  for (const size of shape) {
    all = all.flatMap((index) => Array.from({ length: size }, (_, i) => [...index, i]));
  }
  return all;
}

/** Small integers in a random layout: side by side, or with axes in another order in memory, with gaps between. */
export function randomArray(random: Random, shape: Shape): StridedArray {
  const integers = (length: number) => Array.from({ length }, () => random.integer(-3, 3));
  if (random.chance(0.5)) return new StridedArray(shape, integers(numElements(shape)));
  const inMemory = random.chance(0.5) ? random.shuffle([...shape.keys()]) : [...shape.keys()];
  const withGaps = random.chance(0.5);
  const strides = shape.map(() => 0);
  let stride = 1;
  for (const axis of inMemory.toReversed()) {
    strides[axis] = stride;
    stride *= shape[axis] + (withGaps ? random.integer(0, 1) : 0);
  }
  const offset = random.integer(0, 2);
  return new StridedArray(shape, integers(stride + offset), strides, offset);
}

/**
 * The operations, and what they have cost so far.
 *
 * @param multipliesAnyRows whether products read rows whose elements lie apart
 */
export function countedOperations(
  multipliesAnyRows = false,
): { ops: Operations<StridedArray>; cost: Cost } {
  const cost: Cost = { views: 0, copies: 0, matmuls: 0 };
  const view = (x: StridedArray, shape: Shape, strides: readonly number[], offset = x.offset) => {
    cost.views++;
    assert(numElements(shape) <= x.data.length);
    return new StridedArray(shape, x.data, strides, offset);
  };
  // ggml's views step element by element along the innermost axis.
  const viewOfRows = (
    x: StridedArray,
    shape: Shape,
    strides: readonly number[],
    offset?: number,
  ) => {
    assert(x.hasContiguousRows, "a view needs contiguous rows");
    const result = view(x, shape, shape.at(-1) === 1 ? strides.with(-1, 1) : strides, offset);
    assert(result.hasContiguousRows, "a view has contiguous rows");
    return result;
  };
  const ops: Operations<StridedArray> = {
    hasContiguousRows: (x) => x.hasContiguousRows,
    rowAxis: (x) => x.strides.findIndex((stride, axis) => stride === 1 && x.shape[axis] > 1),
    multipliesAnyRows,
    reshape(x, shape) {
      assert(x.isContiguous, "reshape needs a contiguous array");
      assert(numElements(shape) === numElements(x.shape));
      return view(x, shape, rowMajor(shape));
    },
    permute(x, axes) {
      assert(axes.toSorted().every((axis, i) => axis === i) && axes.length === x.shape.length);
      return view(x, axes.map((axis) => x.shape[axis]), axes.map((axis) => x.strides[axis]));
    },
    slice(x, axis, start, end) {
      assert(0 <= start && start < end && end <= x.shape[axis]);
      const offset = x.offset + start * x.strides[axis];
      return viewOfRows(x, x.shape.with(axis, end - start), x.strides, offset);
    },
    splitAxis(x, axis, sizes) {
      assert(numElements(sizes) === x.shape[axis]);
      const strides = rowMajor(sizes).map((stride) => stride * x.strides[axis]);
      return viewOfRows(
        x,
        x.shape.toSpliced(axis, 1, ...sizes),
        x.strides.toSpliced(axis, 1, ...strides),
      );
    },
    canMergeAxes(x, axis, count) {
      const axes = x.shape.map((_, i) => i).slice(axis, axis + count);
      const long = axes.filter((i) => x.shape[i] > 1);
      const adjacent = long.every((i, at) =>
        at === 0 || x.strides[long[at - 1]] === x.strides[i] * x.shape[i]
      );
      const isInnermost = axis + count === x.shape.length && long.length > 0;
      return adjacent && (!isInnermost || x.strides[long.at(-1)!] === 1);
    },
    mergeAxes(x, axis, count) {
      assert(ops.canMergeAxes(x, axis, count), "axes cannot be merged");
      const long = x.shape.findLastIndex((size, i) => i >= axis && i < axis + count && size > 1);
      const stride = x.strides[long < 0 ? axis + count - 1 : long];
      const size = numElements(x.shape.slice(axis, axis + count));
      return viewOfRows(
        x,
        x.shape.toSpliced(axis, count, size),
        x.strides.toSpliced(axis, count, stride),
      );
    },
    contiguous(x) {
      if (x.isContiguous) return x;
      cost.copies++;
      return new StridedArray(x.shape, x.toArray());
    },
    diagonal(x) {
      assert(x.isContiguous, "diagonal needs a contiguous array");
      assert(x.shape.at(-2) === x.shape.at(-1));
      const strides = rowMajor(x.shape);
      const [row, column] = strides.slice(-2);
      return view(x, x.shape.with(-1, 1), strides.with(-2, row + column).with(-1, column));
    },
    reduceRows(x, operation) {
      assert(x.hasContiguousRows, "reduceRows needs contiguous rows");
      const shape = x.shape.with(-1, 1);
      const width = x.shape.at(-1)!;
      const data = indices(shape).map((index) =>
        naiveReduction(operation, Array.from({ length: width }, (_, i) => x.at(index.with(-1, i))))
      );
      return new StridedArray(shape, data);
    },
    broadcastTo(x, shape) {
      assert(x.hasContiguousRows, "broadcastTo needs contiguous rows");
      assert(x.shape.length === shape.length);
      assert(x.shape.every((size, axis) => size === 1 || size === shape[axis]));
      const data = indices(shape).map((index) => x.at(index.map((i, axis) => i % x.shape[axis])));
      return new StridedArray(shape, data);
    },
    matmul(weight, x) {
      cost.matmuls++;
      assert(
        multipliesAnyRows || weight.hasContiguousRows && x.hasContiguousRows,
        "matmul needs contiguous rows",
      );
      const missing = x.shape.length - weight.shape.length;
      assert(missing >= 0 && weight.shape.length >= 2);
      assert(weight.shape.at(-1) === x.shape.at(-1), "matmul needs one inner size");
      const shape = x.shape.with(-1, weight.shape.at(-2)!);
      const inner = Array.from({ length: x.shape.at(-1)! }, (_, i) => i);
      const data = indices(shape).map((index) => {
        const row = index.at(-1)!;
        const outer = index.slice(missing, -2).map((i, axis) => {
          const repeats = x.shape[axis + missing] / weight.shape[axis];
          assert(Number.isInteger(repeats), "outer axes do not fit");
          return Math.floor(i / repeats);
        });
        return inner.reduce(
          (sum, i) => sum + weight.at([...outer, row, i]) * x.at(index.with(-1, i)),
          0,
        );
      });
      return new StridedArray(shape, data);
    },
  };
  return { ops, cost };
}

function rowMajor(shape: Shape): number[] {
  return shape.map((_, axis) => numElements(shape.slice(axis + 1)));
}
