// The loss and its gradient, beside their definitions.

import { assert, assertEquals } from "@std/assert";
import { Graph } from "../../../src/tensor/graph.ts";
import { scale } from "../../../src/tensor/elementwise.ts";
import { crossEntropy, crossEntropyGradient } from "../../../src/tensor/training/cross_entropy.ts";
import { permute } from "../../../src/tensor/views.ts";
import { assertClose } from "../../close.ts";
import { f32, i32 } from "../evaluate.ts";
import { assertRefused, backend, computeAll, noise, testKernel } from "./run_kernels.ts";

/** A few roundings of F32 on values around 10. */
const LOSS_TOLERANCE = 3e-6;
/** Probabilities are at most 1; a logarithm of a sum around 10 is exact to 1e-6. */
const GRADIENT_TOLERANCE = 2e-6;

const FACTOR = 0.25;

interface Case {
  rows: number;
  columns: number;
  vocabSize: number;
}

/** In double precision. */
function define(logits: Float32Array, targets: readonly number[], { columns, vocabSize }: Case) {
  const losses: number[] = [], gradient: number[] = [];
  targets.forEach((target, row) => {
    const x = logits.subarray(row * columns, row * columns + vocabSize);
    const max = x.reduce((a, b) => Math.max(a, b));
    const logSum = max + Math.log(x.reduce((sum, logit) => sum + Math.exp(logit - max), 0));
    const counts = target >= 0 && target < vocabSize;
    losses.push(counts ? logSum - x[target] : 0, logSum);
    for (let i = 0; i < columns; i++) {
      const isIn = counts && i < vocabSize;
      gradient.push(isIn ? FACTOR * (Math.exp(x[i] - logSum) - (i === target ? 1 : 0)) : 0);
    }
  });
  return { losses, gradient };
}

function run(logits: Float32Array, targets: readonly number[], c: Case): number[][] {
  return computeAll(
    [f32([c.rows, c.columns], logits), i32([c.rows], targets), f32([1], [FACTOR])],
    (logits, targets, factor) => {
      // A copy: the gradient takes the place of it.
      const own = scale(logits, 1);
      const losses = crossEntropy(own, targets, c.vocabSize);
      return [losses, crossEntropyGradient(own, targets, losses, factor, c.vocabSize)];
    },
  );
}

testKernel("crossEntropy() and its gradient equal their definitions", () => {
  for (
    const c of [
      { rows: 1, columns: 1, vocabSize: 1 },
      { rows: 3, columns: 65, vocabSize: 65 },
      { rows: 7, columns: 128, vocabSize: 127 },
      { rows: 5, columns: 50304, vocabSize: 50257 },
    ]
  ) {
    const logits = noise(c.rows * c.columns).map((x) => 4 * x - 3);
    const targets = Array.from({ length: c.rows }, (_, i) => i === 1 ? -1 : i * 7919 % c.vocabSize);
    if (c.rows > 2) targets[2] = c.vocabSize - 1;
    const expected = define(logits, targets, c);
    const [losses, gradient] = run(logits, targets, c);
    assertClose(losses, expected.losses, LOSS_TOLERANCE, JSON.stringify(c));
    assertClose(gradient, expected.gradient, GRADIENT_TOLERANCE, JSON.stringify(c));
  }
});

testKernel(
  "crossEntropy() ignores targets that are no tokens, and columns that do not count",
  () => {
    const c = { rows: 4, columns: 20, vocabSize: 17 };
    const logits = noise(80);
    for (let row = 0; row < 4; row++) logits.fill(NaN, row * 20 + 17, row * 20 + 20);
    const [losses, gradient] = run(logits, [-1, 17, 2 ** 31 - 1, 16], c);
    assertEquals([losses[0], losses[2], losses[4]], [0, 0, 0]);
    assert(losses[6] > 0);
    assertEquals(gradient.slice(0, 60), new Array(60).fill(0));
    assertEquals(gradient.slice(77), [0, 0, 0]);
  },
);

testKernel(
  "crossEntropy() copes with logits far apart, and says NaN where one is not finite",
  () => {
    const c = { rows: 1, columns: 3, vocabSize: 3 };
    assertEquals(run(Float32Array.of(1e30, 0, -1e30), [0], c)[0], [0, Math.fround(1e30)]);
    assertClose(run(Float32Array.of(0, -90, -1000), [2], c)[0], [1000, 0], LOSS_TOLERANCE);
    for (const odd of [NaN, Infinity, -Infinity]) {
      const [losses, gradient] = run(Float32Array.of(odd, 1, 2), [1], c);
      assert(losses.every(Number.isNaN) && gradient.every(Number.isNaN));
    }
  },
);

testKernel("crossEntropy() and its gradient refuse other shapes and types", () => {
  using graph = new Graph(backend);
  const input = (shape: number[], dtype: "f32" | "i32" = "f32") => graph.input(shape, dtype, "x");
  const logits = input([2, 8]), targets = input([2], "i32");
  const losses = input([2, 2]), factor = input([1]);
  const turned = permute(input([8, 2]), [1, 0]);
  assertRefused([
    ["f32 is needed", () => crossEntropy(targets, targets, 8)],
    ["(rows, columns)", () => crossEntropy(input([1, 2, 8]), targets, 8)],
    ["as targets", () => crossEntropy(logits, input([3], "i32"), 8)],
    ["as targets", () => crossEntropy(logits, input([2]), 8)],
    ["vocabulary of 9", () => crossEntropy(logits, targets, 9), RangeError],
    ["vocabulary of 0", () => crossEntropy(logits, targets, 0), RangeError],
    ["as cross-entropies", () => crossEntropyGradient(logits, targets, logits, factor, 8)],
    ["as the factor", () => crossEntropyGradient(logits, targets, losses, input([2]), 8)],
    ["side by side", () => crossEntropyGradient(turned, targets, losses, factor, 8)],
    ["vocabulary of 9", () => crossEntropyGradient(logits, targets, losses, factor, 9), RangeError],
  ]);
});
