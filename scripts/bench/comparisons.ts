/**
 * What is compared with what, and on which models.
 *
 * @module
 */
import { ours } from "./ours.ts";
import type { ModelFile, Program, Workload } from "./program.ts";
import type { PythonPeer } from "./python_peers.ts";

/** The kinds of measurements, as they are selected on the command line. */
export const groups = [
  "decode",
  "depth",
  "prefill",
  "batch",
  "start",
  "memory",
  "busy",
] as const;

/** A kind of measurement. */
export type Group = typeof groups[number];

/** Something that several programs do with the same model, so that the numbers can be compared. */
export interface Comparison {
  readonly title: string;
  readonly unit: "tokens/s" | "ms" | "MB";
  readonly model: ModelFile;
  readonly ours: () => Promise<number>;
  readonly peers: ReadonlyMap<string, () => Promise<number>>;
}

/** The sizes of the work. */
export interface Sizes {
  /** Tokens to write. */
  readonly tokens: number;
  /** Tokens to read. */
  readonly prompts: readonly number[];
  /** Tokens before the written ones, in the test of a long text. */
  readonly depth: number;
  /** Numbers of texts side by side. */
  readonly batches: readonly number[];
  /** How often each process measures. */
  readonly repetitions: number;
}

/** Who is compared. */
export interface Programs {
  readonly threads: number;
  readonly llamaCpp: Program | undefined;
  readonly nodeLlamaCpp: Program | undefined;
  readonly python: readonly PythonPeer[];
}

/** Tokens that texts side by side have before. */
const BATCH_DEPTH = 16;

/** The type of weights on which everything is measured; on others, only reading and writing. */
const MAIN_TYPE = "q8_0";

interface Metric {
  readonly group: Group;
  readonly title: string;
  readonly unit: Comparison["unit"];
  /** What to do with a program; nothing if it cannot. */
  measure(program: Program, model: ModelFile): (() => Promise<number>) | undefined;
}

/** Everything that is to be measured, in order. */
export function comparisons(
  models: readonly ModelFile[],
  selected: readonly Group[],
  sizes: Sizes,
  programs: Programs,
): Comparison[] {
  const metrics = metricsOf(sizes).filter(({ group }) => selected.includes(group));
  const self = ours(programs.threads);
  return models.flatMap((model) => [
    ...metrics.flatMap((metric) => {
      const isForAll = metric.group === "decode" || metric.group === "prefill";
      if (!isForAll && model.type !== MAIN_TYPE) return [];
      const peers = new Map<string, () => Promise<number>>();
      for (const peer of peersFor(metric.group, model, programs)) {
        const measure = metric.measure(peer, model);
        if (measure !== undefined) peers.set(peer.name, measure);
      }
      const { title, unit } = metric;
      return [{ title, unit, model, ours: metric.measure(self, model)!, peers }];
    }),
    ...(selected.includes("busy") && BUSY_TYPES.includes(model.type)
      ? busyComparisons(model, sizes, programs)
      : []),
  ]);
}

function metricsOf({ tokens, prompts, depth, batches, repetitions }: Sizes): Metric[] {
  const plain: Workload = { tokens, depth: 0, batch: 1, repetitions };
  const deep = { ...plain, depth };
  const one = { ...plain, tokens: 1 };
  const rate = "tokens/s";
  return [
    {
      group: "decode",
      title: `write ${tokens}`,
      unit: rate,
      measure: ({ decode }, model) => decode && (() => decode(model, plain)),
    },
    {
      group: "depth",
      title: `write ${tokens} after ${depth}`,
      unit: rate,
      measure: ({ name, decode }, model) =>
        name === "node-llama-cpp" ? undefined : decode && (() => decode(model, deep)),
    },
    ...prompts.map((prompt): Metric => ({
      group: "prefill",
      title: `read ${prompt}`,
      unit: rate,
      measure: ({ prefill }, model) =>
        prefill && (() => prefill(model, { ...plain, tokens: prompt })),
    })),
    ...batches.map((batch): Metric => ({
      group: "batch",
      title: `write ${tokens} in each of ${batch} texts`,
      unit: rate,
      measure: ({ decodeBatch }, model) =>
        decodeBatch && (() => decodeBatch(model, { ...plain, depth: BATCH_DEPTH, batch })),
    })),
    {
      group: "start",
      title: "start of the process to its first token",
      unit: "ms",
      measure: ({ usage }, model) =>
        usage && (async () => {
          await readThrough(model.path);
          return (await usage(model, one)).firstByteMs;
        }),
    },
    {
      group: "memory",
      title: `peak memory, writing ${tokens}`,
      unit: "MB",
      measure: ({ name, usage }, model) =>
        name === "node-llama-cpp"
          ? undefined
          : usage && (async () => (await usage(model, plain)).peakBytes / 1e6),
    },
  ];
}

