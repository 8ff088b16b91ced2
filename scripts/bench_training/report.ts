/**
 * The section "Training" of docs/benchmarks.md.
 *
 * @module
 */
import { median } from "../../src/cli/bench/statistics.ts";
import type { AdapterReport } from "./adapter.ts";
import type { LeftOut, Outcome } from "./measure.ts";
import type { Overhead } from "./overhead.ts";
import type { Shape } from "./program.ts";

/** What was measured of a shape. */
export interface ShapeReport {
  readonly shape: Shape;
  readonly outcomes: readonly Outcome[];
  readonly leftOut: readonly LeftOut[];
}

/** What a step takes beside the computation, by what it is of. */
export interface OverheadReport {
  readonly name: string;
  readonly overhead: Overhead;
}

/** Steps of all programs. */
export function stepsText(reports: readonly ShapeReport[]): string {
  const head =
    "| model and batch | program | ms a step | fastest | ours F32 is faster by | ours BF16 is faster by |";
  const rows = reports.flatMap(({ shape, outcomes }) =>
    outcomes.map((outcome) =>
      row([
        shape.name,
        outcome.name,
        milliseconds(median(outcome.rounds)),
        milliseconds(outcome.fastest),
        ratio(outcome, outcomes.find(({ name }) => name === "ours F32")),
        ratio(outcome, outcomes.find(({ name }) => name === "ours BF16")),
      ])
    )
  );
  const missing = reports.flatMap(({ shape, leftOut }) =>
    leftOut.map(({ name, reason }) => `\n${shape.name}: ${name} was left out: ${reason}.`)
  );
  return [head, "| --- | --- | --- | --- | --- | --- |", ...rows, ...missing].join("\n");
}

/** The median of the rounds' ratios, and the lowest and the highest. */
function ratio({ name, rounds }: Outcome, ours: Outcome | undefined): string {
  if (name.startsWith("ours") || ours === undefined) return "";
  const ratios = rounds.map((time, round) => time / ours.rounds[round]);
  const [lowest, highest] = [Math.min(...ratios), Math.max(...ratios)].map((x) => x.toFixed(2));
  return `**${median(ratios).toFixed(2)}** (${lowest} to ${highest})`;
}

/** A step of an adapter beside a whole one. */
export function adapterText({ wholeMs, adapterMs, adapterBytes }: AdapterReport): string {
  const ratios = adapterMs.map((ms, round) => ms / wholeMs[round]);
  return [
    "| a step of GPT-2 small, 4 x 64 | ms | fastest | of a whole step | MB beside the model |",
    "| --- | --- | --- | --- | --- |",
    row([
      "all of it, F32",
      milliseconds(median(wholeMs)),
      milliseconds(Math.min(...wholeMs)),
      "",
      "",
    ]),
    row([
      "an adapter beside Q8_0",
      milliseconds(median(adapterMs)),
      milliseconds(Math.min(...adapterMs)),
      `**${median(ratios).toFixed(2)}** (${Math.min(...ratios).toFixed(2)} to ${
        Math.max(...ratios).toFixed(2)
      })`,
      (adapterBytes / 1e6).toFixed(0),
    ]),
  ].join("\n");
}

/** What there is beside the computation. */
export function overheadText(reports: readonly OverheadReport[]): string {
  const head =
    "| model and batch | outside of computations, % of a step | event loop late by at most, ms | peak memory, MB | weights | gradients and moments | results of operations |";
  const rows = reports.map(({ name, overhead }) => {
    const { outsideShare, worstLagMs, peakBytes } = overhead;
    return row([
      name,
      (100 * outsideShare).toFixed(2),
      worstLagMs.toFixed(1),
      ...[peakBytes, overhead.weightBytes, overhead.optimizerBytes, overhead.workingBytes].map(
        (bytes) => (bytes / 1e6).toFixed(0),
      ),
    ]);
  });
  return [head, "| --- | --- | --- | --- | --- | --- | --- |", ...rows].join("\n");
}

function row(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}

function milliseconds(value: number): string {
  return value.toFixed(value < 100 ? 1 : 0);
}
