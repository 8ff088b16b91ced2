// Dropout by a hash, in C++ and in TypeScript.

import { assertAlmostEquals, assertEquals, assertNotEquals } from "@std/assert";
import { Graph } from "../../../src/tensor/graph.ts";
import { dropout, dropoutFactors } from "../../../src/tensor/training/dropout.ts";
import { f32, i32 } from "../evaluate.ts";
import { assertRefused, backend, compute, noise, testKernel } from "./run_kernels.ts";

testKernel("dropout() multiplies with dropoutFactors(), bit for bit", () => {
  for (
    const [length, probability, seed, stream] of [
      [1, 0.5, [0, 0], 0],
      [127, 0.1, [1, -1], 2 ** 32 - 1],
      [5000, 0.2, [2 ** 31 - 1, -(2 ** 31)], 7],
      [300, 0, [3, 4], 1],
      [300, 0.999, [3, 4], 1],
    ] as [number, number, [number, number], number][]
  ) {
    const x = noise(length);
    const factors = dropoutFactors({ probability, seed, stream }, length);
    const actual = compute(
      [f32([length], x), i32([2], seed)],
      (x, seed) => dropout(x, probability, seed, stream),
    );
    assertEquals(actual, [...x.map((number, i) => number * factors[i])]);
  }
});

/** Of 10^5 numbers: five standard deviations of the share of those that are dropped with a probability of 0.2. */
const CHANCE = 5 * Math.sqrt(0.2 * 0.8 / 1e5);

Deno.test("dropoutFactors() drops as many as asked for, and others for another seed, stream or place", () => {
  const settings = { probability: 0.2, seed: [1, 2] as [number, number], stream: 3 };
  const dropped = (change: Partial<typeof settings>) =>
    dropoutFactors({ ...settings, ...change }, 1e5).map((factor) => factor === 0 ? 1 : 0);
  const share = (x: Float32Array) => x.reduce((a, b) => a + b) / x.length;
  const base = dropped({});
  assertAlmostEquals(share(base), 0.2, CHANCE);
  const others = [
    dropped({ seed: [2, 2] }),
    dropped({ seed: [1, 3] }),
    dropped({ stream: 4 }),
    ...[1, 2, 16, 768].map((distance) =>
      new Float32Array([...base.slice(distance), ...base.slice(0, distance)])
    ),
  ];
  for (const other of others) {
    assertNotEquals(other, base);
    // Independent: both drop a number with the product of the probabilities.
    assertAlmostEquals(share(base.map((x, i) => x * other[i])), 0.04, CHANCE);
  }
  assertEquals(
    new Set(dropoutFactors(settings, 1000)),
    new Set([0, Math.fround(1 / Math.fround(0.8))]),
  );
});

testKernel("dropout() refuses other shapes, types and settings", () => {
  using graph = new Graph(backend);
  const x = graph.input([4], "f32", "x"), seed = graph.input([2], "i32", "seed");
  assertRefused([
    ["f32 is needed", () => dropout(seed, 0.1, seed, 0)],
    ["the seed", () => dropout(x, 0.1, x, 0)],
    ["the seed", () => dropout(x, 0.1, graph.input([1], "i32", "seed"), 0)],
    ["less than 1", () => dropout(x, 1, seed, 0), RangeError],
    ["less than 1", () => dropout(x, -0.1, seed, 0), RangeError],
    ["2^32 - 1", () => dropout(x, 0.1, seed, 0.5), RangeError],
  ]);
});
