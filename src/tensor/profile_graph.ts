/**
 * Where the time of a graph goes.
 *
 * @module
 */
import { library } from "../ffi/library.ts";
import { type Pointer, readCString } from "../ffi/memory.ts";
import { createContext } from "../ffi/context.ts";
import { ggmlTensor } from "../ffi/structs.ts";
import { tensorTypeInfo } from "../formats/tensor_type.ts";
import { executorOf } from "./backend.ts";
import { type Graph, nodesOf } from "./graph.ts";

/** What all operations of one kind took. */
export interface OperationTime {
  /** ggml's name of the operation and the width of its result's rows: `MUL_MAT 3072`. */
  readonly kind: string;
  /** How many operations of this kind the graph has. */
  readonly count: number;
  /** What they take together. Of several runs the fastest of each operation counts. */
  readonly ms: number;
}

/** What one operation took. */
export interface NodeTime {
  /** ggml's record of it. */
  readonly node: Pointer;
  /** The fastest of several runs. */
  readonly ms: number;
}

/** Operations that only describe their operand in another way. They take no time. */
const VIEWS = new Set(["NONE", "VIEW", "RESHAPE", "PERMUTE", "TRANSPOSE"]);

/**
 * Computes a graph one operation at a time, and measures each.
 *
 * Every operation is a graph of its own for that, so that each pays for waking up ggml's threads and waiting for them: some
 * microseconds, which small operations do not take within a graph. The sum is therefore more than the graph takes; the
 * shares of large operations are right.
 *
 * @param graph has been allocated, and its inputs are written
 * @param runs how often each operation is computed
 * @throws {RangeError} if it is computed on other devices than the CPU
 * @returns the kinds of operations, the most expensive first
 */
export function profileGraph(graph: Graph, runs: number): OperationTime[] {
  return sumByKind(profileNodes(graph, runs));
}

/**
 * Like {@linkcode profileGraph}, of each operation.
 *
 * @returns the operations in the order in which they are computed, without those that only describe their operand
 */
export function profileNodes(graph: Graph, runs: number): NodeTime[] {
  if (graph.backend.usesDevices) {
    throw new RangeError(
      `Cannot profile operations: only those of the CPU can be computed one at a time: ` +
        `received ${graph.backend.name}. Use the device cpu.`,
    );
  }
  const ggml = library();
  const executor = executorOf(graph.backend);
  const nodes = nodesOf(graph).filter((node) => !VIEWS.has(readCString(ggml.ggml_op_desc(node))));
  const bytesPerGraph = ggml.ggml_graph_overhead_custom(1n, false);
  const context = createContext(bytesPerGraph * BigInt(nodes.length));
  try {
    const graphs = nodes.map((node) => {
      const single = ggml.ggml_new_graph_custom(context, 1n, false)!;
      ggml.ggml_graph_add_node(single, node);
      return single;
    });
    // All in turn, not each several times: operations may work in place, and reuse the memory of earlier results.
    // The fastest run counts: whatever else the machine does only adds to it.
    const elapsedMs = new Float64Array(nodes.length).fill(Infinity);
    for (let run = 0; run < runs; run++) {
      graphs.forEach((single, i) => {
        const begin = performance.now();
        executor.compute({ graph: single }, graph.backend.threads);
        elapsedMs[i] = Math.min(elapsedMs[i], performance.now() - begin);
      });
    }
    return nodes.map((node, i) => ({ node, ms: elapsedMs[i] }));
  } finally {
    ggml.ggml_free(context);
  }
}

function sumByKind(times: readonly NodeTime[]): OperationTime[] {
  const kinds = Map.groupBy(times, ({ node }) => kindOf(node));
  return Array.from(kinds, ([kind, times]) => ({
    kind,
    count: times.length,
    ms: times.reduce((sum, { ms }) => sum + ms, 0),
  })).sort((a, b) => b.ms - a.ms);
}

function kindOf(node: Pointer): string {
  const ggml = library();
  const rows = ggml.ggml_nrows(node);
  const name = readCString(ggml.ggml_op_desc(node));
  return `${name === "CUSTOM" ? nameOfCustom(node) : name} ${ggml.ggml_nelements(node) / rows}`;
}

/**
 * Operations of ours, for all of which ggml has one name. Two are told apart, those of a pass that writes tokens: attention
 * gives real numbers, a summary of logits integers. Others would be taken for one of them: scores of tokens, and what
 * training computes.
 */
function nameOfCustom(node: Pointer): string {
  const type = new Deno.UnsafePointerView(node).getInt32(ggmlTensor.offsets.type);
  return type === tensorTypeInfo("f32").id ? "RAGGED_ATTENTION" : "LOGITS_SUMMARY";
}
