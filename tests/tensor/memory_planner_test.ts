import { assert, assertEquals, assertThrows } from "@std/assert";
import { dequantizeElements, quantizeRows } from "../../src/ffi/quantize.ts";
import { library } from "../../src/ffi/library.ts";
import { readCString } from "../../src/ffi/memory.ts";
import { rowBytes, type TensorType, tensorTypeInfo } from "../../src/formats/tensor_type.ts";
import { Random } from "../../src/base/random.ts";
import { Backend } from "../../src/tensor/backend.ts";
import { writeTensor } from "../../src/tensor/data.ts";
import { Graph } from "../../src/tensor/graph.ts";
import { repackedBufferTypes } from "../../src/tensor/buffer_types.ts";
import { MemoryPlanner } from "../../src/tensor/memory_planner.ts";
import { matmul } from "../../src/tensor/ops.ts";
import { slice } from "../../src/tensor/views.ts";
import { assertClose } from "../close.ts";

/** Sums of products in F32, in any order, relative to the largest of them. */
const SUMMATION_ERROR = 1e-5;
/** How much more the fast path may be off than the plain one, for luck in rounding. */
const ROUNDING_LUCK = 1.1;

const TYPES = ["q8_0", "q4_0", "q4_k", "q6_k", "q5_k", "q5_0", "f16"] as const;
/** One more than what a kernel computes at once, and everything below. */
const COLUMNS = [1, 2, 3, 4, 5, 6, 7, 8, 9, 31];

const backend = Backend.cpu({ threads: 2 });

interface Matrix {
  readonly dtype: TensorType;
  readonly shape: readonly [rows: number, inner: number];
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** What the bytes stand for. */
  readonly values: Float32Array<ArrayBuffer>;
}

async function randomMatrix(dtype: TensorType, rows: number, inner: number): Promise<Matrix> {
  const random = new Random(rows);
  const { id } = tensorTypeInfo(dtype);
  const values = Float32Array.from({ length: rows * inner }, () => random.normal());
  const bytes = new Uint8Array(rows * rowBytes(dtype, inner));
  await quantizeRows(id, values, bytes, rows, inner);
  await dequantizeElements(id, bytes, values, values.length);
  return { dtype, shape: [rows, inner], bytes, values };
}

/** Columns whose rounding to 8 bits, in blocks of 32 or 256, loses nothing. */
function integers(columns: number, inner: number): Float32Array<ArrayBuffer> {
  const random = new Random(columns);
  return Float32Array.from(
    { length: columns * inner },
    (_, i) => i % 32 === 0 ? 127 : Math.floor(random.next() * 255) - 127,
  );
}

function normal(columns: number, inner: number): Float32Array<ArrayBuffer> {
  const random = new Random(columns);
  return Float32Array.from({ length: columns * inner }, () => random.normal());
}

function expectedProduct({ shape: [rows, inner], values }: Matrix, x: Float32Array): Float32Array {
  return Float32Array.from({ length: (x.length / inner) * rows }, (_, i) => {
    const [column, row] = [Math.floor(i / rows), i % rows];
    let sum = 0;
    for (let k = 0; k < inner; k++) sum += values[row * inner + k] * x[column * inner + k];
    return sum;
  });
}

/** The product, with the matrix where the planner puts it, or in plain memory. */
function product(
  { dtype, shape, bytes }: Matrix,
  x: Float32Array<ArrayBuffer>,
  memory: "fast" | "plain" = "fast",
): { data: Float32Array; isRepacked: boolean } {
  const planner = new MemoryPlanner(backend);
  const slot = planner[memory === "fast" ? "addMatrix" : "addPlain"]({ shape, dtype });
  using stack = new DisposableStack();
  for (const buffer of planner.allocate()) stack.use(buffer);
  writeTensor(slot.tensor(), bytes);
  using graph = new Graph(backend);
  const input = graph.input([x.length / shape[1], shape[1]], "f32", "x");
  const result = graph.output(matmul(slot.tensor(), input));
  graph.allocate();
  graph.write(input, x);
  graph.compute();
  return {
    data: graph.readF32(result),
    isRepacked: slot.memory === "packed" || slot.memory === "repacked",
  };
}

const largest = (values: Float32Array) => values.reduce((max, v) => Math.max(max, Math.abs(v)), 0);
const meanSquare = (a: Float32Array, b: Float32Array) =>
  a.reduce((sum, v, i) => sum + (v - b[i]) ** 2, 0) / a.length;

