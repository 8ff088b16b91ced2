/**
 * Measures this package and others on the same files, and writes docs/benchmarks.md.
 *
 *     deno run -A scripts/bench.ts [--only decode,prefill] [--models small] [--rounds 3] ...
 *
 * The peers are built or installed where they are not there yet. Nothing else should run on the machine meanwhile.
 *
 * @module
 */
import { cacheFolder } from "../src/base/cache_folder.ts";
import type { FileType } from "../src/checkpoint/file_types.ts";
import { comparisons, type Programs } from "./bench/comparisons.ts";
import { BenchError, run } from "./bench/command.ts";
import { buildLlamaCpp, llamaCpp } from "./bench/llama_cpp.ts";
import { describeMachine, readBandwidth } from "./bench/machine.ts";
import { measureAll } from "./bench/measure.ts";
import { ensureModels } from "./bench/models.ts";
import { installNodeLlamaCpp, nodeLlamaCpp } from "./bench/node_llama_cpp.ts";
import { HELP, type Options, parseOptions } from "./bench/options.ts";
import { compileHelper, type ModelFile, useHelper } from "./bench/program.ts";
import { pythonPeers } from "./bench/python_peers.ts";
import { reportText } from "./bench/report.ts";
import { BuildError } from "./build_error.ts";
import { ProgressLine } from "./progress_line.ts";

type Show = (doing: string) => void;

async function findPrograms(options: Options, cache: string, show: Show): Promise<Programs> {
  const { peers, threads, llamaBuild, python } = options;
  return {
    threads,
    llamaCpp: peers.includes("llama.cpp")
      ? llamaCpp(llamaBuild ?? await buildLlamaCpp(cache, show), threads)
      : undefined,
    nodeLlamaCpp: peers.includes("node-llama-cpp")
      ? nodeLlamaCpp(await installNodeLlamaCpp(cache, show), threads)
      : undefined,
    python: peers.includes("python") ? await pythonPeers(python ?? "python3", threads) : [],
  };
}

/** The small model in all types, and in those that programs in Python need; larger ones in the most important type. */
async function findModels(
  { models, types }: Options,
  { python }: Programs,
  cache: string,
  show: Show,
): Promise<ModelFile[]> {
  const files: ModelFile[] = [];
  for (const size of models) {
    const isFirst = size === "small" || size === "tiny";
    const wanted = isFirst ? [...types, ...python.map(({ type }) => type as FileType)] : ["q8_0"];
    const options = { withFolder: isFirst && python.length > 0 };
    files.push(
      ...await ensureModels(size, [...new Set(wanted)] as FileType[], cache, options, show),
    );
  }
  return files;
}

/** How to make the report again, without the paths of this machine. */
function commandText(args: readonly string[]): string {
  const local = ["--llama-build", "--cache", "--output"];
  const kept = args.filter((arg, i) =>
    !local.some((flag) => arg === flag || arg.startsWith(`${flag}=`) || args[i - 1] === flag)
  ).map((arg, i, all) => all[i - 1] === "--python" ? "python3" : arg);
  return ["deno run -A scripts/bench.ts", ...kept].join(" ");
}

/** Writes Markdown as `deno fmt` wants it. */
async function writeFormatted(path: string, text: string): Promise<void> {
  await Deno.writeTextFile(path, text);
  await run(Deno.execPath(), ["fmt", "--quiet", path]);
}

async function main(args: string[]): Promise<number> {
  const progress = new ProgressLine();
  try {
    const options = parseOptions(args);
    if (options === "help") {
      console.log(HELP.trimEnd());
      return 0;
    }
    if (Deno.build.os === "windows") {
      throw new BenchError("Cannot run the benchmarks: they need Linux or macOS");
    }
    const cache = options.cache ?? cacheFolder("bench") ?? "bench";
    await Deno.mkdir(cache, { recursive: true });
    const show: Show = (doing) => progress.show(doing);
    const programs = await findPrograms(options, cache, show);
    const models = await findModels(options, programs, cache, show);
    useHelper(await compileHelper("child_usage", cache));
    const reader = await compileHelper("read_bandwidth", cache);
    show("Measuring how fast memory is read");
    const bandwidth = await readBandwidth(reader, options.threads);
    const outcomes = await measureAll(
      comparisons(models, options.only, options.sizes, programs),
      options.rounds,
      (doing, done) => progress.show(doing, done),
    );
    const text = reportText({
      command: commandText(args),
      rounds: options.rounds,
      threads: options.threads,
      machine: await describeMachine(),
      bandwidth,
      outcomes,
    });
    if (options.output === "-") console.log(text);
    else await writeFormatted(options.output, text);
    progress.print(options.output === "-" ? "Done." : `Wrote ${options.output}.`);
    return 0;
  } catch (error) {
    if (!(error instanceof BenchError) && !(error instanceof BuildError)) throw error;
    progress.print(error.message);
    return error instanceof BuildError ? error.exitCode : 1;
  }
}

if (import.meta.main) Deno.exit(await main(Deno.args));
