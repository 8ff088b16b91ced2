/**
 * Where the time of a step of training goes, by kind of operation.
 *
 *     deno run -A scripts/profile_training.ts [--only nano,demo,small-4x64,small-1x1024] [--precision f32,bf16] [--runs 5]
 *       [--threads 2] [--each]
 *
 * Every operation is computed alone, `--runs` times, of which the fastest counts (`profileGraph()`): so the shares are right even
 * where other programs use the processor. GFLOP/s are those of multiplications that are needed; of attention only those of
 * positions that are seen. GB/s are what is read and written at least. `--each` shows products by their shapes.
 *
 * @module
 */
import { OurProgram } from "./bench_training/ours.ts";
import { type Shape, SHAPES } from "./bench_training/program.ts";
import { Graph } from "../src/tensor/graph.ts";
import { profileNodes } from "../src/tensor/profile_graph.ts";
import { type Precision, Recorder } from "../src/tensor/recorder.ts";
import { recordOf, type Tensor } from "../src/tensor/tensor.ts";
import { parseFlags } from "./parse_flags.ts";

/** An operation as it was recorded. */
interface Recorded {
  readonly operation: string;
  readonly operands: readonly Tensor[];
  readonly result: Tensor;
}

/** What the operations of a kind take together. */
interface KindTime {
  readonly kind: string;
  count: number;
  ms: number;
  /** Floating-point operations. */
  flops: number;
  bytes: number;
}

/** Remembers every operation that is recorded from now on, by ggml's record of it, and the graphs that are computed. */
function watch(): { recorded: Map<bigint, Recorded>; graphs: Set<Graph> } {
  const recorded = new Map<bigint, Recorded>();
  const graphs = new Set<Graph>();
  const { record } = Recorder.prototype;
  Recorder.prototype.record = function (operands, make, ...rest) {
    const result = record.call(this, operands, make, ...rest);
    // To ggml all operations of training are custom ones: what tells them apart is the function that makes them.
    const operation = /\.(?:ggml|gpt2)_(\w+)\(/.exec(make.toString())?.[1] ?? "?";
    recorded.set(address(recordOf(result).pointer), { operation, operands, result });
    return result;
  };
  const { computeAsync } = Graph.prototype;
  Graph.prototype.computeAsync = function (...args) {
    graphs.add(this);
    return computeAsync.apply(this, args);
  };
  return { recorded, graphs };
}

function address(pointer: Deno.PointerObject): bigint {
  return Deno.UnsafePointer.value(pointer);
}

/** Floating-point operations that are needed. */
function flopsOf({ operation, operands, result }: Recorded): number {
  const [first, x] = operands;
  switch (operation) {
    case "strided_product":
    case "mul_mat":
      return 2 * result.size * x.shape.at(-1)!;
    case "product_with_rows":
      return 2 * first.size * x.shape[0];
    case "causal_attention":
      return 2 * first.size * first.shape.at(-2)!;
    case "causal_attention_gradients":
      return 5 * first.size * first.shape.at(-2)!;
    default:
      return 0;
  }
}

/** Bytes that are read and written at least. */
function bytesOf({ operation, operands, result }: Recorded): number {
  // It writes both moments and the weight, and reads those and the gradient.
  if (operation === "adam_w") return 4 * 7 * operands[0].size;
  return 4 * [...operands, result].reduce((sum, { size }) => sum + size, 0);
}

function kindOf(recorded: Recorded | undefined, each: boolean): string {
  if (recorded === undefined) return "?";
  const { operation, operands, result } = recorded;
  if (!each) return operation;
  return `${operation} ${operands.map(({ shape }) => shape.join("x")).join(" ")} -> ${
    result.shape.join("x")
  }`;
}

/** One row for each kind of operation of a step. */
async function profile(
  shape: Shape,
  precision: Precision,
  { threads, runs, each }: { threads: number; runs: number; each: boolean },
): Promise<KindTime[]> {
  const { recorded, graphs } = watched;
  graphs.clear();
  recorded.clear();
  using program = new OurProgram(shape, precision, { threads });
  await program.run(1);
  const kinds = new Map<string, KindTime>();
  for (const graph of graphs) {
    for (const { node, ms } of profileNodes(graph, runs)) {
      const operation = recorded.get(address(node));
      const kind = kindOf(operation, each);
      const sum = kinds.get(kind) ?? { kind, count: 0, ms: 0, flops: 0, bytes: 0 };
      sum.count++;
      sum.ms += ms;
      if (operation !== undefined) {
        sum.flops += flopsOf(operation);
        sum.bytes += bytesOf(operation);
      }
      kinds.set(kind, sum);
    }
  }
  return [...kinds.values()].sort((a, b) => b.ms - a.ms);
}

function show(title: string, kinds: readonly KindTime[]): void {
  const total = kinds.reduce((sum, { ms }) => sum + ms, 0);
  console.log(`\n${title}: ${total.toFixed(2)} ms\n`);
  console.log("| operation | count | ms | % | GFLOP/s | GB/s |");
  console.log("| --- | --- | --- | --- | --- | --- |");
  for (const { kind, count, ms, flops, bytes } of kinds) {
    const rate = (amount: number) => amount === 0 ? "" : (amount / ms / 1e6).toFixed(1);
    const cells = [kind, count, ms.toFixed(3), (100 * ms / total).toFixed(1), rate(flops)];
    console.log(`| ${[...cells, rate(bytes)].join(" | ")} |`);
  }
}

const watched = watch();

if (import.meta.main) {
  const { values, switches } = parseFlags(
    Deno.args,
    { values: ["only", "precision", "runs", "threads"], switches: ["each"] },
  );
  const threads = Number(values.threads ?? Math.min(navigator.hardwareConcurrency, 16));
  const runs = Number(values.runs ?? 5);
  for (const name of values.only?.split(",") ?? Object.keys(SHAPES)) {
    for (const precision of (values.precision ?? "f32,bf16").split(",")) {
      const kinds = await profile(SHAPES[name], precision as Precision, {
        ...{ threads, runs },
        each: switches.each,
      });
      show(`${SHAPES[name].name}, ${precision}, ${threads} threads`, kinds);
    }
  }
}
