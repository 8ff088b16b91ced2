// Sums of squares, beside their definition.

import { assertAlmostEquals } from "@std/assert";
import { Graph } from "../../../src/tensor/graph.ts";
import { sumOfSquares } from "../../../src/tensor/training/sum_of_squares.ts";
import { permute } from "../../../src/tensor/views.ts";
import { f32 } from "../evaluate.ts";
import { assertRefused, backend, compute, noise, testKernel } from "./run_kernels.ts";

testKernel("sumOfSquares() is exact but for the last rounding", () => {
  for (const length of [1, 3, 65, 127, 16384, 16385, 300_000]) {
    const x = noise(length);
    const expected = x.reduce((sum, number) => sum + number * number, 0);
    const [actual] = compute([f32([length], x)], sumOfSquares);
    assertAlmostEquals(actual, expected, expected * 2 ** -24 * 1.01, `${length}`);
  }
});

testKernel("sumOfSquares() takes any shape", () => {
  const [actual] = compute(
    [f32([2, 3], [1, 2, 3, 4, 5, 6])],
    (x) => sumOfSquares(permute(x, [1, 0])),
  );
  assertAlmostEquals(actual, 91, 0);
});

testKernel("sumOfSquares() refuses other types", () => {
  using graph = new Graph(backend);
  assertRefused([["f32 is needed", () => sumOfSquares(graph.input([2], "f16", "x"))]]);
});
