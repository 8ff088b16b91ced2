// Causal attention for training, beside its definition and the derivative of that.

import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { Graph } from "../../../src/tensor/graph.ts";
import {
  causalAttention,
  causalAttentionGradients,
} from "../../../src/tensor/training/causal_attention.ts";
import { type Dropout, dropoutFactors } from "../../../src/tensor/training/dropout.ts";
import type { Precision } from "../../../src/tensor/recorder.ts";
import { permute, slice } from "../../../src/tensor/views.ts";
import { assertClose, maxDifference } from "../../close.ts";
import { f32, i32 } from "../evaluate.ts";
import {
  assertRefused,
  backend,
  computeAll,
  F32_ROUNDING,
  noise,
  testKernel,
} from "./run_kernels.ts";

const FACTOR = 0.4;
const PROBABILITY = 0.3;
const SEED: [number, number] = [-77, 2 ** 31 - 1];
const STREAM = 2 ** 32 - 5;

interface Case {
  batch: number;
  heads: number;
  seq: number;
  headDim: number;
}

/** What is computed of one block (batch seq three heads head_dim), as one product of a model makes it. */
interface Results {
  output: Float64Array;
  logSums: Float64Array;
  gradients: Float64Array;
}

/** In double precision. `gradient` is that of the output; both and the output are (batch seq heads head_dim). */
function define(
  { batch, heads, seq, headDim }: Case,
  block: ArrayLike<number>,
  gradient: ArrayLike<number>,
  keeps: ArrayLike<number>,
): Results {
  const size = batch * seq * heads * headDim;
  const output = new Float64Array(size), gradients = new Float64Array(3 * size);
  const logSums = new Float64Array(batch * heads * seq);
  const dims = Array.from({ length: headDim }, (_, d) => d);
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < heads; h++) {
      const at = (s: number, which: number) => (((b * seq + s) * 3 + which) * heads + h) * headDim;
      for (let q = 0; q < seq; q++) {
        const out = ((b * seq + q) * heads + h) * headDim;
        const row = (b * heads + h) * seq + q;
        const keys = Array.from({ length: q + 1 }, (_, k) => k);
        const powers = keys.map((k) =>
          Math.exp(
            FACTOR * dims.reduce((sum, d) => sum + block[at(q, 0) + d] * block[at(k, 1) + d], 0),
          )
        );
        const total = powers.reduce((a, b) => a + b);
        logSums[row] = Math.log(total);
        const weights = powers.map((power) => power / total);
        const keep = keys.map((k) => keeps.length === 0 ? 1 : keeps[row * seq + k]);
        // The gradients of the weights, and what they share.
        const slopes = keys.map((k) =>
          keep[k] * dims.reduce((sum, d) => sum + gradient[out + d] * block[at(k, 2) + d], 0)
        );
        const mean = keys.reduce((sum, k) => sum + weights[k] * slopes[k], 0);
        for (const k of keys) {
          const score = weights[k] * (slopes[k] - mean) * FACTOR;
          for (const d of dims) {
            output[out + d] += weights[k] * keep[k] * block[at(k, 2) + d];
            gradients[at(q, 0) + d] += score * block[at(k, 1) + d];
            gradients[at(k, 1) + d] += score * block[at(q, 0) + d];
            gradients[at(k, 2) + d] += weights[k] * keep[k] * gradient[out + d];
          }
        }
      }
    }
  }
  return { output, logSums, gradients };
}

/** As the operations have it. */
function run(
  { batch, heads, seq, headDim }: Case,
  block: Float32Array,
  gradient: Float32Array,
  hasDropout: boolean,
  precision?: Precision,
): number[][] {
  return computeAll(
    [
      f32([batch, seq, 3 * heads, headDim], block),
      f32([batch, seq, heads, headDim], gradient),
      i32([2], SEED),
    ],
    (block, gradient, seed) => {
      const [q, k, v] = [0, 1, 2].map((i) =>
        permute(slice(block, 2, i * heads, (i + 1) * heads), [0, 2, 1, 3])
      );
      const dropout: Dropout | undefined = hasDropout
        ? { probability: PROBABILITY, seed, stream: STREAM }
        : undefined;
      const { output, logSums } = causalAttention(q, k, v, FACTOR, dropout, precision);
      const turned = permute(gradient, [0, 2, 1, 3]);
      const gradients = causalAttentionGradients(
        ...[q, k, v, output, logSums, turned, FACTOR, dropout, precision] as const,
      );
      return [output, logSums, ...gradients];
    },
  );
}

