// What ggml would end the process for, or do with memory that is not there, is an error before it comes to that. Calls in
// random order are tried in tests/public_calls.

import { assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { NativeError, OutOfMemoryError } from "../../src/base/errors.ts";
import { einsum, rearrange } from "../../src/einops/einops.ts";
import type { TensorType } from "../../src/formats/tensor_type.ts";
import { Backend } from "../../src/tensor/backend.ts";
import { Buffer } from "../../src/tensor/buffer.ts";
import { readTensor, writeTensor, writeTensorAsync } from "../../src/tensor/data.ts";
import { Graph, type GraphOptions } from "../../src/tensor/graph.ts";
import { add, scale, square } from "../../src/tensor/elementwise.ts";
import { flashAttention } from "../../src/tensor/flash_attention.ts";
import { constant, matmul, setRows } from "../../src/tensor/ops.ts";
import { lookup, pick, topK } from "../../src/tensor/tables.ts";
import { copy, reshape, slice } from "../../src/tensor/views.ts";

const backend = Backend.cpu({ threads: 2 });

/** A graph that doubles `x`, with memory. */
function doubling() {
  const graph = new Graph(backend);
  const x = graph.input([4], "f32", "x");
  const y = graph.output(scale(x, 2));
  graph.allocate();
  return { graph, x, y };
}

Deno.test("nothing is read, written or computed before allocate()", async () => {
  using graph = new Graph(backend);
  const x = graph.input([4], "f32", "x");
  const y = graph.output(scale(x, 2));
  const first = "Call allocate() first";
  assertThrows(() => graph.write(x, new Float32Array(4)), TypeError, first);
  assertThrows(() => graph.readF32(y), TypeError, first);
  assertThrows(() => graph.read(y, new Float32Array(4)), TypeError, first);
  assertThrows(() => graph.compute(), TypeError, first);
  await assertRejects(() => graph.computeAsync(), TypeError, first);
  assertEquals(graph.workingBytes, 0);
});

Deno.test("nothing is added to a graph after allocate()", () => {
  const { graph, x, y } = doubling();
  using _graph = graph;
  const late = "the graph has its memory already";
  assertThrows(() => add(x, y), TypeError, late);
  assertThrows(() => reshape(x, [2, 2]), TypeError, late);
  assertThrows(() => rearrange(x, "a -> 1 a"), TypeError, late);
  assertThrows(() => graph.input([1], "f32", "z"), TypeError, late);
  assertThrows(() => graph.constant([1], [1]), TypeError, late);
  assertThrows(() => graph.output(x), TypeError, late);
  assertThrows(() => graph.expand(x), TypeError, late);
  graph.allocate();
  graph.compute();
});

Deno.test("a graph that has been disposed of is not used, nor are its tensors", async () => {
  const { graph, x, y } = doubling();
  graph[Symbol.dispose]();
  const gone = "it has been disposed of";
  assertThrows(() => graph.write(x, new Float32Array(4)), TypeError, gone);
  assertThrows(() => graph.readF32(y), TypeError, gone);
  assertThrows(() => graph.compute(), TypeError, gone);
  await assertRejects(() => graph.computeAsync(), TypeError, gone);
  assertThrows(() => graph.allocate(), TypeError, gone);
  assertThrows(() => graph.operations, TypeError, gone);
  assertThrows(() => graph.input([1], "f32", "z"), TypeError, gone);
  assertThrows(() => graph.output(y), TypeError, gone);
  assertThrows(() => add(x, y), TypeError, gone);
  assertThrows(() => rearrange(x, "a -> 1 a"), TypeError, gone);
  assertThrows(() => einsum(x, y, "a, b -> a b"), TypeError, gone);
  assertEquals([graph.workingBytes, graph.backend.name], [0, backend.name]);
});

Deno.test("a backend that has been disposed of computes nothing", async () => {
  const other = Backend.cpu({ threads: 1 });
  const graph = new Graph(other);
  const x = graph.input([4], "f32", "x");
  const y = graph.output(scale(x, 2));
  graph.allocate();
  other[Symbol.dispose]();
  const gone = "Cannot use a backend: it has been disposed of";
  assertThrows(() => graph.write(x, new Float32Array(4)), TypeError, gone);
  assertThrows(() => graph.readF32(y), TypeError, gone);
  assertThrows(() => graph.compute(), TypeError, gone);
  await assertRejects(() => graph.computeAsync(), TypeError, gone);
  assertThrows(() => new Graph(other), TypeError, gone);
  assertThrows(() => new Buffer(other, [{ shape: [1], dtype: "f32" }]), TypeError, gone);
  assertThrows(() => add(x, x), TypeError, gone);
  assertEquals([other.name, other.places[0].name, other.isBusy], ["CPU", "CPU", false]);
  graph[Symbol.dispose]();
});

Deno.test("a buffer that has been disposed of is not used, nor is what was built from it", () => {
  const buffer = new Buffer(backend, [{ shape: [2, 4], dtype: "f32" }]);
  const [weight] = buffer.tensors;
  using graph = new Graph(backend);
  const x = graph.input([3, 4], "f32", "x");
  graph.output(matmul(weight, x));
  graph.allocate();
  using later = new Graph(backend);
  const z = later.input([3, 4], "f32", "z");
  buffer[Symbol.dispose]();
  const gone = "Cannot use a buffer: it has been disposed of";
  assertThrows(() => graph.compute(), TypeError, gone);
  assertThrows(() => matmul(weight, z), TypeError, gone);
  assertThrows(() => einsum(z, weight, "a b, c b -> a c"), TypeError, gone);
  assertThrows(() => writeTensor(weight, new Float32Array(8)), TypeError, gone);
  assertThrows(() => readTensor(weight, new Float32Array(8)), TypeError, gone);
  assertThrows(() => buffer.fill(0), TypeError, gone);
  assertThrows(() => buffer.byteLength, TypeError, gone);
});

Deno.test("tensors of different graphs or backends do not mix", () => {
  using first = new Graph(backend);
  using second = new Graph(backend);
  const [x, y] = [first, second].map((graph) => graph.input([4], "f32", "x"));
  assertThrows(
    () => add(x, y),
    TypeError,
    "different graphs. A tensor is of use only in the graph",
  );
  assertThrows(() => einsum(x, y, "a, a -> a"), TypeError, "different graphs");
  assertThrows(() => first.output(y), TypeError, "not a tensor of this graph");
  assertThrows(() => first.write(y, new Float32Array(4)), TypeError, "not a tensor of this graph");
  assertThrows(() => first.readF32(y), TypeError, "not a tensor of this graph");
  using other = Backend.cpu({ threads: 1 });
  using buffer = new Buffer(other, [{ shape: [1, 4], dtype: "f32" }]);
  const [weight] = buffer.tensors;
  const rows = reshape(x, [1, 4]);
  assertThrows(() => add(x, weight), TypeError, "belongs to another backend");
  assertThrows(() => matmul(weight, rows), TypeError, "belongs to another backend");
  assertThrows(() => first.output(weight), TypeError, "not a tensor of this graph");
});

Deno.test("a graph is left alone while it is computed", async () => {
  const graph = new Graph(backend);
  let x = graph.input([128, 128], "f32", "x");
  const input = x;
  for (let i = 0; i < 50; i++) x = matmul(x, x);
  graph.output(x);
  graph.allocate();
  using another = doubling().graph;
  const running = graph.computeAsync();
  const { Busy } = Deno.errors;
  assertThrows(() => graph.write(input, new Float32Array(1)), Busy);
  assertThrows(() => graph.readF32(x), Busy);
  assertThrows(() => graph.compute(), Busy);
  await assertRejects(() => graph.computeAsync(), Busy);
  assertThrows(() => another.compute(), Busy);
  await assertRejects(() => another.computeAsync(), Busy);
  assertThrows(() => graph.output(x), TypeError, "memory already");
  assertThrows(() => graph.write(input, new Float32Array(1)), Busy);
  await running;
  graph.write(input, new Float32Array(1));
  // What it works on is freed when it has ended.
  const last = graph.computeAsync();
  graph[Symbol.dispose]();
  assertThrows(() => graph.readF32(x), TypeError, "disposed");
  await last;
});

Deno.test("only inputs are written, only inputs and outputs are read", () => {
  using graph = new Graph(backend);
  const x = graph.input([2, 2], "f32", "x");
  const middle = scale(x, 2);
  const unused = scale(x, 3);
  const y = graph.output(square(middle));
  const c = graph.constant([2], [5, 6]);
  graph.output(add(x, constant([1], [1], x)));
  graph.allocate();
  assertEquals([...graph.readF32(c)], [5, 6]);
  assertThrows(() => graph.write(c, new Float32Array(2)), TypeError, "no input");
  for (const other of [middle, unused, y]) {
    assertThrows(() => graph.write(other, new Float32Array(4)), TypeError, "no input");
  }
  for (const other of [middle, unused]) {
    assertThrows(() => graph.readF32(other), TypeError, "no output");
  }
  graph.write(x, Float32Array.of(1, 2, 3, 4));
  graph.compute();
  assertEquals([...graph.readF32(x)], [1, 2, 3, 4]);
  assertEquals([...graph.readF32(y)], [4, 16, 36, 64]);
  const wrong = [[1], new DataView(new ArrayBuffer(16)), "1234", null] as unknown[];
  for (const data of wrong) {
    assertThrows(
      () => graph.write(x, data as Float32Array<ArrayBuffer>),
      TypeError,
      "Cannot write",
    );
  }
  assertThrows(() => graph.readF32(x, undefined, 1.5), RangeError, "offset 6");
  assertThrows(() => graph.readF32(x, new Float32Array(2), NaN), RangeError, "offset NaN");
});

Deno.test("an output that is a view of a result keeps its value", () => {
  using graph = new Graph(backend);
  const x = graph.input([2, 2], "f32", "x");
  const view = graph.output(reshape(scale(x, 2), [4]));
  // Results that would take the memory of what is not needed any more.
  let later = square(view);
  for (let i = 0; i < 5; i++) later = scale(later, 2);
  graph.output(later);
  graph.allocate();
  graph.write(x, Float32Array.of(1, 2, 3, 4));
  graph.compute();
  assertEquals([...graph.readF32(view)], [2, 4, 6, 8]);
});

Deno.test("ids are those of rows that there are: zeros first, checked when they are written", () => {
  using graph = new Graph(backend);
  const table = graph.input([3, 2], "f32", "table");
  const ids = graph.input([2], "i32", "ids");
  // By way of views and copies; the smallest table counts.
  const rows = graph.output(lookup(table, copy(reshape(ids, [2, 1]))));
  graph.output(lookup(graph.input([5, 1], "f32", "larger"), slice(ids, 0, 1, 2)));
  const free = graph.input([1], "i32", "free");
  graph.allocate();
  graph.write(table, Float32Array.of(0, 1, 10, 11, 20, 21));
  graph.compute();
  assertEquals([...graph.readF32(rows)], [0, 1, 0, 1]);
  const refuse = (data: ArrayBufferView<ArrayBuffer>, message: string, offset = 0) =>
    assertThrows(() => graph.write(ids, data, offset), Error, message);
  refuse(Int32Array.of(0, 3), "from 0 to 2: received 3 at index 1");
  refuse(Int32Array.of(-1, 0), "received -1 at index 0");
  refuse(Float32Array.of(0, 1), "as Int32Array");
  refuse(new Uint8Array(3), "ids are written whole");
  refuse(new Uint8Array(4), "ids are written whole", 2);
  graph.write(ids, Int32Array.of(1), 4);
  graph.write(ids, new Uint8Array([9, 2, 0, 0, 0]).subarray(1));
  graph.write(free, Int32Array.of(-7));
  graph.compute();
  assertEquals([...graph.readF32(rows)], [20, 21, 10, 11]);
});

Deno.test("rows of a cache are those that there are", () => {
  using cache = new Buffer(backend, [{ shape: [1, 1, 3, 2], dtype: "f32" }]);
  using graph = new Graph(backend);
  const rows = graph.input([1, 1, 1, 2], "f32", "rows");
  const index = graph.input([1, 1, 1], "i32", "index");
  graph.output(setRows(cache.tensors[0], rows, index));
  graph.allocate();
  assertThrows(() => graph.write(index, Int32Array.of(3)), RangeError, "from 0 to 2");
});

Deno.test("computed ids are used on tables that are large enough", () => {
  using graph = new Graph(backend);
  const x = graph.input([2, 5], "f32", "x");
  const [small, large] = [graph.input([4, 1], "f32", "s"), graph.input([5, 1], "f32", "l")];
  const largest = topK(x, 2);
  assertThrows(() => lookup(small, largest), RangeError, "received a table of 4 rows");
  assertThrows(() => pick(graph.input([2, 4], "f32", "y"), largest), RangeError, "of 4 rows");
  graph.output(lookup(large, largest));
  graph.output(pick(x, largest));
  using buffer = new Buffer(backend, [{ shape: [2], dtype: "i32" }]);
  assertThrows(() => lookup(large, buffer.tensors[0]), TypeError, "must be an input");
  graph.allocate();
  graph.compute();
});

Deno.test("writeTensorAsync() takes all of a tensor, but no ids", async () => {
  using graph = new Graph(backend);
  const [x, ids] = [graph.input([4], "f32", "x"), graph.input([4], "i32", "ids")];
  graph.allocate();
  await assertRejects(() => writeTensorAsync(x, new Float32Array(5)), RangeError);
  await assertRejects(() => writeTensorAsync(ids, new Int32Array(4)), TypeError, "ids are checked");
  await writeTensorAsync(x, Float32Array.of(1, 2, 3, 4));
  assertEquals([...graph.readF32(x)], [1, 2, 3, 4]);
});

Deno.test("types that ggml does not compute with are refused", () => {
  using graph = new Graph(backend);
  const x = graph.input([2, 4], "f32", "x");
  const ids = graph.input([1], "i32", "ids");
  const query = graph.input([1, 1, 2, 4], "f32", "query");
  const mask = graph.input([1, 1, 2, 2], "f16", "mask");
  for (const dtype of ["i8", "i16", "i32", "i64", "f64"] as const) {
    const y = graph.input([2, 4], dtype, "y");
    const key = reshape(graph.input([8], dtype, "key"), [1, 1, 2, 4]);
    assertThrows(() => matmul(y, x), TypeError, "Cannot multiply");
    assertThrows(() => einsum(x, y, "a b, c b -> a c"), TypeError);
    assertThrows(() => einsum(y, y, "a b, c b -> a c"), TypeError);
    assertThrows(() => lookup(y, ids), TypeError, "Cannot look up");
    assertThrows(() => flashAttention(query, key, key, mask, 1), TypeError, "Cannot attend");
    assertThrows(() => add(x, y), TypeError, "f32 is needed");
  }
});

Deno.test("an input of any type and size is placed, written and read", () => {
  const types: TensorType[] = [
    ...["f32", "f16", "bf16", "i8", "i16", "i32", "i64", "f64"] as const,
    ...["q4_0", "q4_1", "q5_0", "q5_1", "q8_0", "q2_k", "q3_k", "q4_k", "q5_k", "q6_k"] as const,
  ];
  for (const dtype of types) {
    for (const shape of [[256], [7, 256], [1, 3, 512], [2, 1, 3, 256]]) {
      using graph = new Graph(backend);
      const x = graph.input(shape, dtype, "x");
      graph.output(copy(x));
      graph.allocate();
      const data = Uint8Array.from({ length: x.byteLength }, (_, i) => i % 251);
      graph.write(x, data);
      graph.compute();
      const read = new Uint8Array(x.byteLength);
      graph.read(x, read);
      assertEquals(read, data, `${x}`);
    }
  }
  using graph = new Graph(backend);
  const refused = (shape: unknown, dtype: unknown, message: string) =>
    assertThrows(() => graph.input(shape as number[], dtype as "f32", "x"), Error, message);
  refused([7, 255], "q6_k", "multiple of 256");
  refused([7], "q9", 'no such element type: received "q9"');
  refused([7], "toString", "no such element type");
  refused(7, "f32", "a shape is a list");
  refused([], "f32", "1 to 4 axes");
  refused([1e9, 1e9], "f32", "too large");
});

Deno.test("options of a graph are checked", () => {
  for (const maxNodes of [0, -1, 1.5, NaN, 2 ** 31, "9"] as number[]) {
    assertThrows(() => new Graph(backend, { maxNodes }), Error, "maxNodes");
  }
  const attention = "flash" as GraphOptions["attention"];
  assertThrows(() => new Graph(backend, { attention }), Error, "attention");
  assertThrows(() => new Graph({} as Backend), TypeError);
  using large = new Graph(backend, { maxNodes: 1e9 });
  large.output(large.input([1], "f32", "x"));
  large.allocate();
  large.compute();
});

Deno.test("a graph takes as many operations as maxNodes says", () => {
  using graph = new Graph(backend, { maxNodes: 4 });
  let x = graph.input([1], "f32", "x");
  for (let i = 0; i < 2; i++) x = scale(x, 2);
  assertThrows(() => scale(x, 2), RangeError, "Raise maxNodes");
  graph.output(x);
  graph.allocate();
  graph.compute();
});

Deno.test("a graph grows with what is recorded, however deep it gets", () => {
  const NUM_OPERATIONS = 100_000;
  using graph = new Graph(backend);
  const x = graph.input([1], "f32", "x");
  let y = x;
  for (let i = 0; i < NUM_OPERATIONS; i++) y = scale(y, -1);
  graph.output(y);
  // Nobody needs these.
  scale(y, 3);
  graph.allocate();
  graph.write(x, Float32Array.of(7));
  graph.compute(1);
  assertEquals([...graph.readF32(y)], [7]);
  assertEquals(graph.operations.length, NUM_OPERATIONS + 1);
});

Deno.test("a graph that needs more memory than there is says so, and can be disposed of", () => {
  using graph = new Graph(backend);
  graph.output(scale(graph.input([2 ** 20, 2 ** 25], "f32", "x"), 2));
  for (let i = 0; i < 2; i++) {
    assertThrows(() => graph.allocate(), NativeError, "not enough memory");
    assertThrows(() => graph.compute(), TypeError, "Call allocate() first");
  }
});

Deno.test("tensors that need more memory than there is say how much, and what to do", () => {
  const specs = [{ shape: [3, 2], dtype: "f32" }, {
    shape: [2 ** 20, 2 ** 25],
    dtype: "f32",
  }] as const;
  const { message } = assertThrows(() => new Buffer(backend, specs), OutOfMemoryError);
  assertMatch(
    message,
    /^Cannot allocate 2 tensors, the first one \(3, 2\): they take 140,737\.5 GB, more .*memory.*\. Choose/,
  );
  if (Deno.build.os !== "linux") return;
  assertMatch(message, /, more than the [\d,.]+ GB of memory that are free\. /);
});

Deno.test("a computation takes at most the threads of its backend", async () => {
  const { graph } = doubling();
  using _graph = graph;
  for (const threads of [0, -1, 1.5, NaN, 3, 513, 1e9, "1", null] as number[]) {
    assertThrows(() => graph.compute(threads), RangeError, "an integer from 1 to 2");
    await assertRejects(() => graph.computeAsync(undefined, threads), RangeError, "from 1 to 2");
  }
  graph.compute(1);
  graph.compute(2);
});
