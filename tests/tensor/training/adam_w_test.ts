// Steps of AdamW, beside torch's definition.

import { assert, assertEquals } from "@std/assert";
import { Buffer } from "../../../src/tensor/buffer.ts";
import { readTensor, writeTensor } from "../../../src/tensor/data.ts";
import { Graph } from "../../../src/tensor/graph.ts";
import { adamW } from "../../../src/tensor/training/adam_w.ts";
import { sumOfSquares } from "../../../src/tensor/training/sum_of_squares.ts";
import { permute } from "../../../src/tensor/views.ts";
import { assertClose } from "../../close.ts";
import { assertRefused, backend, noise, testKernel } from "./run_kernels.ts";

const [RATE, BETA1, BETA2, EPSILON, DECAY] = [0.01, 0.9, 0.99, 1e-8, 0.1];
/** Weights are around 1, steps around RATE. */
const TOLERANCE = 1e-6;

interface State {
  weight: number[];
  first: number[];
  second: number[];
}

/** A step in double precision. */
function define(
  { weight, first, second }: State,
  gradient: ArrayLike<number>,
  step: number,
  largest: number,
): State {
  const norm = Math.hypot(...Array.from(gradient));
  const clipping = largest === 0 ? 1 : Math.min(1, largest / (norm + 1e-6));
  const g = Array.from(gradient, (x) => x * clipping);
  first = first.map((m, i) => BETA1 * m + (1 - BETA1) * g[i]);
  second = second.map((v, i) => BETA2 * v + (1 - BETA2) * g[i] ** 2);
  weight = weight.map((w, i) => {
    const deviation = Math.sqrt(second[i]) / Math.sqrt(1 - BETA2 ** step) + EPSILON;
    return w * (1 - RATE * DECAY) - RATE / (1 - BETA1 ** step) * first[i] / deviation;
  });
  return { weight, first, second };
}

/** Three steps on so many threads; what the buffer then holds, and what was returned in the last. */
function train(
  weights: Float32Array,
  gradients: readonly Float32Array[],
  largest: number,
  threads: number,
) {
  const shape = [weights.length];
  using buffer = new Buffer(backend, Array.from({ length: 3 }, () => ({ shape, dtype: "f32" })));
  const [weight, first, second] = buffer.tensors;
  [weights, new Float32Array(shape[0]), new Float32Array(shape[0])].forEach((x, i) =>
    writeTensor(buffer.tensors[i], x as Float32Array<ArrayBuffer>)
  );
  using graph = new Graph(backend);
  const gradient = graph.input(shape, "f32", "gradient"),
    settings = graph.input([8], "f32", "settings");
  const norm = sumOfSquares(gradient);
  const result = graph.output(adamW(weight, gradient, first, second, settings, norm));
  graph.allocate();
  gradients.forEach((numbers, i) => {
    const factors = [1 / (1 - BETA1 ** (i + 1)), 1 / (1 - BETA2 ** (i + 1))];
    graph.write(gradient, numbers as Float32Array<ArrayBuffer>);
    graph.write(settings, Float32Array.of(RATE, BETA1, BETA2, EPSILON, DECAY, ...factors, largest));
    graph.compute(threads);
  });
  const [w, m, v] = buffer.tensors.map((x) => {
    const data = new Float32Array(x.size);
    readTensor(x, data);
    return [...data];
  });
  assertEquals([...graph.readF32(result)], w);
  return { weight: w, first: m, second: v };
}

testKernel("adamW() makes the steps of its definition, with and without clipping", () => {
  for (const length of [1, 3, 65, 1000]) {
    const weights = noise(length);
    const gradients = [0, 1, 2].map(() => noise(length));
    for (const largest of [0, 1, 1e6]) {
      let expected: State = {
        weight: [...weights],
        first: [...weights].map(() => 0),
        second: [...weights].map(() => 0),
      };
      gradients.forEach((gradient, i) => expected = define(expected, gradient, i + 1, largest));
      const actual = train(weights, gradients, largest, 2);
      for (const key of ["weight", "first", "second"] as const) {
        assertClose(actual[key], expected[key], TOLERANCE, `${key} of ${length}, ${largest}`);
      }
      assertEquals(train(weights, gradients, largest, 1), actual, "threads change the result");
    }
  }
});

testKernel("adamW() lets a gradient that is no number spoil the weight, also when clipping", () => {
  for (const largest of [0, 1]) {
    const { weight } = train(noise(4), [Float32Array.of(1, NaN, 1, 1)], largest, 1);
    assert(Number.isNaN(weight[1]));
    assertEquals(weight.every(Number.isNaN), largest === 1);
  }
});

testKernel("adamW() refuses other shapes, types and strides", () => {
  using graph = new Graph(backend);
  const input = (shape: number[], dtype: "f32" | "f16" = "f32") => graph.input(shape, dtype, "x");
  const x = input([2, 3]), other = input([3, 2]), settings = input([8]), norm = input([1]);
  const turned = permute(other, [1, 0]), half = input([2, 3], "f16");
  assertRefused([
    ["f32 is needed", () => adamW(half, x, x, x, settings, norm)],
    ["f32 is needed", () => adamW(x, half, x, x, settings, norm)],
    ["side by side", () => adamW(turned, x, x, x, settings, norm)],
    ["side by side", () => adamW(x, x, turned, x, settings, norm)],
    ["as the gradient", () => adamW(x, other, x, x, settings, norm)],
    ["a weight or moment", () => adamW(x, x, other, x, settings, norm)],
    ["a weight or moment", () => adamW(x, x, x, other, settings, norm)],
    ["as settings", () => adamW(x, x, x, x, input([7]), norm)],
    ["as the squared norm", () => adamW(x, x, x, x, settings, input([2]))],
  ]);
});
