// The gradient of GELU, beside its definition.

import { assert, assertEquals } from "@std/assert";
import { Graph } from "../../../src/tensor/graph.ts";
import { activationGradient } from "../../../src/tensor/training/activation_gradient.ts";
import { assertClose } from "../../close.ts";
import { f32 } from "../evaluate.ts";
import { assertRefused, backend, compute, noise, testKernel } from "./run_kernels.ts";

/** Derivatives are around 1; the exponential is exact to 2 units in the last place, the error function to 1e-7. */
const TOLERANCE = 1e-6;

/** The integral of e^(-t^2/2) / sqrt(2 pi) from minus infinity, by its power series; e^-32 is left of 8. */
function phi(x: number): number {
  if (Math.abs(x) > 6) return x > 0 ? 1 : 0;
  let sum = 0, term = x;
  for (let n = 0; n < 200; n++) {
    sum += term / (2 * n + 1);
    term *= -x * x / 2 / (n + 1);
  }
  return 0.5 + sum / Math.sqrt(2 * Math.PI);
}

const DERIVATIVES = {
  gelu: (x: number) => phi(x) + x * Math.exp(-x * x / 2) / Math.sqrt(2 * Math.PI),
  gelu_tanh: (x: number) => {
    const c = Math.sqrt(2 / Math.PI);
    const tanh = Math.tanh(c * (x + 0.044715 * x ** 3));
    return 0.5 * (1 + tanh) + 0.5 * x * (1 - tanh ** 2) * c * (1 + 3 * 0.044715 * x ** 2);
  },
};

for (const activation of ["gelu", "gelu_tanh"] as const) {
  testKernel(`activationGradient() of ${activation} equals its definition`, () => {
    const x = Float32Array.of(
      ...Array.from({ length: 1400 }, (_, i) => (i - 700) / 100),
      -30,
      30,
      0,
    );
    const gradient = noise(x.length);
    const actual = compute(
      [f32([x.length], x), f32([x.length], gradient)],
      (x, gradient) => activationGradient(x, gradient, activation),
    );
    const expected = [...x].map((x, i) => DERIVATIVES[activation](x) * gradient[i]);
    assertClose(actual, expected, 5 * TOLERANCE);
    const plain = compute(
      [f32([x.length], x), f32([x.length], x.map(() => 1))],
      (x, gradient) => activationGradient(x, gradient, activation),
    );
    assertClose(plain, [...x].map(DERIVATIVES[activation]), TOLERANCE);
  });

  testKernel(`activationGradient() of ${activation} is 0 or 1 far out, and NaN of NaN`, () => {
    const actual = compute(
      [f32([5], [-1e30, 1e30, -Infinity, Infinity, NaN]), f32([5], [2, 3, 2, 3, 1])],
      (x, gradient) => activationGradient(x, gradient, activation),
    );
    assertClose(actual.slice(0, 4), [0, 3, 0, 3], TOLERANCE);
    assert(Number.isNaN(actual[4]));
  });
}

testKernel("activationGradient() refuses other shapes, types and activations", () => {
  using graph = new Graph(backend);
  const x = graph.input([2, 3], "f32", "x"), half = graph.input([2, 3], "f16", "half");
  assertEquals(activationGradient(x, x, "gelu").shape, [2, 3]);
  assertRefused([
    ["f32 is needed", () => activationGradient(half, x, "gelu")],
    ["f32 is needed", () => activationGradient(x, half, "gelu")],
    ["as the gradient", () => activationGradient(x, graph.input([3, 2], "f32", "g"), "gelu")],
    ["gelu_tanh or gelu", () => activationGradient(x, x, "relu" as never)],
  ]);
});
