import { assert, assertEquals, assertThrows } from "@std/assert";
import { Backend } from "../../src/tensor/backend.ts";
import { gelu, silu } from "../../src/tensor/activations.ts";
import { add, divide, multiply, scale, square } from "../../src/tensor/elementwise.ts";
import { layerNorm, softmax } from "../../src/tensor/normalization.ts";
import { flashAttention } from "../../src/tensor/flash_attention.ts";
import { broadcastTo, matmul, sumLastAxis } from "../../src/tensor/ops.ts";
import { lookup, topK } from "../../src/tensor/tables.ts";
import { causalMask } from "../../src/model/pass.ts";
import { Random } from "../../src/base/random.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { permute, reshape } from "../../src/tensor/views.ts";
import { assertClose } from "../close.ts";
import { evaluate, f32, i32, type Input } from "./evaluate.ts";

/** A few roundings of F32 on values around 1. */
const F32_ROUNDING = 1e-5;

const backend = Backend.cpu({ threads: 2 });
const random = new Random(7);
const noise = (shape: readonly number[]): Input => {
  const size = shape.reduce((a, b) => a * b, 1);
  return f32(shape, Float32Array.from({ length: size }, () => random.normal()));
};

Deno.test("add(), multiply() and divide() repeat the second operand where it has size 1 or no axis", () => {
  const a = f32([2, 3], [1, 2, 3, 4, 5, 6]);
  const row = f32([3], [1, 10, 100]);
  const column = f32([2, 1], [2, 4]);
  assertEquals(evaluate(backend, [a, row], add).data, [2, 12, 103, 5, 15, 106]);
  assertEquals(evaluate(backend, [a, row], multiply).data, [1, 20, 300, 4, 50, 600]);
  assertEquals(evaluate(backend, [a, column], divide).data, [0.5, 1, 1.5, 1, 1.25, 1.5]);
});

Deno.test("scale(), square(), silu() and sumLastAxis() follow their formulas", () => {
  const x = f32([1, 4], [-2, -0.5, 0, 3]);
  assertEquals(evaluate(backend, [x], (x) => scale(x, 2, 1)).data, [-3, 0, 1, 7]);
  assertEquals(evaluate(backend, [x], (x) => scale(x, -1)).data, [2, 0.5, -0, -3]);
  assertEquals(evaluate(backend, [x], square).data, [4, 0.25, 0, 9]);
  assertEquals(evaluate(backend, [x], sumLastAxis), { shape: [1, 1], data: [0.5] });
  const expected = [...x.data].map((v) => v / (1 + Math.exp(-v)));
  assertClose(evaluate(backend, [x], silu).data, expected, F32_ROUNDING);
});

Deno.test("broadcastTo() repeats whole axes", () => {
  const x = f32([2, 1], [1, 2]);
  assertEquals(evaluate(backend, [x], (x) => broadcastTo(x, [2, 3])).data, [1, 1, 1, 2, 2, 2]);
});

Deno.test("gelu() is the tanh approximation", () => {
  const x = f32([8], [-6, -3, -1, -0.1, 0, 0.5, 2, 9]);
  const expected = [...x.data].map((v) =>
    0.5 * v * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (v + 0.044715 * v ** 3)))
  );
  assertClose(evaluate(backend, [x], gelu).data, expected, F32_ROUNDING);
});

Deno.test("layerNorm() gives mean 0 and variance 1, then scales and shifts", () => {
  const [x, weight, bias] = [noise([3, 8]), noise([8]), noise([8])];
  const epsilon = 1e-3;
  const expected = [0, 1, 2].flatMap((row) => {
    const values = [...x.data.slice(row * 8, row * 8 + 8)];
    const mean = values.reduce((a, b) => a + b) / 8;
    const variance = values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / 8;
    return values.map((v, i) =>
      (v - mean) / Math.sqrt(variance + epsilon) * weight.data[i] + bias.data[i]
    );
  });
  const actual = evaluate(backend, [x, weight, bias], (x, w, b) => layerNorm(x, w, b, epsilon));
  assertClose(actual.data, expected, F32_ROUNDING);
});

