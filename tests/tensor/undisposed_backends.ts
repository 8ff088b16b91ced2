/** Ends without disposing of anything, while threads look out for work and one computation is running. */
import { Backend } from "../../src/tensor/backend.ts";
import { Graph } from "../../src/tensor/graph.ts";
import { matmul } from "../../src/tensor/ops.ts";

const NUM_BACKENDS = 20;

for (let i = 0; i < NUM_BACKENDS; i++) {
  const graph = new Graph(Backend.cpu({ threads: 2 }));
  let x = graph.input([128, 128], "f32", "x");
  const isLast = i === NUM_BACKENDS - 1;
  for (let k = 0; k < (isLast ? 10_000 : 1); k++) x = matmul(x, x);
  graph.output(x);
  graph.allocate();
  if (isLast) graph.computeAsync();
  else graph.compute();
}
console.log("end");
Deno.exit(0);
