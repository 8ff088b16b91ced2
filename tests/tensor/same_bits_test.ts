// A column of a product, and a position of attention, have the same bits whatever is computed beside them.
// docs/architecture.md says where that holds: wherever this package's own kernels compute.

import { assertEquals, AssertionError, assertThrows } from "@std/assert";
import { Random } from "../../src/base/random.ts";
import { quantizeRows } from "../../src/ffi/quantize.ts";
import { type TensorType, tensorTypeInfo } from "../../src/formats/tensor_type.ts";
import { Backend } from "../../src/tensor/backend.ts";
import { setElements } from "../../src/tensor/data.ts";
import { canAttendRagged } from "../../src/tensor/fused_attention.ts";
import { Graph } from "../../src/tensor/graph.ts";
import { MemoryPlanner } from "../../src/tensor/memory_planner.ts";
import { gelu } from "../../src/tensor/activations.ts";
import { add } from "../../src/tensor/elementwise.ts";
import { layerNorm, softmax } from "../../src/tensor/normalization.ts";
import { flashAttention } from "../../src/tensor/flash_attention.ts";
import { matmul } from "../../src/tensor/ops.ts";
import { raggedAttention } from "../../src/tensor/ragged_attention.ts";
import { recordOf, type Tensor } from "../../src/tensor/tensor.ts";
import { contiguous, permute } from "../../src/tensor/views.ts";

const backend = Backend.cpu({ threads: 2 });
/** Elsewhere ggml computes, which has other orders for one and for several. */
const hasKernels = canAttendRagged(backend, 64, "f16");
const random = new Random(5);
const noise = (length: number) => Float32Array.from({ length }, () => random.normal());

/** Throws unless all bits agree, also those of zeros. */
function assertSameBits(actual: Float32Array, expected: Float32Array, what: string): void {
  assertEquals(actual.length, expected.length, what);
  const [a, b] = [actual, expected].map((x) => new Uint32Array(x.buffer, x.byteOffset, x.length));
  const numDifferent = a.filter((bits, i) => bits !== b[i]).length;
  if (numDifferent === 0) return;
  const first = a.findIndex((bits, i) => bits !== b[i]);
  throw new AssertionError(
    `${what}: ${numDifferent} of ${a.length} numbers differ, the first at ${first}: ` +
      `${actual[first]} instead of ${expected[first]}`,
  );
}

/** Computes once with each number of threads, and returns what came out both times. */
function compute(graph: Graph, result: Tensor, what: string): Float32Array {
  const read = (threads: number) => {
    graph.compute(threads);
    return graph.readF32(result).slice();
  };
  const both = read(2);
  assertSameBits(read(1), both, `${what}, one thread beside two`);
  return both;
}

Deno.test("assertSameBits() sees the last bit, and the sign of a zero", () => {
  const [a, b] = [noise(9), noise(0)];
  assertSameBits(a, a.slice(), "equal");
  assertSameBits(b, b, "empty");
  const nearly = a.slice();
  new Uint32Array(nearly.buffer)[8] ^= 1;
  assertThrows(() => assertSameBits(nearly, a, "x"), AssertionError, "x: 1 of 9 numbers differ");
  assertThrows(() => assertSameBits(Float32Array.of(-0), Float32Array.of(0), "x"), AssertionError);
});

const types: readonly TensorType[] = [
  "f32",
  "f16",
  "bf16",
  "q8_0",
  "q6_k",
  "q5_k",
  "q5_1",
  "q5_0",
  "q4_k",
  "q4_1",
  "q4_0",
];
/** With rows that are and are not whole tiles, and rows so long that columns pass by in several turns. */
const matrices = [[96, 64], [101, 768], [64, 3072]] as const;
const NUM_COLUMNS = [1, 2, 3, 5, 6, 7, 8, 13, 40];