/** (batch heads seq head_dim) as it lies when positions come before heads. */
function positionsFirst({ batch, heads, seq, headDim }: Case, x: ArrayLike<number>): Float64Array {
  return Float64Array.from({ length: batch * seq * heads * headDim }, (_, at) => {
    const d = at % headDim, h = Math.floor(at / headDim) % heads;
    const s = Math.floor(at / headDim / heads) % seq, b = Math.floor(at / headDim / heads / seq);
    return x[((b * heads + h) * seq + s) * headDim + d];
  });
}

const CASES: readonly Case[] = [
  { batch: 1, heads: 1, seq: 1, headDim: 1 },
  { batch: 1, heads: 2, seq: 3, headDim: 65 },
  { batch: 2, heads: 3, seq: 65, headDim: 16 },
  { batch: 1, heads: 1, seq: 127, headDim: 3 },
  { batch: 3, heads: 2, seq: 64, headDim: 32 },
  { batch: 1, heads: 1, seq: 600, headDim: 5 },
  { batch: 1, heads: 1, seq: 20, headDim: 256 },
];

for (const hasDropout of [false, true]) {
  const name = hasDropout ? "with dropout " : "";
  testKernel(`causalAttention() ${name}and its gradients equal their definitions`, () => {
    for (const c of CASES) {
      const size = c.batch * c.seq * c.heads * c.headDim;
      // Scores of large heads are that much larger.
      const block = noise(3 * size).map((x) => x / Math.sqrt(Math.sqrt(c.headDim)));
      const gradient = noise(size);
      const keeps = hasDropout
        ? dropoutFactors(
          { probability: PROBABILITY, seed: SEED, stream: STREAM },
          c.batch * c.heads * c.seq ** 2,
        )
        : [];
      const expected = define(c, block, gradient, keeps);
      const [output, logSums, ...gradients] = run(c, block, gradient, hasDropout);
      const what = JSON.stringify(c);
      assertClose(positionsFirst(c, output), expected.output, F32_ROUNDING, `output of ${what}`);
      assertClose(logSums, expected.logSums, F32_ROUNDING, `logSums of ${what}`);
      gradients.forEach((actual, i) => {
        const width = c.heads * c.headDim;
        const part = expected.gradients.filter((_, at) => Math.floor(at / width) % 3 === i);
        // Of a key all queries behind it add to a sum.
        assertClose(
          positionsFirst(c, actual),
          part,
          F32_ROUNDING * Math.sqrt(c.seq),
          `gradient ${i} of ${what}`,
        );
      });
    }
  });
}

/** Factors are rounded to 8 bits, of which a few add up. */
const BF16_ROUNDING = 4 * 2 ** -8;

testKernel("causalAttention() in bf16 and its gradients are near their definitions", () => {
  for (const headDim of [32, 65]) {
    const c: Case = { batch: 1, heads: 2, seq: 150, headDim };
    const size = 150 * 2 * headDim;
    const block = noise(3 * size).map((x) => x / Math.sqrt(Math.sqrt(headDim)));
    const gradient = noise(size).map((x) => x / Math.sqrt(headDim));
    const expected = run(c, block, gradient, true);
    run(c, block, gradient, true, "bf16").forEach((actual, i) => {
      assertClose(actual, expected[i], BF16_ROUNDING, `result ${i}`);
      // The operands are rounded: in F32 the difference would be a hundred times less.
      assert(maxDifference(actual, expected[i]) > 10 * F32_ROUNDING, `result ${i}`);
    });
  }
});

