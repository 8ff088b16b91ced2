// Products of matrices in any order of axes, beside their definition.

import { assert, assertEquals } from "@std/assert";
import { Graph } from "../../../src/tensor/graph.ts";
import type { Tensor } from "../../../src/tensor/tensor.ts";
import { stridedProduct } from "../../../src/tensor/training/strided_product.ts";
import { permute, slice } from "../../../src/tensor/views.ts";
import { assertClose, maxDifference } from "../../close.ts";
import { f32, i32 } from "../evaluate.ts";
import {
  assertRefused,
  backend,
  compute,
  F32_ROUNDING,
  noise,
  testKernel,
  toBF16,
} from "./run_kernels.ts";

/** The last two axes exchanged. */
const turned = (x: Tensor) =>
  permute(
    x,
    [...x.shape.keys()].map((axis, i, { length }) => i < length - 2 ? axis : 2 * length - 3 - i),
  );

/** In double precision: x is `count` matrices (cols inner), weight as many (rows inner), or one. */
function product(
  x: ArrayLike<number>,
  weight: ArrayLike<number>,
  { count, cols, rows, inner }: { count: number; cols: number; rows: number; inner: number },
): number[] {
  const isShared = weight.length === rows * inner;
  return Array.from({ length: count * cols * rows }, (_, at) => {
    const r = at % rows, c = Math.floor(at / rows), matrix = isShared ? 0 : Math.floor(c / cols);
    let sum = 0;
    for (let i = 0; i < inner; i++) {
      sum += x[c * inner + i] * weight[(matrix * rows + r) * inner + i];
    }
    return sum;
  });
}

/** The numbers of matrices (rows columns) as they lie with both exchanged. */
function transposed(x: ArrayLike<number>, rows: number, columns: number): Float32Array {
  const size = rows * columns;
  return Float32Array.from({ length: x.length }, (_, at) => {
    const matrix = Math.floor(at / size), column = Math.floor(at % size / rows), row = at % rows;
    return x[matrix * size + row * columns + column];
  });
}

const SHAPES = [
  { count: 1, cols: 1, rows: 1, inner: 1 },
  { count: 1, cols: 1, rows: 3, inner: 65 },
  { count: 1, cols: 3, rows: 1, inner: 127 },
  { count: 1, cols: 13, rows: 33, inner: 2 },
  { count: 1, cols: 29, rows: 48, inner: 31 },
  { count: 3, cols: 15, rows: 17, inner: 64 },
  { count: 2, cols: 65, rows: 127, inner: 300 },
  { count: 1, cols: 40, rows: 600, inner: 700 },
];

/** Sums of so many products of values around 1 are that much larger. */
const tolerance = (inner: number) => F32_ROUNDING * Math.sqrt(inner);

for (const precision of ["f32", "bf16"] as const) {
  testKernel(
    `stridedProduct() in ${precision} equals its definition in every order of axes`,
    () => {
      for (const shape of SHAPES) {
        const { count, cols, rows, inner } = shape;
        const [x, weight] = [noise(count * cols * inner), noise(count * rows * inner)];
        const round = precision === "bf16" ? toBF16 : (x: ArrayLike<number>) => x;
        const expected = product(round(x), round(weight), shape);
        for (
          const [xTurned, weightTurned] of [[false, false], [true, false], [false, true], [
            true,
            true,
          ]]
        ) {
          const actual = compute([
            f32(
              [count, ...(xTurned ? [inner, cols] : [cols, inner])],
              xTurned ? transposed(x, cols, inner) : x,
            ),
            f32(
              [count, ...(weightTurned ? [inner, rows] : [rows, inner])],
              weightTurned ? transposed(weight, rows, inner) : weight,
            ),
          ], (x, weight) =>
            stridedProduct(
              weightTurned ? turned(weight) : weight,
              xTurned ? turned(x) : x,
              precision,
            ));
          assertClose(
            actual,
            expected,
            tolerance(inner),
            JSON.stringify({ ...shape, xTurned, weightTurned }),
          );
        }
      }
    },
  );
}

