/**
 * llama.cpp's own programs, built from the commit that the native library is built from.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import { ensureLlamaCppSource } from "../native_source.ts";
import { exists } from "../../src/base/files.ts";
import { BenchError, run } from "./command.ts";
import { childUsage, type Program, PROMPT } from "./program.ts";

const PROGRAMS = ["llama-bench", "llama-batched-bench", "llama-completion", "llama-perplexity"];

/** Tokens of context are reserved in multiples of this. */
const CONTEXT_STEP = 256;

/**
 * Builds llama.cpp at its best for this machine: its defaults for a release, which are every instruction set of the
 * processor, llamafile's matrix product and OpenMP, and the header without which GCC 12 compiles the AMX kernels
 * wrongly.
 *
 * @param cache where the build is kept; a second run only looks for changes
 * @param programs which ones
 * @returns the folder of the programs
 */
export async function buildLlamaCpp(
  cache: string,
  onProgress: (doing: string) => void,
  programs: readonly string[] = PROGRAMS,
): Promise<string> {
  const source = await ensureLlamaCppSource(cache, onProgress);
  const build = `${cache}/llama.cpp-build`;
  const tileConfig = fileURLToPath(new URL("../../native/amx_tile_config.h", import.meta.url));
  onProgress("Building llama.cpp (once, some minutes)");
  await run("cmake", [
    "-S",
    source,
    "-B",
    build,
    "-DCMAKE_BUILD_TYPE=Release",
    `-DCMAKE_CXX_FLAGS=-include ${tileConfig}`,
    "-DGGML_NATIVE=ON",
    "-DGGML_CCACHE=OFF",
    "-DLLAMA_OPENSSL=OFF",
    "-DLLAMA_USE_PREBUILT_UI=OFF",
    "-DLLAMA_BUILD_TESTS=OFF",
  ]);
  const jobs = String(navigator.hardwareConcurrency);
  await run("cmake", ["--build", build, "--parallel", jobs, "--target", ...programs]);
  return `${build}/bin`;
}

/**
 * llama.cpp as a peer.
 *
 * @param folder where its programs are
 * @throws {BenchError} if one is missing
 */
export function llamaCpp(folder: string, threads: number): Program {
  for (const name of PROGRAMS) {
    if (!exists(`${folder}/${name}`)) {
      throw new BenchError(`Cannot compare with llama.cpp: there is no ${name} in ${folder}`);
    }
  }
  const common = ["-t", String(threads)];
  const bench = (model: string, repetitions: number, test: string[]) =>
    rate(`${folder}/llama-bench`, [
      ...[...common, "-m", model, "-r", String(repetitions), "-o", "json", ...test],
    ]);
  return {
    name: "llama.cpp",
    prefill: ({ path }, { tokens, repetitions }) =>
      bench(path, repetitions, ["-p", String(tokens), "-n", "0"]),
    decode: ({ path }, { tokens, depth, repetitions }) =>
      bench(path, repetitions, ["-p", "0", "-n", String(tokens), "-d", String(depth)]),
    decodeBatch: async ({ path }, { tokens, depth, batch }) => {
      const context = batch * Math.ceil((depth + tokens) / CONTEXT_STEP) * CONTEXT_STEP;
      const output = await run(`${folder}/llama-batched-bench`, [
        ...[...common, "-m", path, "-c", String(context), "--output-format", "jsonl"],
        ...["-npp", String(depth), "-ntg", String(tokens), "-npl", String(batch)],
      ]);
      const line = output.split("\n").find((line) => line.startsWith("{"));
      if (line === undefined) throw new BenchError("llama-batched-bench measured nothing");
      return JSON.parse(line).speed_tg;
    },
    usage: ({ path }, { tokens }) => {
      // No more context than needed, and no warm-up run: both cost time and memory that are not asked for here.
      const context = Math.ceil((tokens + CONTEXT_STEP / 2) / CONTEXT_STEP) * CONTEXT_STEP;
      return childUsage(`${folder}/llama-completion`, [
        ...[...common, "-m", path, "-p", PROMPT, "-n", String(tokens), "-c", String(context)],
        ...["-no-cnv", "--no-warmup", "--no-display-prompt", "--no-perf", "--ignore-eos"],
      ]);
    },
  };
}

async function rate(program: string, args: string[]): Promise<number> {
  const [{ avg_ts: tokensPerSecond }] = JSON.parse(await run(program, args));
  return tokensPerSecond;
}

/** What llama-perplexity says of a text, and how long that took it. */
export interface MeasuredPerplexity {
  readonly perplexity: number;
  /** From after the text was divided into tokens to the result. */
  readonly elapsedMs: number;
}

/** Runs llama-perplexity on a text, in chunks of some tokens. */
export async function llamaPerplexity(
  folder: string,
  model: string,
  text: string,
  { chunk, threads }: { readonly chunk: number; readonly threads: number },
): Promise<MeasuredPerplexity> {
  const sizes = ["-c", String(chunk), "-t", String(threads)];
  const output = await run(`${folder}/llama-perplexity`, ["-m", model, "-f", text, ...sizes], {
    stderrToo: true,
  });
  const begin = output.match(/^(\d+)\.(\d+)\.(\d+)\.(\d+) .*calculating perplexity/m);
  // It may stand behind what was written to the other stream, without a new line.
  const end = output.match(/(\d+)\.(\d+)\.(\d+)\.(\d+) I Final estimate: PPL = ([\d.]+)/);
  if (begin === null || end === null) throw new BenchError("llama-perplexity measured nothing");
  const msOf = ([, minutes, seconds, ms, us]: readonly string[]) =>
    (Number(minutes) * 60 + Number(seconds)) * 1000 + Number(ms) + Number(us) / 1000;
  return { perplexity: Number(end[5]), elapsedMs: msOf(end) - msOf(begin) };
}