for (const dtype of TYPES) {
  // 48 rows are not what every layout takes, and 96 columns are half a block too many for some.
  const shapes = tensorTypeInfo(dtype).blockSize === 256
    ? [[64, 256], [48, 768]]
    : [[64, 256], [48, 768], [32, 96], [33, 64]];

  Deno.test(`MemoryPlanner: products with a ${dtype} matrix in fast memory are right`, async () => {
    for (const [rows, inner] of shapes) {
      const matrix = await randomMatrix(dtype, rows, inner);
      for (const columns of COLUMNS) {
        const x = integers(columns, inner);
        const expected = expectedProduct(matrix, x);
        const what = `${dtype} (${rows}, ${inner}) times ${columns} columns`;
        assertClose(product(matrix, x).data, expected, SUMMATION_ERROR * largest(expected), what);
      }
    }
  });

  Deno.test(`MemoryPlanner: fast memory rounds no worse than plain memory, ${dtype}`, async () => {
    const matrix = await randomMatrix(dtype, 64, 768);
    for (const columns of [1, 13]) {
      const x = normal(columns, 768);
      const expected = expectedProduct(matrix, x);
      const fast = meanSquare(product(matrix, x).data, expected);
      const plain = meanSquare(product(matrix, x, "plain").data, expected);
      assert(fast <= plain * ROUNDING_LUCK, `${columns} columns: ${fast} instead of ${plain}`);
    }
  });
}

/** Where a block has numbers in half precision, which must not be infinite. */
const HALVES = { q8_0: [0], q4_0: [0], q4_k: [0, 2], q6_k: [208] } as const;

for (const dtype of ["q8_0", "q4_0", "q4_k", "q6_k"] as const) {
  Deno.test(`MemoryPlanner: sums of the largest integers lose nothing, ${dtype}`, async () => {
    const [rows, inner] = [32, 512];
    const { blockSize, blockBytes, id } = tensorTypeInfo(dtype);
    const bytes = new Uint8Array(rows * rowBytes(dtype, inner));
    const view = new DataView(bytes.buffer);
    // 0x80 is -128, 0x7f is 127, 0xff has all bits that integers of 4 and 6 bits have.
    const fillings = [0x80, 0x7f, 0xff, 0x00];
    for (let start = 0; start < bytes.length; start += blockBytes) {
      const row = start / blockBytes / (inner / blockSize);
      bytes.fill(fillings[Math.floor(row) % 4], start, start + blockBytes);
      for (const at of HALVES[dtype]) view.setUint16(start + at, 0x2c00, true);
    }
    const values = new Float32Array(rows * inner);
    await dequantizeElements(id, bytes, values, values.length);
    const matrix = { dtype, shape: [rows, inner], bytes, values } as const;
    const signs = [
      () => 1,
      () => -1,
      (i: number) => 1 - i % 2 * 2,
      (i: number) => i % 64 < 32 ? 1 : -1,
    ];
    for (const columns of COLUMNS) {
      const x = Float32Array.from(
        { length: columns * inner },
        (_, i) => 127 * signs[Math.floor(i / inner) % 4](i),
      );
      const expected = expectedProduct(matrix, x);
      const tolerance = SUMMATION_ERROR * largest(expected);
      assertClose(product(matrix, x).data, expected, tolerance, `${columns} columns`);
    }
  });
}

Deno.test("MemoryPlanner: a product reads columns wherever they lie", async () => {
  for (const dtype of ["q8_0", "q4_k"] as const) {
    const matrix = await randomMatrix(dtype, 64, 256);
    const wide = integers(6, 512);
    const expected = expectedProduct(matrix, wide.filter((_, i) => i % 512 >= 256));
    const planner = new MemoryPlanner(backend);
    const slot = planner.addMatrix(matrix);
    using stack = new DisposableStack();
    for (const buffer of planner.allocate()) stack.use(buffer);
    writeTensor(slot.tensor(), matrix.bytes);
    using graph = new Graph(backend);
    const x = graph.input([6, 512], "f32", "x");
    const result = graph.output(matmul(slot.tensor(), slice(x, 1, 256, 512)));
    graph.allocate();
    graph.write(x, wide);
    graph.compute();
    assertClose(graph.readF32(result), expected, SUMMATION_ERROR * largest(expected), dtype);
  }
});

Deno.test("MemoryPlanner puts matrices into fast memory that multiplies with them, and says so", async () => {
  const ggml = library();
  const names = repackedBufferTypes(backend)
    .map((type) => readCString(ggml.ggml_backend_buft_name(type)));
  const isFast = names.includes("PACKED") || names.includes("AMX");
  for (const dtype of ["q8_0", "q4_0", "q4_k", "q6_k"] as const) {
    const matrix = await randomMatrix(dtype, 64, 256);
    if (isFast) assertEquals(product(matrix, integers(1, 256)).isRepacked, true, dtype);
    assertEquals(product(matrix, integers(1, 256), "plain").isRepacked, false, dtype);
  }
  const odd = await randomMatrix("q8_0", 33, 64);
  assertEquals(product(odd, integers(1, 64)).isRepacked, false);
});

Deno.test("the comparison of products sees one wrong scale", async () => {
  const matrix = await randomMatrix("q8_0", 64, 256);
  const x = integers(3, 256);
  const expected = expectedProduct(matrix, x);
  matrix.bytes[1] ^= 1;
  const actual = product(matrix, x).data;
  assertThrows(() => assertClose(actual, expected, SUMMATION_ERROR * largest(expected)));
});
