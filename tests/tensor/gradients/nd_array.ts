/** Operations on arrays in double precision, index by index: what those on tensors compute, to compare with. */

/** Elements in row-major order. */
export interface NdArray {
  readonly shape: readonly number[];
  readonly data: Float64Array;
}

type Index = readonly number[];

/** How many elements an array of a shape has. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((size, n) => size * n, 1);
}

/** An array of what a function says of each index. */
export function generate(shape: readonly number[], at: (index: Index) => number): NdArray {
  const data = new Float64Array(sizeOf(shape));
  const index = new Array<number>(shape.length).fill(0);
  for (let i = 0; i < data.length; i++) {
    data[i] = at(index);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      if (++index[axis] < shape[axis]) break;
      index[axis] = 0;
    }
  }
  return { shape, data };
}

/** The element at an index; axes of size 1 have the same everywhere, and those in front may be missing. */
export function element({ shape, data }: NdArray, index: Index): number {
  const own = index.slice(index.length - shape.length);
  return data[shape.reduce((offset, size, i) => offset * size + own[i] % size, 0)];
}

/** A function of the elements of an array, one by one. */
export function map(x: NdArray, of: (value: number) => number): NdArray {
  return { shape: x.shape, data: x.data.map(of) };
}

/** A function of elements of two arrays, of which the second is repeated. */
export function zip(a: NdArray, b: NdArray, of: (a: number, b: number) => number): NdArray {
  return generate(a.shape, (index) => of(element(a, index), element(b, index)));
}

/** The same elements under another shape. */
export function reshaped({ data }: NdArray, shape: readonly number[]): NdArray {
  return { shape, data };
}

/** Axis `i` of the result is axis `axes[i]`. */
export function permuted(x: NdArray, axes: readonly number[]): NdArray {
  return generate(
    axes.map((axis) => x.shape[axis]),
    (index) => element(x, axes.map((_, axis) => index[axes.indexOf(axis)])),
  );
}

/** Elements `start` to `end` along an axis. */
export function sliced(x: NdArray, axis: number, start: number, end: number): NdArray {
  return generate(
    x.shape.with(axis, end - start),
    (index) => element(x, index.with(axis, index[axis] + start)),
  );
}

/** Row by row, of any length. */
export function mapRows(x: NdArray, of: (row: Float64Array, i: number) => number[]): NdArray {
  const width = x.shape.at(-1)!;
  const rows = Array.from(
    { length: x.data.length / width },
    (_, i) => of(x.data.subarray(i * width, (i + 1) * width), i),
  );
  return { shape: x.shape.with(-1, rows[0].length), data: Float64Array.from(rows.flat()) };
}

/** `(..., rows, inner)` times `(..., cols, inner)` to `(..., cols, rows)`; neighbours of `x` share a weight. */
export function product(weight: NdArray, x: NdArray): NdArray {
  const rank = x.shape.length;
  const inner = x.shape[rank - 1];
  return generate([...x.shape.slice(0, -1), weight.shape[rank - 2]], (index) => {
    const outer = index.slice(0, -2);
    const shared = outer.map((i, axis) => Math.floor(i * weight.shape[axis] / x.shape[axis]));
    const [column, row] = index.slice(-2);
    let sum = 0;
    for (let i = 0; i < inner; i++) {
      sum += element(weight, [...shared, row, i]) * element(x, [...outer, column, i]);
    }
    return sum;
  });
}

/** The powers of e of a row, divided by their sum. */
export function softmaxOf(row: ArrayLike<number>): number[] {
  const values = Array.from(row);
  const largest = Math.max(...values);
  const powers = values.map((x) => Math.exp(x - largest));
  const sum = powers.reduce((a, b) => a + b);
  return powers.map((power) => power / sum);
}

/** The error function: by its series, and far from 0, where terms cancel out, by its continued fraction. */
export function erf(x: number): number {
  if (Math.abs(x) > 3) {
    const far = Math.abs(x);
    let fraction = 0;
    for (let k = 60; k > 0; k--) fraction = k / 2 / (far + fraction);
    return Math.sign(x) * (1 - Math.exp(-x * x) / Math.sqrt(Math.PI) / (far + fraction));
  }
  let [term, sum] = [x, x];
  for (let n = 1; n < 100; n++) {
    term *= -x * x / n;
    sum += term / (2 * n + 1);
  }
  return 2 / Math.sqrt(Math.PI) * sum;
}
