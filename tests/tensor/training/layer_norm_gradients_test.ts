// The gradients of layer normalization, beside their definition.

import { Graph } from "../../../src/tensor/graph.ts";
import { layerNormGradients } from "../../../src/tensor/training/layer_norm_gradients.ts";
import { permute } from "../../../src/tensor/views.ts";
import { assertClose } from "../../close.ts";
import { f32 } from "../evaluate.ts";
import {
  assertRefused,
  backend,
  computeAll,
  F32_ROUNDING,
  noise,
  testKernel,
} from "./run_kernels.ts";

const EPSILON = 1e-5;

/** In double precision. */
function define(x: ArrayLike<number>, weight: ArrayLike<number>, gradient: ArrayLike<number>) {
  const embed = weight.length, rows = x.length / embed;
  const input: number[] = [];
  const weightAndBias = new Float64Array(2 * embed);
  for (let row = 0; row < rows; row++) {
    const part = (y: ArrayLike<number>) =>
      Array.from({ length: embed }, (_, i) => y[row * embed + i]);
    const mean = (y: number[]) => y.reduce((a, b) => a + b) / embed;
    const [values, slopes] = [part(x), part(gradient)];
    const center = mean(values);
    const deviation = Math.sqrt(mean(values.map((v) => (v - center) ** 2)) + EPSILON);
    const z = values.map((v) => (v - center) / deviation);
    const h = slopes.map((slope, i) => slope * weight[i]);
    const [plain, weighted] = [mean(h), mean(h.map((v, i) => v * z[i]))];
    input.push(...h.map((v, i) => (v - plain - z[i] * weighted) / deviation));
    slopes.forEach((slope, i) => {
      weightAndBias[i] += slope * z[i];
      weightAndBias[embed + i] += slope;
    });
  }
  return { input, weightAndBias };
}

testKernel("layerNormGradients() equal their definition for rows of any number and width", () => {
  for (const [rows, embed] of [[1, 2], [3, 65], [127, 16], [1100, 33], [17, 768]]) {
    const x = noise(rows * embed).map((v) => 3 * v + 1);
    const [weight, gradient] = [noise(embed), noise(rows * embed)];
    const expected = define(x, weight, gradient);
    const [input, weightAndBias] = computeAll(
      [f32([rows, embed], x), f32([embed], weight), f32([rows, embed], gradient)],
      (x, weight, gradient) => {
        const { input, weightAndBias } = layerNormGradients(x, weight, gradient, EPSILON);
        return [input, weightAndBias];
      },
    );
    // Two numbers are one apart from each other, or nearly the same: then the deviation is small.
    assertClose(
      input,
      expected.input,
      embed === 2 ? 1e-3 : F32_ROUNDING,
      `${rows} rows of ${embed}`,
    );
    assertClose(weightAndBias, expected.weightAndBias, F32_ROUNDING * Math.sqrt(rows), `${rows}`);
  }
});

testKernel("layerNormGradients() takes any number of axes, in any order", () => {
  const [x, weight, gradient] = [noise(2 * 3 * 20), noise(20), noise(2 * 3 * 20)];
  const expected = define(x, weight, gradient);
  // (3 2 20) as it lies when the first two axes are exchanged.
  const exchanged = Float32Array.from(
    gradient,
    (_, at) => gradient[(Math.floor(at / 20) % 2 * 3 + Math.floor(at / 40)) * 20 + at % 20],
  );
  const [input] = computeAll(
    [f32([2, 3, 20], x), f32([20], weight), f32([3, 2, 20], exchanged)],
    (
      x,
      weight,
      gradient,
    ) => [layerNormGradients(x, weight, permute(gradient, [1, 0, 2]), EPSILON).input],
  );
  assertClose(input, expected.input, F32_ROUNDING);
});

testKernel("layerNormGradients() refuses other shapes and types", () => {
  using graph = new Graph(backend);
  const input = (shape: number[], dtype: "f32" | "f16" = "f32") => graph.input(shape, dtype, "x");
  const x = input([2, 8]), weight = input([8]);
  assertRefused([
    ["as the weight", () => layerNormGradients(x, input([2]), x, EPSILON)],
    ["as the gradient", () => layerNormGradients(x, weight, input([3, 8]), EPSILON)],
    ["f32 is needed", () => layerNormGradients(input([2, 8], "f16"), weight, x, EPSILON)],
    ["f32 is needed", () => layerNormGradients(x, weight, input([2, 8], "f16"), EPSILON)],
    ["a number is needed", () => layerNormGradients(x, weight, x, "0" as never)],
    ["0 or more", () => layerNormGradients(x, weight, x, -1), RangeError],
  ]);
});
