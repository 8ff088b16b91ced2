/**
 * The options of `scripts/bench.ts`.
 *
 * @module
 */
import { parseFlags } from "../parse_flags.ts";
import { type FileType, isFileType } from "../../src/checkpoint/file_types.ts";
import { BuildError, exitCodes } from "../build_error.ts";
import { type Group, groups, type Sizes } from "./comparisons.ts";
import { configs } from "./models.ts";

/** The peers, as they are selected. */
export const peerNames = ["llama.cpp", "node-llama-cpp", "python"] as const;

/** The text for `--help`. */
export const HELP =
  `Measures this package and others on the same files, and writes docs/benchmarks.md.

Usage: deno run -A scripts/bench.ts [options]

Options (lists are separated by commas):
  --only <list>          ${groups.join(",")} (default: all)
  --models <list>        ${Object.keys(configs).join(",")} (default: small,medium)
  --types <list>         types of the small model (default: f16,q8_0,q4_0,q4_k_m); larger ones are q8_0
  --rounds <n>           how often everything is measured (default: 7)
  --threads <n>          how many threads compute (default: one for each processor)
  --tokens <n>           tokens to write (default: 128)
  --prompts <list>       tokens to read (default: 128,512)
  --depth <n>            tokens before, in the test of a long text (default: 896)
  --batches <list>       texts side by side (default: 8,32)
  --repetitions <n>      measurements in one process, after a run that does not count (default: 2)
  --peers <list>         ${
    peerNames.join(",")
  } (default: llama.cpp,node-llama-cpp, and python with --python)
  --llama-build <folder> where llama-bench and its siblings are; they are built otherwise
  --python <path>        a Python that has transformers (with PyTorch), ctranslate2, or both
  --cache <folder>       where models and peers are kept (default: in the user's cache)
  --output <path>        the report (default: docs/benchmarks.md); - is stdout
  --help                 show this text

Example: deno run -A scripts/bench.ts --only decode,prefill --models small --types q8_0 --rounds 3
`;

/** What to measure, and how. */
export interface Options {
  readonly only: readonly Group[];
  readonly models: readonly string[];
  readonly types: readonly FileType[];
  readonly rounds: number;
  readonly threads: number;
  readonly sizes: Sizes;
  readonly peers: readonly string[];
  readonly llamaBuild: string | undefined;
  readonly python: string | undefined;
  readonly cache: string | undefined;
  readonly output: string;
}

const VALUES = [
  ...["only", "models", "types", "rounds", "threads", "tokens", "prompts", "depth"] as const,
  ...["batches", "repetitions", "peers", "llama-build", "python", "cache", "output"] as const,
] as const;
type Value = typeof VALUES[number];

/**
 * Parses the arguments.
 *
 * @throws {BuildError} if they cannot be understood
 */
export function parseOptions(args: readonly string[]): Options | "help" {
  const { values, switches } = parseFlags(
    args,
    { values: VALUES, switches: ["help"] },
    usageError,
  );
  if (switches.help) return "help";
  const text = (name: Value) => values[name];
  const list = (name: Value, fallback: string) => (text(name) ?? fallback).split(",");
  const counts = (name: Value, fallback: string, min = 1) =>
    list(name, fallback).map((text) => {
      const count = Number(text);
      if (/^\d+$/.test(text) && count >= min) return count;
      throw usageError(`--${name} must be whole numbers of at least ${min}: received "${text}"`);
    });
  const count = (name: Value, fallback: number) => {
    const values = counts(name, String(fallback));
    if (values.length === 1) return values[0];
    throw usageError(`--${name} must be one number: received "${text(name)}"`);
  };
  const python = text("python");
  return {
    only: choices("only", list("only", groups.join(",")), isGroup),
    models: choices("models", list("models", "small,medium"), isSize),
    types: choices("types", list("types", "f16,q8_0,q4_0,q4_k_m"), isFileType),
    rounds: count("rounds", 7),
    threads: count("threads", navigator.hardwareConcurrency),
    sizes: {
      tokens: count("tokens", 128),
      prompts: counts("prompts", "128,512"),
      depth: count("depth", 896),
      batches: counts("batches", "8,32"),
      repetitions: count("repetitions", 2),
    },
    peers: choices(
      "peers",
      list("peers", `llama.cpp,node-llama-cpp${python === undefined ? "" : ",python"}`),
      (name): name is string => peerNames.some((known) => known === name),
    ),
    llamaBuild: text("llama-build"),
    python,
    cache: text("cache"),
    output: text("output") ?? "docs/benchmarks.md",
  };
}

function choices<T extends string>(
  name: string,
  values: readonly string[],
  isKnown: (value: string) => value is T,
): T[] {
  return values.map((value) => {
    if (isKnown(value)) return value;
    throw usageError(`--${name} has something unknown in it: received "${value}"`);
  });
}

function isGroup(name: string): name is Group {
  return groups.some((group) => group === name);
}

function isSize(name: string): name is string {
  return Object.hasOwn(configs, name);
}

function usageError(problem: string): BuildError {
  return new BuildError(`Cannot run the benchmarks: ${problem}. See --help.`, exitCodes.usage);
}
