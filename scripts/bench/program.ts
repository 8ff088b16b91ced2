/**
 * What is measured of each program, and the helper in C that measures a process from outside.
 *
 * @module
 */
import { run } from "./command.ts";

/** A model to be measured. */
export interface ModelFile {
  /** The name of its size, such as `small`. */
  readonly size: string;
  /** The type of its weights, such as `q8_0`. */
  readonly type: string;
  /** The GGUF file. */
  readonly path: string;
  /** The same weights as a Hugging Face folder in F32, for programs that read nothing else. */
  readonly folder: string;
}

/** How much to measure. */
export interface Workload {
  /** How many tokens are read or written in each text. */
  readonly tokens: number;
  /** How many tokens each text has before. */
  readonly depth: number;
  /** How many texts there are. */
  readonly batch: number;
  /** How often it is measured in one process, after a run that is not. */
  readonly repetitions: number;
}

/** What a process took. */
export interface Usage {
  /** From its start to the first byte of its output. */
  readonly firstByteMs: number;
  /** From its start to its end. */
  readonly elapsedMs: number;
  /** The most memory that it held. */
  readonly peakBytes: number;
}

/** A program to be measured. What it cannot do is missing. Rates are in tokens per second. */
export interface Program {
  /** How the report calls it. */
  readonly name: string;
  /** Reads texts. */
  prefill?(model: ModelFile, workload: Workload): Promise<number>;
  /** Writes one text. */
  decode?(model: ModelFile, workload: Workload): Promise<number>;
  /** Writes texts side by side; the rate is that of all together. */
  decodeBatch?(model: ModelFile, workload: Workload): Promise<number>;
  /** Starts a process that writes tokens, and ends. */
  usage?(model: ModelFile, workload: Workload): Promise<Usage>;
}

/** What programs continue where a text is needed. */
export const PROMPT = "The quick brown fox jumps over";

let helper: string | undefined;

/** Says where {@linkcode childUsage} finds the compiled `child_usage.c`. */
export function useHelper(path: string): void {
  helper = path;
}

/** Runs a program and measures the process. */
export async function childUsage(program: string, args: readonly string[]): Promise<Usage> {
  if (helper === undefined) throw new TypeError("Cannot measure a process: call useHelper() first");
  return JSON.parse(await run(helper, [program, ...args]));
}

/** Compiles a C file beside this one. */
export async function compileHelper(name: string, folder: string): Promise<string> {
  const source = `${import.meta.dirname}/${name}.c`;
  const program = `${folder}/${name}`;
  const compiler = Deno.env.get("CC") ?? "cc";
  await run(compiler, ["-O3", "-march=native", "-pthread", source, "-o", program]);
  return program;
}
