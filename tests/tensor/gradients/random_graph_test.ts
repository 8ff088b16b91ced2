/** Gradients of graphs of random operations, a few hundred of them; `scripts/fuzz_training.ts` tries more. */
import { assert, assertEquals } from "@std/assert";
import * as operations from "../../../src/ops.ts";
import { Backend } from "../../../src/tensor/backend.ts";
import { disableTrainingKernels } from "../../../src/tensor/training/has_training_kernels.ts";
import { Random } from "../../einops/random_pattern.ts";
import { GRAPH_TOLERANCE, RandomGraph } from "./random_graph.ts";

const NUM_GRAPHS = 250;

const MOST_STEPS = 6;

for (const isComposed of [false, true]) {
  const how = isComposed ? ", without kernels of our own" : "";
  Deno.test(`gradientsOf() goes through random operations as differences say${how}`, () => {
    using _disabled = isComposed ? disableTrainingKernels() : undefined;
    using backend = Backend.cpu({ threads: 1 });
    const kinds = new Set<string>();
    let numVague = 0;
    for (let seed = 1; seed <= NUM_GRAPHS; seed++) {
      const random = new Random(seed);
      const graph = new RandomGraph(random, random.integer(1, MOST_STEPS));
      for (const { name } of graph.steps) for (const word of name.split(" ")) kinds.add(word);
      const { names, error, isVague } = graph.compare(backend);
      if (isVague) numVague++;
      else assert(error <= GRAPH_TOLERANCE, `${seed}: ${names.join("; ")}: ${error}`);
    }
    assert(numVague < NUM_GRAPHS / 5, `${numVague} could not be compared`);
    const untried = Object.keys(operations).filter((name) =>
      !["constant", "gradientsOf", "reduce"].includes(name) && !kinds.has(name)
    );
    assertEquals(untried, [], "operations that were not tried");
    for (const kind of ["sum", "mean", "max", "min", "prod"]) assert(kinds.has(kind), kind);
  });
}
