import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { Backend, type CpuOptions } from "../../src/tensor/backend.ts";
import { Buffer } from "../../src/tensor/buffer.ts";
import { readTensor, writeTensor } from "../../src/tensor/data.ts";
import { Graph, type GraphOptions } from "../../src/tensor/graph.ts";
import { add, scale } from "../../src/tensor/elementwise.ts";
import { matmul, setRows } from "../../src/tensor/ops.ts";

Deno.test("a graph computes again from whatever its inputs hold", async () => {
  using backend = Backend.cpu({ threads: 2 });
  using graph = new Graph(backend);
  const [a, b] = [graph.input([3], "f32", "a"), graph.input([3], "f32", "b")];
  const sum = graph.output(add(a, b));
  graph.allocate();
  graph.write(a, Float32Array.of(1, 2, 3));
  graph.write(b, Float32Array.of(10, 20, 30));
  graph.compute();
  assertEquals([...graph.readF32(sum)], [11, 22, 33]);
  // Only `a` is written again: `b` keeps its contents.
  graph.write(a, Float32Array.of(5, 5, 5));
  await graph.computeAsync();
  assertEquals([...graph.readF32(sum)], [15, 25, 35]);
});

Deno.test("setRows() writes into a cache that outlives the graph, batch by batch", () => {
  using backend = Backend.cpu({ threads: 1 });
  using cache = new Buffer(backend, [{ shape: [2, 1, 4, 2], dtype: "f32" }]);
  cache.fill(0);
  using graph = new Graph(backend);
  const rows = graph.input([2, 1, 1, 2], "f32", "rows");
  const index = graph.input([2, 1, 1], "i32", "index");
  graph.output(setRows(cache.tensors[0], rows, index));
  graph.allocate();
  graph.write(rows, Float32Array.of(1, 2, 3, 4));
  graph.write(index, Int32Array.of(3, 0));
  graph.compute();
  const contents = new Float32Array(16);
  readTensor(cache.tensors[0], contents);
  assertEquals([...contents], [0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 0, 0, 0, 0, 0, 0]);
});

Deno.test("a backend computes one graph at a time", async () => {
  using backend = Backend.cpu({ threads: 1 });
  using graph = new Graph(backend);
  const x = graph.input([1], "f32", "x");
  graph.output(scale(x, 2));
  graph.allocate();
  const running = graph.computeAsync();
  assertThrows(() => graph.compute(), Deno.errors.Busy, "another computation is running");
  await assertRejects(() => graph.computeAsync(), Deno.errors.Busy);
  await running;
  graph.compute();
});

Deno.test("an abort signal stops a computation between its operations", async () => {
  using backend = Backend.cpu({ threads: 1 });
  using graph = new Graph(backend);
  let x = graph.input([512, 512], "f32", "x");
  const weight = graph.input([512, 512], "f32", "weight");
  for (let i = 0; i < 400; i++) x = matmul(weight, x);
  graph.output(x);
  graph.allocate();
  const controller = new AbortController();
  setTimeout(() => controller.abort(), 5);
  await assertRejects(() => graph.computeAsync(controller.signal), DOMException, "aborted");
  await assertRejects(() => graph.computeAsync(AbortSignal.abort()), DOMException, "aborted");
  // The backend can be used again.
  using second = new Graph(backend);
  const y = second.input([1], "f32", "y");
  const doubled = second.output(scale(y, 2));
  second.allocate();
  second.write(y, Float32Array.of(21));
  await second.computeAsync();
  assertEquals([...second.readF32(doubled)], [42]);
});

Deno.test("disposing during a computation waits for its end", async () => {
  const backend = Backend.cpu({ threads: 2 });
  const graph = new Graph(backend);
  let x = graph.input([256, 256], "f32", "x");
  for (let i = 0; i < 50; i++) x = matmul(x, x);
  graph.output(x);
  graph.allocate();
  const running = graph.computeAsync();
  graph[Symbol.dispose]();
  backend[Symbol.dispose]();
  graph[Symbol.dispose]();
  await running;
  assertThrows(() => graph.compute(), TypeError, "disposed");
});

Deno.test("what is not ready or out of range is refused before ggml sees it", () => {
  using backend = Backend.cpu({ threads: 1 });
  using graph = new Graph(backend);
  const x = graph.input([2], "f32", "x");
  assertThrows(() => graph.compute(), TypeError, "Call allocate() first");
  graph.output(scale(x, 1));
  graph.allocate();
  assertThrows(() => graph.write(x, new Float32Array(3)), RangeError, "it has 8 bytes");
  assertThrows(() => graph.readF32(x, new Float32Array(2), 1), RangeError, "it has 8 bytes");
  assertThrows(() => graph.input([0], "f32", "y"), RangeError, "positive integer");
  assertThrows(() => graph.input([2, 3, 4, 5, 6], "f32", "y"), TypeError, "1 to 4 axes");
  assertThrows(() => Backend.cpu({ threads: "2" as unknown as number }), TypeError, "threads");
  assertThrows(() => Backend.cpu({ thread: 2 } as CpuOptions), TypeError, "Did you mean threads?");
  assertThrows(
    () => new Graph(backend, { maxNode: 2 } as GraphOptions),
    TypeError,
    "Did you mean maxNodes?",
  );
  for (const threads of [0, -1, 1.5, NaN, 513]) {
    assertThrows(() => Backend.cpu({ threads }), RangeError, "threads");
  }
  assertThrows(() => new Buffer(backend, [{ shape: [33], dtype: "q4_0" }]), RangeError, "multiple");
  using buffer = new Buffer(backend, [{ shape: [32], dtype: "q4_0" }]);
  assertThrows(() => writeTensor(buffer.tensors[0], new Uint8Array(19)), RangeError, "18 bytes");
});
