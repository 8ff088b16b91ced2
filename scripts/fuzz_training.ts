/**
 * Tries to break training, for as long as wanted; the tests do the same in small.
 *
 *     deno run -A scripts/fuzz_training.ts --kind graphs --runs 10000 --seed 1    # gradients of random graphs
 *
 * Ends at the first thing that is wrong, with the seed that shows it again.
 *
 * @module
 */
import { Backend } from "../src/tensor/backend.ts";
import { disableTrainingKernels } from "../src/tensor/training/has_training_kernels.ts";
import { Random } from "../tests/einops/random_pattern.ts";
import { GRAPH_TOLERANCE, RandomGraph } from "../tests/tensor/gradients/random_graph.ts";
import { parseFlags } from "./parse_flags.ts";

/** Operations of a graph at most. */
const MOST_STEPS = 10;

const { values: { kind = "graphs", runs = "1000", seed = "1" } } = parseFlags(
  Deno.args,
  { values: ["kind", "runs", "seed"] },
  (problem) => new RangeError(`Cannot fuzz: ${problem}`),
);
const [numRuns, firstSeed] = [Number(runs), Number(seed)];
if (!Number.isSafeInteger(numRuns) || numRuns < 1 || !Number.isSafeInteger(firstSeed)) {
  console.error(`Cannot fuzz: --runs and --seed must be integers: received ${runs}, ${seed}`);
  Deno.exit(2);
}

/** What each kind tries; throws if something is wrong. */
const KINDS: Record<string, (seed: number) => Promise<string> | string> = { graphs: tryGraph };
const attempt = KINDS[kind];
if (attempt === undefined) {
  console.error(`Cannot fuzz: --kind is one of ${Object.keys(KINDS).join(", ")}: received ${kind}`);
  Deno.exit(2);
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
