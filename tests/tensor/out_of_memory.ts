/**
 * Computes what needs more working memory than this process may have, and then something smaller. Each thread that looks for
 * the largest elements of a row needs as much memory as the row has.
 */
import { NativeError } from "../../src/base/errors.ts";
import { Backend } from "../../src/tensor/backend.ts";
import { Graph } from "../../src/tensor/graph.ts";
import { topK } from "../../src/tensor/tables.ts";

const THREADS = 16;
const RLIMIT_AS = 9;

function prepare(backend: Backend, width: number): Graph {
  const graph = new Graph(backend);
  graph.output(topK(graph.input([1, width], "f32", "x"), 1));
  graph.allocate();
  return graph;
}

/** Lets the process have so many bytes more than it has. */
function limitMemory(bytes: number): void {
  const [, pages] = /^(\d+)/.exec(Deno.readTextFileSync("/proc/self/statm"))!;
  const limit = BigInt(Number(pages) * 4096 + bytes);
  const { setrlimit } = Deno.dlopen("libc.so.6", {
    setrlimit: { parameters: ["i32", "buffer"], result: "i32" },
  }).symbols;
  if (setrlimit(RLIMIT_AS, BigUint64Array.of(limit, limit)) !== 0) throw new Error("no limit");
}

using backend = Backend.cpu({ threads: THREADS });
using small = prepare(backend, 8);
using large = prepare(backend, 2 ** 26);
// Now its threads are there.
small.compute();
limitMemory(2 ** 30);
try {
  large.compute();
} catch (error) {
  if (!(error instanceof NativeError)) throw error;
  console.log(error.message);
}
small.compute();
console.log("end");