/** Brings a file into the system's memory, or keeps it there. */
async function readThrough(path: string): Promise<void> {
  using file = await Deno.open(path);
  const chunk = new Uint8Array(2 ** 20);
  while (await file.read(chunk) !== null);
}

/** Programs in Python read one type of weights, and bring nothing new on the others. */
function peersFor(group: Group, model: ModelFile, programs: Programs): Program[] {
  const { llamaCpp, nodeLlamaCpp, python } = programs;
  const peers: Program[] = [];
  const isSmall = model.size === "small" || model.size === "tiny";
  const isExtra = model.type === "f32" || model.type === "bf16";
  if (llamaCpp !== undefined && !isExtra) peers.push(llamaCpp);
  if (nodeLlamaCpp !== undefined && isSmall && model.type === MAIN_TYPE) peers.push(nodeLlamaCpp);
  if (isSmall && (group === "decode" || group === "prefill" || group === "batch")) {
    peers.push(...python.filter(({ type }) => type === model.type));
  }
  return peers;
}

/** The types of weights on which that is measured: PyTorch has none in common with the other peers. */
const BUSY_TYPES = [MAIN_TYPE, "f32"];

/** So many other processes keep processors busy. */
const NUM_BUSY = [1, 2, 4];

/** While other processes compute, too: against others in that state, and against one thread on the idle machine. */
function busyComparisons(
  model: ModelFile,
  { prompts, batches, ...sizes }: Sizes,
  programs: Programs,
): Comparison[] {
  const writing: Workload = { ...sizes, depth: 0, batch: 1 };
  const reading: Workload = { ...writing, tokens: Math.max(...prompts) };
  const batch = Math.min(...batches);
  const side: Workload = { ...writing, depth: BATCH_DEPTH, batch };
  const write = ({ decode }: Program) => decode && (() => decode(model, writing));
  const read = ({ prefill }: Program) => prefill && (() => prefill(model, reading));
  const writeBatch = ({ decodeBatch }: Program) => decodeBatch && (() => decodeBatch(model, side));
  const works = [
    { group: "decode", title: `write ${writing.tokens}`, work: write },
    { group: "prefill", title: `read ${reading.tokens}`, work: read },
    {
      group: "batch",
      title: `write ${side.tokens} in each of ${batch} texts`,
      work: writeBatch,
    },
  ] as const;
  return NUM_BUSY.flatMap((numBusy) =>
    works.flatMap(({ group, title, work }) => {
      const peers = new Map<string, () => Promise<number>>();
      for (const peer of peersFor(group, model, programs)) {
        const measure = work(peer);
        if (measure !== undefined) peers.set(peer.name, () => whileBusy(numBusy, measure));
      }
      if (peers.size === 0) return [];
      if (numBusy === 1 && group === "decode") {
        peers.set("itself, one thread, idle machine", work(ours(1))!);
      }
      const others = `${numBusy} busy process${numBusy === 1 ? "" : "es"}`;
      const self = work(ours(programs.threads))!;
      return [{
        title: `${title}, ${others}`,
        unit: "tokens/s" as const,
        model,
        ours: () => whileBusy(numBusy, self),
        peers,
      }];
    })
  );
}

async function whileBusy<T>(numBusy: number, work: () => Promise<T>): Promise<T> {
  const spinning = Array.from({ length: numBusy }, () =>
    new Deno.Command(Deno.execPath(), {
      args: ["eval", "for (;;);"],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn());
  try {
    return await work();
  } finally {
    for (const process of spinning) process.kill("SIGKILL");
    await Promise.all(spinning.map((process) => process.status));
  }
}