testKernel("causalAttention() gives a position the same bits whatever is behind it", () => {
  const c: Case = { batch: 1, heads: 2, seq: 70, headDim: 8 };
  const block = noise(3 * 70 * 16), gradient = noise(70 * 16);
  const other = block.map((x, at) => at < 50 * 48 ? x : 100 * x);
  const [[expected], [actual]] = [block, other].map((x) => run(c, x, gradient, false));
  const rows = (x: number[]) => [...positionsFirst(c, x)];
  assertEquals(rows(actual).slice(0, 50 * 16), rows(expected).slice(0, 50 * 16));
  assertNotEquals(rows(actual).slice(50 * 16), rows(expected).slice(50 * 16));
});

testKernel("causalAttention() does not hide what is no number", () => {
  const c: Case = { batch: 1, heads: 1, seq: 3, headDim: 4 };
  for (const which of [0, 1, 2]) {
    const block = noise(3 * 3 * 4).fill(NaN, which * 4, which * 4 + 1);
    const [output, , ...gradients] = run(c, block, noise(12), false);
    assert(output.some(Number.isNaN) && gradients.flat().some(Number.isNaN), `${which}`);
  }
});

testKernel(
  "causalAttentionGradients() returns views of one block in the order of a product",
  () => {
    using graph = new Graph(backend);
    const x = graph.input([2, 3, 5, 4], "f32", "x");
    const { output, logSums } = causalAttention(x, x, x, 1);
    const gradients = causalAttentionGradients(x, x, x, output, logSums, x, 1);
    for (const gradient of gradients) {
      assertEquals(gradient.shape, x.shape);
      // (batch seq three heads head_dim), in bytes.
      assertEquals(gradient.strides, [5 * 3 * 3 * 4 * 4, 4 * 4, 3 * 3 * 4 * 4, 4]);
    }
  },
);

testKernel("causalAttention() and its gradients refuse arguments that do not fit", () => {
  using graph = new Graph(backend);
  const input = (shape: number[], dtype: "f32" | "f16" | "i32" = "f32") =>
    graph.input(shape, dtype, "x");
  const x = input([1, 2, 3, 4]), other = input([1, 2, 4, 4]);
  const sums = input([1, 2, 3]), seed = input([2], "i32");
  const large = input([1, 1, 1, 257]);
  const turned = permute(input([1, 2, 4, 3]), [0, 1, 3, 2]);
  const drop = (dropout: Partial<Dropout>) => () =>
    causalAttention(x, x, x, 1, { probability: 0.5, seed, stream: 0, ...dropout });
  assertRefused([
    ["at most 256", () => causalAttention(large, large, large, 1)],
    ["head_dim) is needed", () => causalAttention(sums, sums, sums, 1)],
    ["beside it", () => causalAttention(x, other, x, 1)],
    ["beside it", () => causalAttention(x, x, other, 1)],
    ["not contiguous", () => causalAttention(x, x, turned, 1)],
    ["f32 is needed", () => causalAttention(x, input([1, 2, 3, 4], "f16"), x, 1)],
    ["a number is needed", () => causalAttention(x, x, x, "1" as never)],
    ["f32 or bf16", () => causalAttention(x, x, x, 1, undefined, "f16" as never)],
    ["the seed", drop({ seed: input([3], "i32") })],
    ["the seed", drop({ seed: input([2]) })],
    ["less than 1", drop({ probability: 1 }), RangeError],
    ["less than 1", drop({ probability: 1 - 1e-12 }), RangeError],
    ["less than 1", drop({ probability: NaN }), RangeError],
    ["2^32 - 1", drop({ stream: -1 }), RangeError],
    ["2^32 - 1", drop({ stream: 2 ** 32 }), RangeError],
    ["logarithms", () => causalAttentionGradients(x, x, x, x, input([1, 2, 4]), x, 1)],
    ["beside it", () => causalAttentionGradients(x, x, x, other, sums, x, 1)],
    ["beside it", () => causalAttentionGradients(x, x, x, x, sums, other, 1)],
    ["not contiguous", () => causalAttentionGradients(x, x, x, x, sums, turned, 1)],
  ]);
});
