/**
 * Tries to break training, for as long as wanted; the tests do the same in small.
 *
 *     deno run -A scripts/fuzz_training.ts --kind graphs --runs 10000      # gradients of random graphs
 *     deno run -A scripts/fuzz_training.ts --kind folders --runs 500       # runs with a damaged file, resumed
 *     deno run -A scripts/fuzz_training.ts --kind adapters --runs 1000     # damaged adapters, used
 *     deno run -A scripts/fuzz_training.ts --kind kills --runs 50          # runs that are killed anywhere, resumed
 *
 * Ends at the first thing that is wrong, with the seed that shows it again.
 *
 * @module
 */
import { Backend } from "../src/tensor/backend.ts";
import { disableTrainingKernels } from "../src/tensor/training/has_training_kernels.ts";
import { adapterPath, basePath } from "../tests/checkpoint/adapters/fixtures.ts";
import { runCli } from "../tests/cli/run_cli.ts";
import { Random } from "../tests/einops/random_pattern.ts";
import { GRAPH_TOLERANCE, RandomGraph } from "../tests/tensor/gradients/random_graph.ts";
import {
  resumeDamaged,
  RUN_FLAGS,
  RUN_TEXT,
  useDamagedAdapter,
} from "../tests/training/damage/damaged_run.ts";
import { killedAndResumed } from "../tests/training/damage/killed_run.ts";
import { parseFlags, refuseArguments } from "./parse_flags.ts";

/** Operations of a graph at most. */
const MOST_STEPS = 10;

const { values: { kind = "graphs", runs = "1000", seed = "1" } } = parseFlags(
  Deno.args,
  { values: ["kind", "runs", "seed"] },
);
const [numRuns, firstSeed] = [Number(runs), Number(seed)];
if (!Number.isSafeInteger(numRuns) || numRuns < 1 || !Number.isSafeInteger(firstSeed)) {
  refuseArguments(`--runs and --seed must be integers: received ${runs}, ${seed}`);
}

/** What each kind tries; throws if something is wrong. */
const KINDS: Record<string, (seed: number) => Promise<string> | string> = {
  graphs: tryGraph,
  folders: tryFolder,
  adapters: tryAdapter,
  kills: tryKill,
};
const attempt = KINDS[kind];
if (attempt === undefined) {
  refuseArguments(`--kind must be one of ${Object.keys(KINDS).join(", ")}: received ${kind}`);
}

const folder = Deno.makeTempDirSync();
const run = `${folder}/run`;
Deno.writeTextFileSync(`${folder}/text.txt`, RUN_TEXT);
if (kind === "folders") {
  const paths = ["--data", `${folder}/text.txt`, "--out", run];
  if ((await runCli(["train", ...paths, ...RUN_FLAGS])).code !== 0) throw new Error("cannot train");
}

const found = new Map<string, number>();
for (let at = firstSeed; at < firstSeed + numRuns; at++) {
  try {
    const result = await attempt(at);
    found.set(result, (found.get(result) ?? 0) + 1);
  } catch (error) {
    console.error(`--kind ${kind} --runs 1 --seed ${at}`);
    throw error;
  }
}
console.log(
  `${numRuns} runs:`,
  [...found].map(([result, count]) => `${count} ${result}`).join(", "),
);

/** The gradients of a random graph, with this package's own kernels or without. */
function tryGraph(seed: number): string {
  using _disabled = seed % 2 === 0 ? disableTrainingKernels() : undefined;
  using backend = Backend.cpu({ threads: 1 });
  const random = new Random(seed);
  const { names, error, isVague } = new RandomGraph(random, random.integer(1, MOST_STEPS))
    .compare(backend);
  if (isVague) return "that cannot be compared";
  if (error <= GRAPH_TOLERANCE) return "right";
  throw new Error(`${names.join("; ")}: off by ${error}`);
}

async function tryFolder(seed: number): Promise<string> {
  return await resumeDamaged(new Random(seed), run, `${folder}/copy${seed}`);
}

async function tryAdapter(seed: number): Promise<string> {
  const adapters = [adapterPath("patterns"), adapterPath("plain"), `${adapterPath("plain")}.gguf`];
  const adapter = adapters[seed % adapters.length];
  return await useDamagedAdapter(new Random(seed), basePath, adapter, `${folder}/copy${seed}`);
}

async function tryKill(seed: number): Promise<string> {
  return await killedAndResumed(new Random(seed), `${folder}/text.txt`, `${folder}/copy${seed}`);
}
