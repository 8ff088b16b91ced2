// The operations that this package's own kernels compute where the processor can, each beside its definition.

import { assert } from "@std/assert";
import { library } from "../../src/ffi/library.ts";
import { Random } from "../../src/base/random.ts";
import { Backend } from "../../src/tensor/backend.ts";
import { gelu } from "../../src/tensor/activations.ts";
import { layerNorm } from "../../src/tensor/normalization.ts";
import { flashAttention } from "../../src/tensor/flash_attention.ts";
import { assertClose } from "../close.ts";
import { evaluate, f32, type Input } from "./evaluate.ts";

/** A few roundings of F32 on values around 1. */
const F32_ROUNDING = 1e-5;
/** What ggml's attention loses, which sums values in half precision. */
const HALF_ROUNDING = 1e-2;

const backend = Backend.cpu({ threads: 2 });
const random = new Random(11);
const noise = (length: number) => Float32Array.from({ length }, () => random.normal());

/** Where each of `batch` texts of `seqQ` new positions may look: an own number of keys, perhaps without key 2. */
function makeMask(
  { batch, seqQ, seqK, hasHole }: Pick<Case, "batch" | "seqQ" | "seqK" | "hasHole">,
): { input: Input; allowed: boolean[] } {
  const allowed = Array.from({ length: batch * seqQ * seqK }, (_, i) => {
    const k = i % seqK, q = Math.floor(i / seqK) % seqQ, text = Math.floor(i / seqK / seqQ);
    return k <= seqK - seqQ - 5 * text + q && !(hasHole && k === 2);
  });
  const data = Uint16Array.from(allowed, (isAllowed) => isAllowed ? 0 : 0xfc00);
  return { input: { shape: [batch, 1, seqQ, seqK], data }, allowed };
}

interface Case {
  batch: number;
  heads: number;
  seqQ: number;
  seqK: number;
  headDim: number;
  hasHole: boolean;
}

/** Attention as it is defined, in double precision. */
function attend(
  { batch, heads, seqQ, seqK, headDim }: Case,
  q: ArrayLike<number>,
  k: ArrayLike<number>,
  v: ArrayLike<number>,
  allowed: readonly boolean[],
  factor: number,
): number[] {
  const result: number[] = [];
  for (let row = 0; row < batch * heads * seqQ; row++) {
    const head = Math.floor(row / seqQ);
    const maskRow = Math.floor(head / heads) * seqQ + row % seqQ;
    const weights = Array.from({ length: seqK }, (_, j) => {
      if (!allowed[maskRow * seqK + j]) return 0;
      let sum = 0;
      for (let d = 0; d < headDim; d++) {
        sum += q[row * headDim + d] * k[(head * seqK + j) * headDim + d];
      }
      return Math.exp(sum * factor);
    });
    const total = weights.reduce((sum, weight) => sum + weight);
    for (let d = 0; d < headDim; d++) {
      let sum = 0;
      for (let j = 0; j < seqK; j++) sum += weights[j] * v[(head * seqK + j) * headDim + d];
      result.push(sum / total);
    }
  }
  return result;
}

const sizes = [
  // One position at a time.
  { batch: 1, heads: 3, seqQ: 1, seqK: 64, headDim: 64 },
  { batch: 2, heads: 2, seqQ: 1, seqK: 70, headDim: 64 },
  { batch: 2, heads: 2, seqQ: 4, seqK: 33, headDim: 32 },
  { batch: 1, heads: 4, seqQ: 2, seqK: 128, headDim: 16 },
  // 16 at a time, and a few left over.
  { batch: 1, heads: 2, seqQ: 16, seqK: 64, headDim: 64 },
  { batch: 2, heads: 2, seqQ: 9, seqK: 67, headDim: 64 },
  { batch: 2, heads: 3, seqQ: 37, seqK: 90, headDim: 32 },
  { batch: 1, heads: 2, seqQ: 20, seqK: 40, headDim: 16 },
  // Heads of another size are left to ggml.
  { batch: 1, heads: 2, seqQ: 1, seqK: 64, headDim: 48 },
  { batch: 1, heads: 2, seqQ: 9, seqK: 64, headDim: 48 },
];
const cases: Case[] = sizes.flatMap((size) =>
  [false, true].map((hasHole) => ({ ...size, hasHole }))
);

