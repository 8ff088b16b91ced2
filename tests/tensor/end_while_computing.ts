/** Ends with exit code 3 while many computations go on: here, or with the argument "worker" in a worker. */
import { prepareLibrary } from "../../src/native_library/native_library.ts";
import { Backend } from "../../src/tensor/backend.ts";
import { scale } from "../../src/tensor/elementwise.ts";
import { Graph } from "../../src/tensor/graph.ts";

const isWorker = "WorkerGlobalScope" in globalThis;

/** With one computation, in one of many ends something went wrong. */
const NUM_COMPUTATIONS = 12;
/** Small ones: between two operations ggml reads what it would destroy. */
const NUM_OPERATIONS = 4_000;
/** For computations to be under way. */
const MILLISECONDS = 50;

async function computeForever(): Promise<never> {
  const graph = new Graph(Backend.cpu({ threads: 1 }));
  let x = graph.input([1], "f32", "x");
  for (let i = 0; i < NUM_OPERATIONS; i++) x = scale(x, 1);
  graph.output(x);
  graph.allocate();
  while (true) await graph.computeAsync();
}

if (!isWorker && Deno.args.includes("worker")) {
  const worker = new Worker(import.meta.url, { type: "module" });
  await new Promise((resolve) => worker.onmessage = resolve);
} else {
  await prepareLibrary();
  for (let i = 0; i < NUM_COMPUTATIONS; i++) computeForever();
  if (isWorker) {
    (self as unknown as { postMessage(message: string): void }).postMessage("begun");
  }
}
if (!isWorker) {
  await new Promise((resolve) => setTimeout(resolve, MILLISECONDS));
  Deno.exit(3);
}
