/**
 * A step of training an adapter, beside a step of training all of the model.
 *
 * @module
 */
import { median } from "../../src/cli/bench/statistics.ts";
import type { MeasureOptions } from "./measure.ts";
import { createAdapterProgram, OurProgram } from "./ours.ts";
import { SHAPES } from "./program.ts";

/** What {@linkcode measureAdapter} finds. */
export interface AdapterReport {
  /** Of each round, a step with everything, in F32, in ms. */
  readonly wholeMs: readonly number[];
  /** Of each round, a step of the adapter, in ms. */
  readonly adapterMs: readonly number[];
  /** Memory beside the weights of the model while the adapter is trained, in bytes. */
  readonly adapterBytes: number;
}

/** Steps before those that count. */
const WARM_UP_STEPS = 2;

/** Measures GPT-2 small in turns: all of it in F32, and an adapter of rank 8 beside it in Q8_0. */
export async function measureAdapter(
  { rounds, threads, clock, onProgress }: Pick<
    MeasureOptions,
    "rounds" | "threads" | "clock" | "onProgress"
  >,
): Promise<AdapterReport> {
  const shape = SHAPES["small-4x64"];
  using whole = new OurProgram(shape, "f32", { threads, clock });
  using adapter = await createAdapterProgram(shape, threads, clock);
  const [wholeMs, adapterMs]: number[][] = [[], []];
  for (const program of [whole, adapter]) await program.run(WARM_UP_STEPS);
  for (let round = 0; round < rounds; round++) {
    wholeMs.push(median((await whole.run(shape.stepsPerRound)).ms));
    adapterMs.push(median((await adapter.run(shape.stepsPerRound)).ms));
    const [ms, of] = [adapterMs, wholeMs].map((times) => times.at(-1)!.toFixed(0));
    onProgress(`An adapter: round ${round + 1}: ${ms} of ${of} ms`);
  }
  const { optimizerBytes, workingBytes } = adapter.trainer.memory;
  return { wholeMs, adapterMs, adapterBytes: optimizerBytes + workingBytes };
}
