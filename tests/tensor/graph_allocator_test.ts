import { assertEquals } from "@std/assert";
import { Backend } from "../../src/tensor/backend.ts";
import { allocateIn, Graph } from "../../src/tensor/graph.ts";
import { WorkingMemory } from "../../src/tensor/graph_allocator.ts";
import { scale } from "../../src/tensor/elementwise.ts";

const backend = Backend.cpu({ threads: 1 });
const SIZE = 1000;

/** Doubles ones again and again, and reads all results, or only the last one. */
function double(
  memory: WorkingMemory,
  size: number,
  numTimes: number,
  readsAll: boolean,
): number[] {
  using graph = new Graph(backend);
  const input = graph.input([size], "f32", "x");
  const results = [input];
  for (let i = 0; i < numTimes; i++) results.push(scale(results[i], 2));
  const outputs = readsAll ? results.slice(1) : results.slice(-1);
  for (const output of outputs) graph.output(output);
  allocateIn(graph, memory);
  graph.write(input, new Float32Array(size).fill(1));
  graph.compute();
  return outputs.map((output) => {
    const values = graph.readF32(output);
    assertEquals(new Set(values).size, 1);
    return values[0];
  });
}

Deno.test("WorkingMemory serves one graph after another, whatever they keep", () => {
  using memory = new WorkingMemory();
  for (const size of [SIZE, 10, 2 * SIZE, SIZE]) {
    for (const readsAll of [false, true, false, true]) {
      const results = double(memory, size, 5, readsAll);
      assertEquals(results, readsAll ? [2, 4, 8, 16, 32] : [32]);
    }
  }
  memory.clear();
  assertEquals(double(memory, SIZE, 3, true), [2, 4, 8]);
});

Deno.test("WorkingMemory serves graphs that exist at the same time, and outlives or is outlived by them", () => {
  const memory = new WorkingMemory();
  const graphs = [1, 2].map((factor) => {
    const graph = new Graph(backend);
    const input = graph.input([SIZE], "f32", "x");
    const output = graph.output(scale(input, factor));
    allocateIn(graph, memory);
    graph.write(input, new Float32Array(SIZE).fill(3));
    graph.compute();
    return { graph, output };
  });
  assertEquals(graphs.map(({ graph, output }) => graph.readF32(output)[SIZE - 1]), [3, 6]);
  graphs[0].graph[Symbol.dispose]();
  memory[Symbol.dispose]();
  memory[Symbol.dispose]();
  assertEquals(graphs[1].graph.readF32(graphs[1].output)[0], 6);
  graphs[1].graph[Symbol.dispose]();
});
