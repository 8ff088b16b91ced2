// The gradient of looking rows up, beside its definition.

import { assertEquals } from "@std/assert";
import { Graph } from "../../../src/tensor/graph.ts";
import { scale } from "../../../src/tensor/elementwise.ts";
import { topK } from "../../../src/tensor/tables.ts";
import { addRowsAt } from "../../../src/tensor/training/add_rows_at.ts";
import { permute, reshape } from "../../../src/tensor/views.ts";
import { assertClose } from "../../close.ts";
import { f32, i32 } from "../evaluate.ts";
import { assertRefused, backend, compute, F32_ROUNDING, noise, testKernel } from "./run_kernels.ts";

function define(
  table: ArrayLike<number>,
  ids: readonly number[],
  rows: ArrayLike<number>,
  width: number,
) {
  const result = Array.from(table);
  ids.forEach((id, row) => {
    for (let i = 0; i < width; i++) result[id * width + i] += rows[row * width + i];
  });
  return result;
}

testKernel("addRowsAt() adds rows to zeros, and to those of a table", () => {
  for (const [numRows, width, count] of [[1, 1, 1], [3, 65, 40], [127, 3, 65], [1000, 50, 7]]) {
    const ids = Array.from({ length: count }, (_, i) => i * 31 % numRows);
    const [table, rows] = [noise(numRows * width), noise(count * width)];
    const tolerance = F32_ROUNDING * Math.sqrt(count);
    const fresh = compute(
      [i32([count], ids), f32([count, width], rows)],
      (ids, rows) => addRowsAt(undefined, ids, rows, numRows),
    );
    assertClose(fresh, define(new Float32Array(numRows * width), ids, rows, width), tolerance);
    const added = compute(
      [f32([numRows, width], table), i32([count], ids), f32([count, width], rows)],
      (table, ids, rows) => addRowsAt(scale(table, 1), ids, rows, numRows),
    );
    assertClose(added, define(table, ids, rows, width), tolerance);
  }
});

testKernel("addRowsAt() takes ids of any shape, and rows in any order", () => {
  const ids = [4, 0, 4, 2, 1, 4], rows = noise(6 * 9);
  const expected = define(new Float32Array(45), ids, rows, 9);
  const actual = compute(
    [i32([2, 3], ids), f32([2, 3, 9], rows)],
    (ids, rows) => addRowsAt(undefined, ids, rows, 5),
  );
  assertClose(actual, expected, F32_ROUNDING);
  const turned = rows.map((_, at) => rows[at % 6 * 9 + Math.floor(at / 6)]);
  const strided = compute(
    [i32([6], ids), f32([9, 6], turned)],
    (ids, rows) => addRowsAt(undefined, ids, permute(rows, [1, 0]), 5),
  );
  assertEquals(strided, actual);
});

testKernel("addRowsAt() refuses other shapes and types, and ids of rows that there are not", () => {
  using graph = new Graph(backend);
  const input = (shape: number[], dtype: "f32" | "i32" = "f32") => graph.input(shape, dtype, "x");
  const ids = input([3], "i32"), rows = input([3, 4]), table = input([5, 4]);
  const turned = permute(input([4, 5]), [1, 0]);
  assertRefused([
    ["ids of its rows", () => addRowsAt(table, input([4], "i32"), rows, 5)],
    ["ids of its rows", () => addRowsAt(table, input([3]), rows, 5)],
    ["(..., width) is needed", () => addRowsAt(table, ids, input([3]), 5)],
    ["f32 is needed", () => addRowsAt(table, ids, input([3, 4], "i32"), 5)],
    ["as the table", () => addRowsAt(input([6, 4]), ids, rows, 5)],
    ["as the table", () => addRowsAt(input([5, 3]), ids, rows, 5)],
    ["side by side", () => addRowsAt(turned, ids, rows, 5)],
    ["positive integer", () => addRowsAt(undefined, ids, rows, 0), RangeError],
  ]);
  const computed = reshape(topK(scale(input([1, 9]), 1), 3), [3]);
  assertRefused([["", () => addRowsAt(undefined, computed, rows, 5), RangeError]]);
  graph.output(addRowsAt(undefined, ids, rows, 5));
  graph.allocate();
  assertRefused([
    ["from 0 to 4", () => graph.write(ids, Int32Array.of(0, 5, 1)), RangeError],
    ["from 0 to 4", () => graph.write(ids, Int32Array.of(0, -1, 1)), RangeError],
  ]);
});
