// Sums of rows, beside their definition.

import { assert } from "@std/assert";
import { Graph } from "../../../src/tensor/graph.ts";
import { sumOverRows } from "../../../src/tensor/training/sum_over_rows.ts";
import { permute, slice } from "../../../src/tensor/views.ts";
import { assertClose } from "../../close.ts";
import { f32 } from "../evaluate.ts";
import { assertRefused, backend, compute, F32_ROUNDING, noise, testKernel } from "./run_kernels.ts";

function define(x: ArrayLike<number>, columns: number): number[] {
  const sums = new Array<number>(columns).fill(0);
  for (let i = 0; i < x.length; i++) sums[i % columns] += x[i];
  return sums;
}

/** Of a sum: numbers that are added one by one, all to the same, lose more. */
const MOST_LOST = 5e-7;

testKernel("sumOverRows() equals its definition", () => {
  for (const shape of [[1, 1], [3, 65], [127, 1], [300, 2304], [65, 127], [2, 3, 5, 50], [17]]) {
    const x = noise(shape.reduce((a, b) => a * b));
    const columns = shape.at(-1)!;
    const tolerance = F32_ROUNDING * Math.sqrt(x.length / columns);
    assertClose(compute([f32(shape, x)], sumOverRows), define(x, columns), tolerance, `${shape}`);
  }
});

testKernel("sumOverRows() keeps the digits of thousands of numbers of one sign", () => {
  const x = noise(2048 * 20).map((value) => Math.abs(value));
  const expected = define(x, 20);
  const worst = (sums: ArrayLike<number>) =>
    Math.max(...expected.map((sum, i) => Math.abs(sums[i] / sum - 1)));
  const oneByOne = new Float32Array(20);
  x.forEach((value, i) => oneByOne[i % 20] += value);
  assert(worst(oneByOne) > MOST_LOST, `${worst(oneByOne)}`);
  const found = worst(compute([f32([2048, 20], x)], sumOverRows));
  assert(found < MOST_LOST, `${found}`);
});

testKernel("sumOverRows() takes rows with gaps, in any order", () => {
  const x = noise(4 * 5 * 30);
  const part = x.filter((_, at) => at % 30 >= 3 && at % 30 < 25);
  const actual = compute(
    [f32([4, 5, 30], x)],
    (x) => sumOverRows(permute(slice(x, 2, 3, 25), [1, 0, 2])),
  );
  assertClose(actual, define(part, 22), F32_ROUNDING * Math.sqrt(20));
});

testKernel("sumOverRows() refuses other types and strides", () => {
  using graph = new Graph(backend);
  const turned = permute(graph.input([2, 3], "f32", "x"), [1, 0]);
  assertRefused([
    ["f32 is needed", () => sumOverRows(graph.input([2, 3], "f16", "x"))],
    ["not contiguous", () => sumOverRows(turned)],
  ]);
});
