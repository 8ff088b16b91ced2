// Attention to the slots of a cache, beside its definition.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { Random } from "../../src/base/random.ts";
import { Backend } from "../../src/tensor/backend.ts";
import { canAttendRagged } from "../../src/tensor/fused_attention.ts";
import { Graph } from "../../src/tensor/graph.ts";
import { scale } from "../../src/tensor/elementwise.ts";
import { topK } from "../../src/tensor/tables.ts";
import { raggedAttention } from "../../src/tensor/ragged_attention.ts";
import { permute, reshape, slice } from "../../src/tensor/views.ts";
import { assertClose } from "../close.ts";
import { evaluate, f32, i32, type Input } from "./evaluate.ts";

/** A few roundings of F32 on values around 1. */
const F32_ROUNDING = 1e-5;

const FACTOR = 0.3;

const backend = Backend.cpu({ threads: 2 });
/** Whether the library and the processor have the kernels: elsewhere the operation is refused. */
const hasKernel = canAttendRagged(backend, 64, "f16");
const random = new Random(3);
const noise = (length: number) => Float32Array.from({ length }, () => random.normal());

interface Case {
  heads: number;
  slots: number;
  rows: number;
  headDim: number;
  dtype: "f16" | "f32";
  /** Of each position: its slot, and how many rows it sees. */
  positions: readonly (readonly [slot: number, count: number])[];
}

/** A cache as it lies in memory, (heads slots rows head_dim), and its values. */
function makeCache({ heads, slots, rows, headDim, dtype }: Case): {
  input: Input;
  values: ArrayLike<number>;
} {
  const shape = [heads, slots, rows, headDim];
  const values = noise(heads * slots * rows * headDim);
  if (dtype === "f32") return { values, input: f32(shape, values) };
  const halves = Float16Array.from(values);
  return { values: halves, input: { shape, data: new Uint16Array(halves.buffer) } };
}

/** (1 heads seq_q head_dim), as it is defined, in double precision. */
function attend(
  { heads, slots, rows, headDim, positions }: Case,
  q: ArrayLike<number>,
  k: ArrayLike<number>,
  v: ArrayLike<number>,
): number[] {
  const result: number[] = [];
  for (let head = 0; head < heads; head++) {
    positions.forEach(([slot, count], s) => {
      const first = (head * slots + slot) * rows;
      const weights = Array.from({ length: count }, (_, j) => {
        let sum = 0;
        for (let d = 0; d < headDim; d++) {
          sum += q[(s * heads + head) * headDim + d] * k[(first + j) * headDim + d];
        }
        return Math.exp(sum * FACTOR);
      });
      const total = weights.reduce((sum, weight) => sum + weight, 0);
      for (let d = 0; d < headDim; d++) {
        let sum = 0;
        for (let j = 0; j < count; j++) sum += weights[j] * v[(first + j) * headDim + d];
        result.push(count === 0 ? 0 : sum / total);
      }
    });
  }
  return result;
}

/** What the operation makes of it; the query lies as (seq_q heads head_dim), as the model computes it. */
function actualOf(c: Case, q: ArrayLike<number>, k: Input, v: Input): number[] {
  const { heads, headDim, positions } = c;
  const numbers = (i: 0 | 1) => i32([positions.length], positions.map((p) => p[i]));
  return evaluate(
    backend,
    [f32([1, positions.length, heads, headDim], q), k, v, numbers(0), numbers(1)],
    (q, k, v, slots, counts) =>
      raggedAttention(
        permute(q, [0, 2, 1, 3]),
        permute(k, [1, 0, 2, 3]),
        permute(v, [1, 0, 2, 3]),
        slots,
        counts,
        FACTOR,
      ),
  ).data;
}

/** The last `seq` of `count` rows of a slot, each of which sees itself and those before. */
function reading(slot: number, count: number, seq: number): [number, number][] {
  return Array.from({ length: seq }, (_, i) => [slot, count - seq + i + 1]);
}

/** The same positions in an order in which hardly any neighbours belong together. */
function mixed(positions: readonly [number, number][]): [number, number][] {
  assertEquals(positions.length % 11 === 0, false, "each is taken once");
  return positions.map((_, i) => positions[i * 11 % positions.length]);
}