for (const dtype of types) {
  Deno.test(`matmul() with ${dtype}: a column has the same bits beside any number of others`, async () => {
    if (!hasKernels) return assertEquals(canAttendRagged(backend, 64, "f16"), false);
    for (const [rows, width] of matrices) {
      if (width % tensorTypeInfo(dtype).blockSize !== 0) continue;
      const planner = new MemoryPlanner(backend);
      const slot = planner.addMatrix({ shape: [rows, width], dtype });
      // In an order of ggml's: nothing is promised then.
      if (slot.memory === "repacked") continue;
      const [buffer] = planner.allocate();
      using _buffer = buffer;
      const bytes = new Uint8Array(slot.tensor().byteLength);
      await quantizeRows(tensorTypeInfo(dtype).id, noise(rows * width), bytes, rows, width);
      setElements(recordOf(slot.tensor()), bytes);
      const x = noise(40 * width);
      const product = (numColumns: number) => {
        using graph = new Graph(backend);
        const input = graph.input([numColumns, width], "f32", "x");
        const y = graph.output(matmul(slot.tensor(), input));
        graph.allocate();
        graph.write(input, x.subarray(0, numColumns * width));
        return compute(graph, y, `${rows} x ${width}, ${numColumns} columns`);
      };
      const expected = product(40);
      for (const numColumns of NUM_COLUMNS) {
        const what = `${rows} x ${width} (${slot.memory}), ${numColumns} columns beside 40`;
        assertSameBits(product(numColumns), expected.subarray(0, numColumns * rows), what);
      }
    }
  });
}

const HEADS = 3;
const ROWS = 150;

/** Keys or values of 3 texts, (heads slots rows head_dim). */
function cacheOf(headDim: number, dtype: "f16" | "f32"): ArrayBufferView<ArrayBuffer> {
  const values = noise(HEADS * 3 * ROWS * headDim);
  return dtype === "f32" ? values : new Uint16Array(Float16Array.from(values).buffer);
}