testKernel("stridedProduct() in bf16 rounds its operands", () => {
  const [x, weight] = [noise(20 * 64), noise(30 * 64)];
  const shape = { count: 1, cols: 20, rows: 30, inner: 64 };
  const actual = compute(
    [f32([20, 64], x), f32([30, 64], weight)],
    (x, weight) => stridedProduct(weight, x, "bf16"),
  );
  assert(maxDifference(actual, product(x, weight, shape)) > 10 * tolerance(64));
});

testKernel("stridedProduct() multiplies all outer axes with one weight, in step or not", () => {
  const [count, cols, rows, inner] = [6, 5, 19, 33];
  const [x, weight] = [noise(count * cols * inner), noise(rows * inner)];
  const inputs = [f32([2, 3, cols, inner], x), f32([1, 1, rows, inner], weight)];
  const expected = product(x, weight, { count, cols, rows, inner });
  const inStep = compute(inputs, (x, weight) => stridedProduct(weight, x, "f32"));
  assertClose(inStep, expected, tolerance(inner));
  // The axes of 2 and 3 exchanged: (3 2 cols inner), which do not lie in step.
  const exchanged = compute(
    inputs,
    (x, weight) => permute(stridedProduct(weight, permute(x, [1, 0, 2, 3]), "f32"), [1, 0, 2, 3]),
  );
  assertEquals(exchanged, inStep);
  // One row in each of the inner matrices, which lie in step only with those of the outer axis.
  const single = compute(
    [f32([6, 5, 1, inner], x), f32([1, 1, rows, inner], weight)],
    (x, weight) => stridedProduct(weight, x, "f32"),
  );
  assertEquals(single, inStep);
});

testKernel(
  "stridedProduct() multiplies parts of tensors, and with both strides larger than one",
  () => {
    // (cols inner) as every row of the middle axis number 1 of (inner 3 cols 2), and its last number.
    const [cols, rows, inner] = [21, 18, 37];
    const all = noise(inner * 3 * cols * 2), weight = noise(rows * inner);
    const x = Float32Array.from(
      { length: cols * inner },
      (_, at) => all[((at % inner * 3 + 1) * cols + Math.floor(at / inner)) * 2 + 1],
    );
    const actual = compute(
      [f32([inner, 3, cols, 2], all), f32([1, 1, rows, inner], weight)],
      // (1 1 cols inner): the innermost axis of size 1 goes outside.
      (x, weight) =>
        stridedProduct(weight, permute(slice(slice(x, 1, 1, 2), 3, 1, 2), [1, 3, 2, 0]), "f32"),
    );
    assertClose(actual, product(x, weight, { count: 1, cols, rows, inner }), tolerance(inner));
  },
);

testKernel("stridedProduct() gives a row the same bits alone and among others", () => {
  const [cols, rows, inner] = [45, 70, 600];
  const [x, weight] = [noise(cols * inner), noise(rows * inner)];
  for (const precision of ["f32", "bf16"] as const) {
    const multiply = (x: Float32Array) =>
      compute(
        [f32([x.length / inner, inner], x), f32([rows, inner], weight)],
        (x, weight) => stridedProduct(weight, x, precision),
      );
    const alone = Array.from(
      { length: 3 },
      (_, c) => multiply(x.slice(c * inner, (c + 1) * inner)),
    );
    assertEquals(multiply(x).slice(0, 3 * rows), alone.flat());
  }
});

testKernel("stridedProduct() refuses other shapes and types", () => {
  using graph = new Graph(backend);
  const input = (shape: number[], dtype: "f32" | "f16" = "f32") => graph.input(shape, dtype, "x");
  const x = input([2, 3, 4]);
  assertRefused([
    ["shapes do not fit", () => stridedProduct(input([2, 3, 5]), x, "f32")],
    ["shapes do not fit", () => stridedProduct(input([3, 3, 4]), x, "f32")],
    ["shapes do not fit", () => stridedProduct(input([3, 4]), x, "f32")],
    ["shapes do not fit", () => stridedProduct(input([4]), input([4]), "f32")],
    ["f32 is needed", () => stridedProduct(input([2, 3, 4], "f16"), x, "f32")],
    ["f32 is needed", () => stridedProduct(x, input([2, 3, 4], "f16"), "f32")],
    ["f32 or bf16", () => stridedProduct(x, x, "f16" as never)],
    ["a tensor is needed", () => stridedProduct(x, i32([1], [1]) as never, "f32")],
  ]);
});