for (const dtype of ["f32", "f16"] as const) {
  Deno.test(`flashAttention() to a cache of ${dtype} equals its definition`, () => {
    for (const c of cases) {
      const { batch, heads, seqQ, seqK, headDim } = c;
      const q = noise(batch * heads * seqQ * headDim);
      const { input: mask, allowed } = makeMask(c);
      const shape = [batch, heads, seqK, headDim];
      const [k, v] = [0, 0].map(() => {
        const values = noise(batch * heads * seqK * headDim);
        if (dtype === "f32") return { values, input: f32(shape, values) };
        const halves = Float16Array.from(values);
        return { values: halves, input: { shape, data: new Uint16Array(halves.buffer) } };
      });
      const actual = evaluate(
        backend,
        [f32([batch, heads, seqQ, headDim], q), k.input, v.input, mask],
        (q, k, v, mask) => flashAttention(q, k, v, mask, 0.3),
      );
      const isOurs = library().gpt2_has_gelu_kernel() && headDim !== 48;
      const tolerance = dtype === "f32" || isOurs ? F32_ROUNDING : HALF_ROUNDING;
      assertClose(
        actual.data,
        attend(c, q, k.values, v.values, allowed, 0.3),
        tolerance,
        JSON.stringify(c),
      );
    }
  });
}

Deno.test("flashAttention() with large scores does not overflow", () => {
  const q = new Float32Array(16).fill(100);
  const k = Float32Array.from({ length: 64 * 16 }, (_, i) => Math.floor(i / 16) === 7 ? 10 : -10);
  const v = noise(64 * 16);
  const { input: mask } = makeMask({ batch: 1, seqQ: 1, seqK: 64, hasHole: true });
  const { data } = evaluate(
    backend,
    [
      f32([1, 1, 1, 16], q),
      { shape: [1, 1, 64, 16], data: k },
      { shape: [1, 1, 64, 16], data: v },
      mask,
    ],
    (q, k, v, mask) => flashAttention(q, k, v, mask, 1),
  );
  assertClose(data, v.slice(7 * 16, 8 * 16), 0, "all weight is on key 7");
});

Deno.test("gelu() equals its formula from -30 to 30, for any number of elements", () => {
  for (const length of [1, 15, 16, 17, 3073]) {
    const x = Float32Array.from({ length }, (_, i) => -30 + 60 * i / Math.max(1, length - 1));
    const expected = [...x].map((x) =>
      0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)))
    );
    const { data } = evaluate(backend, [f32([length], x)], gelu);
    // Relative to the input: where the output is near 0, the formula itself cancels.
    const errors = [...data].map((y, i) => Math.abs(y - expected[i]) / Math.max(1, Math.abs(x[i])));
    assert(Math.max(...errors) < 1e-6, `${length} elements: ${Math.max(...errors)}`);
  }
});

Deno.test("layerNorm() equals its definition, for any width and far from 0", () => {
  for (const width of [1, 15, 16, 20, 48, 768]) {
    const x = noise(3 * width).map((value, i) => value + 100 * Math.floor(i / width));
    const [weight, bias] = [noise(width), noise(width)];
    const expected = [...x].map((value, i) => {
      const row = [...x.subarray(i - i % width, i - i % width + width)];
      const mean = row.reduce((sum, v) => sum + v) / width;
      const variance = row.reduce((sum, v) => sum + (v - mean) ** 2, 0) / width;
      return (value - mean) / Math.sqrt(variance + 1e-5) * weight[i % width] + bias[i % width];
    });
    const { data } = evaluate(
      backend,
      [f32([3, width], x), f32([width], weight), f32([width], bias)],
      (x, weight, bias) => layerNorm(x, weight, bias, 1e-5),
    );
    // A number near 200 has lost 1.5e-5 of itself before it comes here.
    assertClose(data, expected, 2e-4, `width ${width}`);
    assertClose(data.slice(0, width), expected.slice(0, width), F32_ROUNDING, `width ${width}`);
  }
});
