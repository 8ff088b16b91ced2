/**
 * What a step takes beside the computation: JavaScript, and memory.
 *
 *     deno run -A scripts/bench_training/overhead.ts <shape> <f32|bf16> <threads> <steps>
 *
 * It is a program of its own, because the most memory that a process has held cannot be asked for twice. It prints JSON.
 *
 * @module
 */
import { median } from "../../src/cli/bench/statistics.ts";
import { run } from "../bench/command.ts";
import { Graph } from "../../src/tensor/graph.ts";
import type { Precision } from "../../src/tensor/recorder.ts";
import { OurProgram } from "./ours.ts";
import { MEMORY_SHAPE, type Shape, SHAPES } from "./program.ts";

/** What {@linkcode measureOverhead} finds. */
export interface Overhead {
  /** The time of a step that is between computations, as a share of the step: the median of the steps. */
  readonly outsideShare: number;
  /** How much later than due a timer went off while steps were done, in ms. */
  readonly worstLagMs: number;
  /** The most memory that the process has held, in bytes; 0 where the system does not say. */
  readonly peakBytes: number;
  /** What it held before there was a model. */
  readonly programBytes: number;
  readonly weightBytes: number;
  /** Of gradients, and of what AdamW keeps of them. */
  readonly optimizerBytes: number;
  /** Of the results of operations. */
  readonly workingBytes: number;
}

/** How often a timer looks whether it is late. */
const TICK_MS = 1;

/** Measures it in a process of its own. */
export async function measureOverhead(
  shape: string,
  precision: Precision,
  threads: number,
  steps: number,
): Promise<Overhead> {
  const args = [shape, precision, String(threads), String(steps)];
  const script = import.meta.filename!;
  return JSON.parse(await run(Deno.execPath(), ["run", "-A", "--no-check", script, ...args]));
}

/** Has every computation add its time to what this returns. */
function watchComputations(): { elapsedMs: number } {
  const watched = { elapsedMs: 0 };
  const { computeAsync } = Graph.prototype;
  Graph.prototype.computeAsync = async function (...args) {
    const begin = performance.now();
    await computeAsync.apply(this, args);
    watched.elapsedMs += performance.now() - begin;
  };
  return watched;
}

/** Bytes by the name that Linux has for them: `VmHWM` for the most so far, `VmRSS` for now. */
function memoryOf(name: string): number {
  if (Deno.build.os !== "linux") return 0;
  const text = Deno.readTextFileSync("/proc/self/status");
  return Number(new RegExp(`^${name}:\\s*(\\d+) kB`, "m").exec(text)?.[1] ?? 0) * 1024;
}

async function measure(
  shape: Shape,
  precision: Precision,
  threads: number,
  steps: number,
): Promise<Overhead> {
  const programBytes = memoryOf("VmRSS");
  using program = new OurProgram(shape, precision, { threads });
  await program.run(1);
  const watched = watchComputations();
  const shares: number[] = [];
  for (let i = 0; i < steps; i++) {
    watched.elapsedMs = 0;
    const [elapsedMs] = (await program.run(1)).ms;
    shares.push(1 - watched.elapsedMs / elapsedMs);
  }
  // In steps of their own: a timer is work too.
  let [worstLagMs, due] = [0, performance.now() + TICK_MS];
  const timer = setInterval(() => {
    const now = performance.now();
    worstLagMs = Math.max(worstLagMs, now - due);
    due = now + TICK_MS;
  }, TICK_MS);
  await program.run(steps);
  clearInterval(timer);
  const { memory, weights } = program.trainer;
  return {
    outsideShare: median(shares),
    worstLagMs,
    peakBytes: memoryOf("VmHWM"),
    programBytes,
    weightBytes: weights.reduce((sum, { tensor }) => sum + 4 * tensor.size, 0),
    ...memory,
  };
}

if (import.meta.main) {
  const [name, precision, threads, steps] = Deno.args;
  const shape = name === "memory" ? MEMORY_SHAPE : SHAPES[name];
  console.log(
    JSON.stringify(await measure(shape, precision as Precision, Number(threads), Number(steps))),
  );
}