const layouts: Record<string, { rows: number; positions: [number, number][] }> = {
  "one new position": { rows: 70, positions: [[1, 70]] },
  "a position of each text": { rows: 40, positions: [[0, 40], [1, 1], [2, 17], [3, 33]] },
  "a few positions of a text": { rows: 21, positions: reading(2, 21, 4) },
  "a whole text": { rows: 67, positions: reading(0, 67, 67) },
  "the end of a text": { rows: 90, positions: reading(3, 90, 21) },
  "texts that are read while others are written": {
    rows: 64,
    positions: [...reading(2, 37, 30), [0, 64], [1, 3], ...reading(3, 19, 5)],
  },
  "positions in any order": {
    rows: 30,
    positions: mixed([...reading(0, 30, 12), ...reading(2, 14, 14), [1, 0], [3, 7], [3, 8]]),
  },
  "positions that see nothing": {
    rows: 20,
    positions: [[1, 0], ...reading(1, 9, 9), [1, 0], [2, 20], ...reading(0, 6, 6), [0, 0]],
  },
};

for (const dtype of ["f16", "f32"] as const) {
  Deno.test(`raggedAttention() to a cache of ${dtype} equals its definition, or is refused`, () => {
    for (const [layout, { rows, positions }] of Object.entries(layouts)) {
      for (const headDim of [16, 32, 64, 128]) {
        const c: Case = { heads: 3, slots: 4, rows, headDim, dtype, positions };
        const q = noise(3 * positions.length * headDim);
        const [k, v] = [makeCache(c), makeCache(c)];
        const actual = () => actualOf(c, q, k.input, v.input);
        if (!hasKernel) {
          assertThrows(actual, TypeError, "there is no kernel for it here");
          continue;
        }
        const expected = attend(c, q, k.values, v.values);
        assertClose(actual(), expected, F32_ROUNDING, `${layout}, heads of ${headDim}`);
      }
    }
  });
}

Deno.test("raggedAttention() does not look at rows behind those that a position sees", () => {
  if (!hasKernel) return assert(!canAttendRagged(backend, 16, "f32"));
  const c: Case = {
    heads: 1,
    slots: 2,
    rows: 24,
    headDim: 16,
    dtype: "f32",
    positions: reading(1, 20, 20),
  };
  const q = noise(20 * 16);
  const [k, v] = [noise(2 * 24 * 16), noise(2 * 24 * 16)];
  const shape = [1, 2, 24, 16];
  const expected = actualOf(c, q, f32(shape, k), f32(shape, v));
  // Infinities and NaN from row 10 of the slot on: the first ten positions do not see them.
  const spoilt = (x: Float32Array, value: number) => f32(shape, x.slice().fill(value, 34 * 16));
  const actual = actualOf(c, q, spoilt(k, NaN), spoilt(v, Infinity));
  assertEquals(actual.slice(0, 10 * 16), expected.slice(0, 10 * 16));
  assert(actual.slice(10 * 16).every(Number.isNaN), "the others do");
});

Deno.test("raggedAttention() takes the last rows of a larger cache, and part of its slots", () => {
  const c: Case = {
    heads: 2,
    slots: 3,
    rows: 12,
    headDim: 16,
    dtype: "f32",
    positions: [[1, 12], ...reading(0, 7, 7)],
  };
  if (!hasKernel) return assert(!canAttendRagged(backend, 16, "f32"));
  const q = noise(8 * 2 * 16);
  // (heads slots rows head_dim), of which slots 1 and 2 and rows 5 to 12 are taken.
  const [k, v] = [makeCache(c), makeCache(c)];
  const part = (x: ArrayLike<number>) =>
    Float32Array.from({ length: 2 * 2 * 7 * 16 }, (_, i) => {
      const d = i % 16, row = Math.floor(i / 16) % 7, slot = Math.floor(i / 112) % 2;
      return x[((Math.floor(i / 224) * 3 + slot + 1) * 12 + row + 5) * 16 + d];
    });
  const positions: [number, number][] = [[1, 7], ...reading(0, 7, 7)];
  const expected = attend(
    { ...c, slots: 2, rows: 7, positions },
    q,
    part(k.values),
    part(v.values),
  );
  const { data } = evaluate(
    backend,
    [
      f32([1, 8, 2, 16], q),
      k.input,
      v.input,
      i32([8], positions.map(([slot]) => slot)),
      i32([8], positions.map(([, count]) => count)),
    ],
    (q, k, v, slots, counts) => {
      const [key, value] = [k, v].map((x) =>
        permute(slice(slice(x, 1, 1, 3), 2, 5, 12), [1, 0, 2, 3])
      );
      return raggedAttention(permute(q, [0, 2, 1, 3]), key, value, slots, counts, FACTOR);
    },
  );
  assertClose(data, expected, F32_ROUNDING);
});