for (const dtype of ["f16", "f32"] as const) {
  Deno.test(`attention to ${dtype}: a position has the same bits beside any others, in both operations`, () => {
    if (!hasKernels) return assertEquals(canAttendRagged(backend, 64, dtype), false);
    for (const headDim of [16, 32, 64, 128]) {
      const [k, v] = [cacheOf(headDim, dtype), cacheOf(headDim, dtype)];
      // Position i of each text is its row i.
      const queries = noise(3 * ROWS * HEADS * headDim);
      const queryOf = ([text, i]: readonly [number, number]) => {
        const at = (text * ROWS + i) * HEADS * headDim;
        return queries.subarray(at, at + HEADS * headDim);
      };
      const attended = (positions: readonly (readonly [number, number])[], what: string) => {
        using graph = new Graph(backend);
        const seq = positions.length;
        const query = graph.input([1, seq, HEADS, headDim], "f32", "query");
        const [key, value] = ["key", "value"].map((name) =>
          graph.input([HEADS, 3, ROWS, headDim], dtype, name)
        );
        const [slots, counts] = ["slots", "counts"].map((name) => graph.input([seq], "i32", name));
        const heads = raggedAttention(
          permute(query, [0, 2, 1, 3]),
          permute(key, [1, 0, 2, 3]),
          permute(value, [1, 0, 2, 3]),
          slots,
          counts,
          0.2,
        );
        const result = graph.output(contiguous(permute(heads, [0, 2, 1, 3])));
        graph.allocate();
        graph.write(query, Float32Array.from(positions.flatMap((p) => [...queryOf(p)])));
        graph.write(key, k);
        graph.write(value, v);
        graph.write(slots, Int32Array.from(positions, ([slot]) => slot));
        graph.write(counts, Int32Array.from(positions, ([, i]) => i + 1));
        return compute(graph, result, what);
      };
      const masked = (text: number, start: number, seq: number, seqK: number) => {
        using graph = new Graph(backend);
        const query = graph.input([1, seq, HEADS, headDim], "f32", "query");
        const [key, value] = ["key", "value"].map((name) =>
          graph.input([1, HEADS, seqK, headDim], dtype, name)
        );
        const mask = graph.input([1, 1, seq, seqK], "f16", "mask");
        const heads = flashAttention(permute(query, [0, 2, 1, 3]), key, value, mask, 0.2);
        const result = graph.output(contiguous(permute(heads, [0, 2, 1, 3])));
        graph.allocate();
        const rowsOf = (cache: ArrayBufferView<ArrayBuffer>) => {
          const rowBytes = cache.byteLength / (HEADS * 3 * ROWS);
          const bytes = new Uint8Array(HEADS * seqK * rowBytes);
          for (let head = 0; head < HEADS; head++) {
            const from = (head * 3 + text) * ROWS * rowBytes;
            bytes.set(
              new Uint8Array(cache.buffer, from, Math.min(seqK, ROWS) * rowBytes),
              head * seqK * rowBytes,
            );
          }
          return bytes;
        };
        const allowed = Uint16Array.from(
          { length: seq * seqK },
          (_, i) => i % seqK <= start + Math.floor(i / seqK) ? 0 : 0xfc00,
        );
        const at = text * ROWS + start;
        graph.write(
          query,
          queries.slice(at * HEADS * headDim, (at + seq) * HEADS * headDim),
        );
        graph.write(key, rowsOf(k));
        graph.write(value, rowsOf(v));
        graph.write(mask, allowed);
        return compute(graph, result, `masks, ${seq} of ${seqK}`);
      };

      const whole = (text: number) => Array.from({ length: ROWS }, (_, i) => [text, i] as const);
      const everything = [0, 1, 2].flatMap(whole);
      const expected = attended(everything, "all positions");
      const expectedOf = ([text, i]: readonly [number, number]) => {
        const at = (text * ROWS + i) * HEADS * headDim;
        return expected.subarray(at, at + HEADS * headDim);
      };
      const check = (positions: readonly (readonly [number, number])[], what: string) => {
        const all = Float32Array.from(positions.flatMap((p) => [...expectedOf(p)]));
        assertSameBits(attended(positions, what), all, `heads of ${headDim}: ${what}`);
      };
      for (const i of [0, 1, 15, 16, 17, 62, 149]) check([[1, i]], `position ${i} alone`);
      check(everything.slice(140, 145), "five positions");
      check(everything.slice(137, 170), "the end of a text and the beginning of another");
      check(everything.map((_, i) => everything[i * 7 % 450]), "another order");
      check([...everything].reverse(), "backwards");
      for (const [start, seq, seqK] of [[0, 150, 192], [60, 1, 64], [60, 1, 128], [100, 37, 192]]) {
        const at = (ROWS + start) * HEADS * headDim;
        assertSameBits(
          masked(1, start, seq, seqK),
          expected.subarray(at, at + seq * HEADS * headDim),
          `heads of ${headDim}: with masks, ${seq} positions from ${start} to ${seqK} keys`,
        );
      }
    }
  });
}

Deno.test("what is computed row by row has the same bits beside any number of other rows", () => {
  const width = 80;
  const [x, weight, bias] = [noise(33 * width), noise(width), noise(width)];
  const operations: Record<string, (x: Tensor, weight: Tensor, bias: Tensor) => Tensor> = {
    "layerNorm()": (x, weight, bias) => layerNorm(x, weight, bias, 1e-5),
    "gelu()": gelu,
    "add()": (x, weight) => add(x, weight),
    "softmax()": (x) => softmax(x),
  };
  for (const [name, operation] of Object.entries(operations)) {
    const computed = (first: number, numRows: number) => {
      using graph = new Graph(backend);
      const [a, b, c] = [
        graph.input([numRows, width], "f32", "x"),
        graph.input([width], "f32", "weight"),
        graph.input([width], "f32", "bias"),
      ];
      const y = graph.output(operation(a, b, c));
      graph.allocate();
      graph.write(a, x.slice(first * width, (first + numRows) * width));
      graph.write(b, weight);
      graph.write(c, bias);
      return compute(graph, y, name);
    };
    const expected = computed(0, 33);
    for (const [first, numRows] of [[0, 1], [32, 1], [3, 2], [5, 17]]) {
      const part = expected.subarray(first * width, (first + numRows) * width);
      assertSameBits(computed(first, numRows), part, `${name}, ${numRows} rows from ${first}`);
    }
  }
});
