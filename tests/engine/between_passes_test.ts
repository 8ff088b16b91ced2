import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { Engine } from "../../src/engine/engine.ts";
import { Graph } from "../../src/tensor/graph.ts";
import { scale } from "../../src/tensor/elementwise.ts";
import { createReferenceModel } from "../model/reference.ts";

Deno.test("betweenPasses() computes a graph with the model's backend while texts are written", async () => {
  using model = createReferenceModel("activations");
  using engine = new Engine(model);
  const { promise: isReading, resolve } = Promise.withResolvers<void>();
  const write = async () => {
    using sequence = engine.open();
    const steps = [];
    for (let i = 0; i < 12; i++) {
      steps.push((await engine.step([{ sequence, tokens: [i], logits: "last" }]))[0].slice());
      resolve();
    }
    return steps;
  };
  const alone = await write();
  const writing = write();
  await isReading;
  for (const factor of [2, 3]) {
    using graph = new Graph(model.backend);
    const x = graph.input([2], "f32", "x");
    const y = graph.output(scale(x, factor));
    graph.allocate();
    const result = await engine.betweenPasses(async () => {
      graph.write(x, Float32Array.of(1, 5));
      const computing = graph.computeAsync();
      // What would have to wait if it were not between passes.
      assertThrows(() => graph.compute(), Deno.errors.Busy);
      await computing;
      return graph.readF32(y);
    });
    assertEquals([...result], [factor, 5 * factor]);
  }
  assertEquals(await writing, alone);
});

Deno.test("betweenPasses() passes errors on, and the engine goes on", async () => {
  using model = createReferenceModel("activations");
  using engine = new Engine(model);
  const fails = () => Promise.reject(new RangeError("Cannot do it"));
  await assertRejects(() => engine.betweenPasses(fails), RangeError, "Cannot do it");
  assert(await engine.betweenPasses(() => true));
  engine[Symbol.dispose]();
  await assertRejects(() => engine.betweenPasses(() => true), TypeError, "disposed of");
});
