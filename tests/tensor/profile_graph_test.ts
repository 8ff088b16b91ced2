import { assert, assertEquals } from "@std/assert";
import { Backend } from "../../src/tensor/backend.ts";
import { Graph } from "../../src/tensor/graph.ts";
import { add, multiply } from "../../src/tensor/elementwise.ts";
import { profileGraph } from "../../src/tensor/profile_graph.ts";
import { slice } from "../../src/tensor/views.ts";

Deno.test("profileGraph() computes every operation in order, and counts each kind", () => {
  using backend = Backend.cpu({ threads: 2 });
  using graph = new Graph(backend);
  const x = graph.input([2, 3], "f32", "x");
  const sum = add(x, x);
  const square = multiply(sum, sum);
  const result = graph.output(add(square, sum));
  graph.allocate();
  graph.write(x, Float32Array.of(1, 2, 3, 4, 5, 6));
  const profile = profileGraph(graph, 3);
  assertEquals([...graph.readF32(result)], [6, 20, 42, 72, 110, 156]);
  assertEquals(
    profile.map(({ kind, count }) => `${kind}: ${count}`).toSorted(),
    ["ADD 3: 2", "MUL 3: 1"],
  );
  assert(profile.every(({ ms }) => ms > 0 && Number.isFinite(ms)));
  assert(profile[0].ms >= profile[1].ms);
});

Deno.test("profileGraph() leaves out views", () => {
  using backend = Backend.cpu({ threads: 1 });
  using graph = new Graph(backend);
  const x = graph.input([2, 3], "f32", "x");
  const row = slice(x, 0, 1, 2);
  graph.output(add(row, row));
  graph.allocate();
  graph.write(x, new Float32Array(6));
  assert(graph.operations.length > 1);
  assertEquals(profileGraph(graph, 1).map(({ kind }) => kind), ["ADD 3"]);
});
