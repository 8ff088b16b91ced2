/**
 * docs/benchmarks.md.
 *
 * @module
 */
import { median } from "../../src/cli/bench/statistics.ts";
import type { Outcome } from "./measure.ts";

/** Everything that the report tells. */
export interface Report {
  /** What made it, to be copied. */
  readonly command: string;
  readonly rounds: number;
  readonly threads: number;
  readonly machine: readonly (readonly [name: string, value: string])[];
  readonly bandwidth: readonly {
    readonly bytes: number;
    readonly threads: number;
    readonly gigabytesPerSecond: number;
  }[];
  readonly outcomes: readonly Outcome[];
}

/** What has to be known of a peer to judge the numbers. */
const NOTES: Readonly<Record<string, string>> = {
  "llama.cpp":
    "Built from the commit that the native library is built from, as its own build files set it up for a release on this " +
    "machine: all instruction sets, llamafile's matrix product, OpenMP. With GCC the AMX kernels get the header that we " +
    "use as well, without which GCC 12 compiles them wrongly. `llama-bench` reads and writes one text, " +
    "`llama-batched-bench` writes several, `llama-completion` is started for time and memory, with `--no-warmup` and no " +
    "more context than needed. Its benchmarks do not choose tokens; ours do.",
  "node-llama-cpp":
    "From npm, with its prebuilt library, run by Node. It chooses tokens greedily, which is the least work.",
};

/** The report in Markdown. */
export function reportText(report: Report): string {
  const { command, rounds, threads, machine, bandwidth, outcomes } = report;
  const byPeer = Map.groupBy(outcomes, ({ peer }) => peer);
  return [
    "# Benchmarks\n",
    `How fast this package is, and how fast others are with the same files on the same machine, with ${threads} ${
      threads === 1 ? "thread" : "threads"
    }. Made by\n`,
    `\`\`\`sh\n${command}\n\`\`\`\n`,
    `Each number is the median of ${rounds} ${
      rounds === 1 ? "round" : "rounds"
    }. In a round the programs take turns, ` +
    "each in a process of its own; a ratio is the median of the ratios of the rounds, ours to theirs: above 1 is better " +
    "for tokens/s, below 1 for ms and MB. In brackets are the lowest and the highest ratio. Our time for writing " +
    "includes choosing the tokens by the default options. The weights are random, which makes no difference to speed; " +
    "the files have been read before, so that they come from memory.\n",
    "## The machine\n",
    table(["", ""], machine),
    "Reading memory, the limit of writing one text, as a loop in C does it:\n",
    table(
      ["amount", "threads", "GB/s"],
      bandwidth.map(({ bytes, threads, gigabytesPerSecond }) => [
        `${bytes / 2 ** 20} MiB`,
        String(threads),
        gigabytesPerSecond.toFixed(1),
      ]),
    ),
    ...Array.from(byPeer, ([peer, outcomes]) => peerSection(peer, outcomes)),
  ].join("\n");
}

function peerSection(peer: string, outcomes: readonly Outcome[]): string {
  const rows = outcomes.map(({ comparison, ours, theirs, ratios }) => {
    const { model, title, unit } = comparison;
    const [lowest, highest] = [Math.min(...ratios), Math.max(...ratios)];
    return [
      `${model.size} ${model.type.toUpperCase()}`,
      title,
      unit,
      numberText(ours),
      numberText(theirs),
      `**${median(ratios).toFixed(2)}** (${lowest.toFixed(2)} to ${highest.toFixed(2)})`,
    ];
  });
  const note = NOTES[peer];
  return [
    `## Against ${peer}\n`,
    ...(note === undefined ? [] : [note + "\n"]),
    table(["model", "what", "unit", "this package", peer, "ratio"], rows),
  ].join("\n");
}

function numberText(value: number): string {
  return value.toFixed(value < 100 ? 1 : 0);
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = [head, ...rows];
  const widths = head.map((_, column) => Math.max(3, ...cells.map((row) => row[column].length)));
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column])).join(" | ")} |\n`;
  const rule = `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |\n`;
  return line(head) + rule + rows.map(line).join("");
}