Deno.test("raggedAttention() refuses arguments that do not fit", () => {
  using graph = new Graph(backend);
  const query = graph.input([1, 2, 3, 16], "f32", "query");
  const key = graph.input([4, 2, 8, 16], "f16", "key");
  const [slots, counts] = [graph.input([3], "i32", "slots"), graph.input([3], "i32", "counts")];
  const input = (shape: number[], dtype: "f32" | "f16" | "q4_0" | "i32") =>
    graph.input(shape, dtype, "x");
  const refused: [string, () => unknown][] = [
    ["f32 is needed", () => raggedAttention(key, key, key, slots, counts, 1)],
    ["a number is needed", () => raggedAttention(query, key, key, slots, counts, "1" as never)],
    [
      "(1, heads, seq_q, head_dim) is needed",
      () => raggedAttention(input([2, 2, 3, 16], "f32"), key, key, slots, counts, 1),
    ],
    [
      "(1, heads, seq_q, head_dim) is needed",
      () => raggedAttention(input([2, 3, 16], "f32"), key, key, slots, counts, 1),
    ],
    [
      "as key or value",
      () => raggedAttention(query, input([4, 1, 8, 16], "f16"), key, slots, counts, 1),
    ],
    [
      "as key or value",
      () => raggedAttention(query, key, input([4, 2, 9, 16], "f16"), slots, counts, 1),
    ],
    [
      "as key or value",
      () => raggedAttention(query, key, input([4, 2, 8, 16], "f32"), slots, counts, 1),
    ],
    [
      "as key or value",
      () => raggedAttention(query, reshape(key, [64, 16]), key, slots, counts, 1),
    ],
    [
      "not contiguous",
      () => {
        const turned = permute(input([4, 2, 16, 8], "f16"), [0, 1, 3, 2]);
        return raggedAttention(query, turned, key, slots, counts, 1);
      },
    ],
    ["as slots or counts", () => raggedAttention(query, key, key, input([2], "i32"), counts, 1)],
    ["as slots or counts", () => raggedAttention(query, key, key, slots, input([3], "f32"), 1)],
    ["as slots or counts", () => raggedAttention(query, key, key, slots, input([1, 3], "i32"), 1)],
    // No kernel has heads of this size, or reads this type.
    [
      "there is no kernel for it here",
      () => {
        const key = input([4, 2, 8, 24], "f16");
        return raggedAttention(input([1, 2, 3, 24], "f32"), key, key, slots, counts, 1);
      },
    ],
    [
      "there is no kernel for it here",
      () => {
        const key = input([4, 2, 8, 32], "q4_0");
        return raggedAttention(input([1, 2, 3, 32], "f32"), key, key, slots, counts, 1);
      },
    ],
  ];
  for (const [message, call] of refused) assertThrows(call, TypeError, message);
  assertEquals(canAttendRagged(backend, 24, "f16"), false);
  assertEquals(canAttendRagged(backend, 64, "q4_0"), false);
  if (!hasKernel) return;
  // Computed ids could be more than there are slots.
  const most = reshape(topK(scale(input([1, 9], "f32"), 1), 3), [3]);
  assertThrows(() => raggedAttention(query, key, key, most, counts, 1), RangeError);

  graph.output(raggedAttention(query, key, key, slots, counts, 1));
  graph.allocate();
  graph.write(slots, Int32Array.of(0, 3, 1));
  graph.write(counts, Int32Array.of(0, 8, 1));
  assertThrows(() => graph.write(slots, Int32Array.of(0, 4, 1)), RangeError, "from 0 to 3");
  assertThrows(() => graph.write(slots, Int32Array.of(-1, 0, 0)), RangeError, "from 0 to 3");
  assertThrows(() => graph.write(counts, Int32Array.of(1, 2, 9)), RangeError, "from 0 to 8");
  graph.compute();
});
