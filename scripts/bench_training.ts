/**
 * Measures how fast a step of training is (forward, backward, clipping, AdamW), beside PyTorch with the same weights and the
 * same batch.
 *
 *     deno run -A scripts/bench_training.ts [--only nano,demo,small-4x64,small-1x1024,adapter,overhead] [--rounds 9] [--threads 2]
 *       [--peers "torch F32,torch BF16,torch.compile F32"] [--python python3] [--warm-up-limit 300]
 *       [--processor-time] [--output=-]
 *
 * Before anything is measured, each program takes three steps, whose losses have to be ours. Each round takes some steps with
 * every program, one after the other; the time of a round is the median of its steps, and a ratio is the median of the rounds'
 * ratios. A peer that is not done with its first steps within `--warm-up-limit` seconds is left out. More peers: `torch.compile
 * BF16`, `transformers F32`, `transformers BF16`. Without Python: `--peers none`.
 *
 * `adapter` is a step of an adapter (rank 8 on the query, key, value and output projections) beside GPT-2 small in Q8_0, as a
 * share of a step with all of that model in F32.
 *
 * `--processor-time` with `--threads 1` is for a machine that other programs use too: it measures what the processor spends on
 * each program.
 *
 * @module
 */
import { measureAdapter } from "./bench_training/adapter.ts";
import { measureShape } from "./bench_training/measure.ts";
import { measureOverhead } from "./bench_training/overhead.ts";
import { MEMORY_SHAPE, SHAPES } from "./bench_training/program.ts";
import {
  adapterText,
  type OverheadReport,
  overheadText,
  type ShapeReport,
  stepsText,
} from "./bench_training/report.ts";
import { parseFlags, refuseArguments } from "./parse_flags.ts";

const PARTS = [...Object.keys(SHAPES), "adapter", "overhead"];

/** In how many steps the overhead is looked for: enough of the short ones to be sure. */
const OVERHEAD_STEPS: Readonly<Record<string, number>> = { nano: 50, demo: 5, memory: 2 };

const FLAGS = ["only", "rounds", "threads", "peers", "python", "warm-up-limit", "output"] as const;

if (import.meta.main) {
  const { values, switches } = parseFlags(
    Deno.args,
    { values: FLAGS, switches: ["processor-time"] },
  );
  const { python = "python3", output = "-" } = values;
  const only = values.only?.split(",") ?? PARTS;
  const unknown = only.find((part) => !PARTS.includes(part));
  if (unknown !== undefined) {
    refuseArguments(
      `--only has a part that there is not: received ${unknown}. Use ${PARTS.join(", ")}`,
    );
  }
  const peers = values.peers ?? "torch F32,torch BF16,torch.compile F32";
  const [rounds, threads, warmUpLimit] = [
    Number(values.rounds ?? 9),
    Number(values.threads ?? Math.min(navigator.hardwareConcurrency, 16)),
    Number(values["warm-up-limit"] ?? 300),
  ];
  const clock = switches["processor-time"] ? "processor" : "wall";
  const onProgress = (doing: string) => console.error(doing);
  const reports: ShapeReport[] = [];
  for (const part of only.filter((part) => part in SHAPES)) {
    const shape = SHAPES[part];
    const measured = await measureShape(shape, {
      ...{ rounds, threads, clock, python, onProgress, warmUpLimitMs: 1000 * warmUpLimit },
      peers: peers === "none" ? [] : peers.split(","),
    });
    reports.push({ shape, ...measured });
  }
  const texts = reports.length === 0 ? [] : [stepsText(reports)];
  if (only.includes("adapter")) {
    texts.push(adapterText(await measureAdapter({ rounds, threads, clock, onProgress })));
  }
  if (only.includes("overhead")) {
    const overheads: OverheadReport[] = [];
    for (const [part, steps] of Object.entries(OVERHEAD_STEPS)) {
      for (const precision of ["f32", "bf16"] as const) {
        const name = `${(SHAPES[part] ?? MEMORY_SHAPE).name}, ${precision.toUpperCase()}`;
        onProgress(`Beside the computation: ${name}`);
        const overhead = await measureOverhead(part, precision, threads, steps);
        overheads.push({ name, overhead });
      }
    }
    texts.push(overheadText(overheads));
  }
  const text = `${threads} threads, ${rounds} rounds\n\n${texts.join("\n\n")}\n`;
  if (output === "-") console.log(text);
  else await Deno.writeTextFile(output, text);
}
