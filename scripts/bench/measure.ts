/**
 * Measures what is to be compared, in turns.
 *
 * @module
 */
import { median } from "../../src/cli/bench/statistics.ts";
import type { Comparison } from "./comparisons.ts";

/** What a comparison with one peer gave. */
export interface Outcome {
  readonly comparison: Comparison;
  readonly peer: string;
  /** The median of our rounds. */
  readonly ours: number;
  /** The median of its rounds. */
  readonly theirs: number;
  /** Ours divided by theirs, of each round. */
  readonly ratios: readonly number[];
}

/**
 * Measures each comparison `rounds` times. Within a round all programs take their turn right after one another, so that
 * what else the machine does meets all of them; the order changes from round to round.
 */
export async function measureAll(
  comparisons: readonly Comparison[],
  rounds: number,
  onProgress: (doing: string, done: number) => void,
): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const [index, comparison] of comparisons.entries()) {
    const { title, model } = comparison;
    const programs = [["", comparison.ours] as const, ...comparison.peers];
    const samples = new Map(programs.map(([name]) => [name, [] as number[]]));
    for (let round = 0; round < rounds; round++) {
      const done = (index + round / rounds) / comparisons.length;
      onProgress(`Measuring ${model.size} ${model.type}: ${title}`, done);
      const order = round % 2 === 0 ? programs : programs.toReversed();
      for (const [name, measure] of order) samples.get(name)!.push(await measure());
    }
    outcomes.push(...outcomesOf(comparison, samples));
  }
  return outcomes;
}

/** @param samples by name; ours have none */
export function outcomesOf(
  comparison: Comparison,
  samples: ReadonlyMap<string, readonly number[]>,
): Outcome[] {
  const ours = samples.get("")!;
  return Array.from(comparison.peers.keys(), (peer) => {
    const theirs = samples.get(peer)!;
    return {
      comparison,
      peer,
      ours: median(ours),
      theirs: median(theirs),
      ratios: ours.map((value, round) => value / theirs[round]),
    };
  });
}