Deno.test("matmul() multiplies with the transpose and repeats the weight over outer axes", () => {
  const [weight, x] = [noise([1, 5, 4]), noise([2, 3, 4])];
  const expected: number[] = [];
  for (let row = 0; row < 6; row++) {
    for (let out = 0; out < 5; out++) {
      let sum = 0;
      for (let k = 0; k < 4; k++) sum += x.data[row * 4 + k] * weight.data[out * 4 + k];
      expected.push(sum);
    }
  }
  const actual = evaluate(backend, [weight, x], matmul);
  assertEquals(actual.shape, [2, 3, 5]);
  assertClose(actual.data, expected, F32_ROUNDING);
});

Deno.test("lookup() gathers rows in the shape of the ids", () => {
  const actual = evaluate(backend, [f32([4, 2]), i32([2, 1], [3, 1])], lookup);
  assertEquals(actual, { shape: [2, 1, 2], data: [6, 7, 2, 3] });
});

Deno.test("flashAttention() equals softmax(q k + mask) v", () => {
  const [q, k, v] = [noise([2, 3, 5, 8]), noise([2, 3, 5, 8]), noise([2, 3, 5, 8])];
  const mask: Input = { shape: [1, 1, 5, 5], data: causalMask([0], 5, 5) };
  const weights = evaluate(
    backend,
    [q, k, mask],
    (q, k, mask) => softmax(matmul(k, q), mask, 0.25),
  );
  const expected: number[] = [];
  for (let head = 0; head < 6; head++) {
    for (let i = 0; i < 5; i++) {
      for (let d = 0; d < 8; d++) {
        let sum = 0;
        for (let j = 0; j < 5; j++) {
          sum += weights.data[(head * 5 + i) * 5 + j] * v.data[(head * 5 + j) * 8 + d];
        }
        expected.push(sum);
      }
    }
  }
  const actual = evaluate(
    backend,
    [q, k, v, mask],
    (q, k, v, mask) => flashAttention(q, k, v, mask, 0.25),
  );
  assertEquals(actual.shape, [2, 3, 5, 8]);
  assertClose(actual.data, expected, F32_ROUNDING);
  // The causal mask lets the first position see only itself, so there is something to get wrong.
  assertClose(weights.data.slice(0, 5), [1, 0, 0, 0, 0], 0);
});

Deno.test("operations take any strides along axes of size 1", () => {
  const operations: Record<string, (x: Tensor) => Tensor> = {
    add: (x) => add(x, scale(x, 1)),
    scale: (x) => scale(x, 2),
    scaleAndShift: (x) => scale(x, 2, 1),
    square,
    silu,
    gelu,
    softmax: (x) => softmax(x),
    sumLastAxis,
    largest: (x) => topK(x, 1),
  };
  for (const [name, operation] of Object.entries(operations)) {
    for (const shape of [[1, 3], [3, 1]]) {
      const x = f32(shape, [1, -2, 3]);
      // The axis of size 1 has the stride that it had where it was.
      const turned = (x: Tensor) => operation(isContiguousView(permute(x, [1, 0])));
      const plain = (x: Tensor) => operation(reshape(x, shape.toReversed()));
      const expected = evaluate(backend, [x], plain);
      assertEquals(evaluate(backend, [x], turned), expected, `${name} ${shape}`);
    }
  }
});

function isContiguousView(x: Tensor): Tensor {
  assert(x.isContiguous);
  return x;
}

Deno.test("operations refuse what ggml would abort on", () => {
  const cases: [string, Input[], (...x: Tensor[]) => Tensor][] = [
    ["shapes do not fit. Counted from the last", [f32([2, 3]), f32([2, 2])], add],
    ["shapes do not fit", [f32([3]), f32([2, 3])], add],
    ["f32 is needed", [i32([2], [1, 2]), f32([2])], add],
    ["shapes do not fit", [f32([2, 3]), f32([2, 4])], matmul],
    ["shapes do not fit", [f32([3, 2, 4]), f32([2, 2, 4])], matmul],
    ["i32 ids are needed", [f32([2, 3]), f32([1])], lookup],
    ["Cannot repeat", [f32([2, 2])], (x) => broadcastTo(x, [3, 2])],
    ["received the mask", [f32([1, 1, 2, 2]), f32([1, 1, 2, 2])], (x, m) => softmax(x, m)],
  ];
  for (const [message, inputs, build] of cases) {
    assertThrows(() => evaluate(backend, inputs, build), TypeError, message);
  }
});
