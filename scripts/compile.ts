/**
 * Makes a standalone program: one file that holds Deno's runtime, this package, the native library and a model.
 *
 *     deno task compile [--model m.gguf] [--output path] [--portable] [--target triple --library path]
 *
 * @module
 */

import { openGgufCheckpoint } from "../src/checkpoint/gguf/checkpoint.ts";
import { exitCodeOf } from "../src/cli/exit_code.ts";
import { libraryFileName, readStamp } from "../src/native_library/build_stamp.ts";
import { levelNames } from "../src/native_library/cpu_levels.ts";
import { BuildError, exitCodes } from "./build_error.ts";
import { parseFlags } from "./parse_flags.ts";
import { ProgressLine } from "./progress_line.ts";
import {
  compileProgram,
  type EmbeddedLibrary,
  isTarget,
  type Program,
  targets,
} from "./standalone_program.ts";

const HELP = `Makes a standalone program, which needs neither Deno nor a network nor this folder.

Usage: deno task compile [options]

Options:
  --model <path>    a GGUF file to put into it; it becomes the default model (the demo is always inside)
  --output <path>   the program (default: gpt2)
  --target <name>   for another system (default: this one); takes --library as well
  --library <path>  the native library to put into it, with its .json beside it (default: that of this machine)
  --portable        put in the libraries of all levels that \`deno task build --portable\` made: for other machines
  --help            show this text

Deno downloads its runtime for compiled programs, denort, when it is first needed. Where it cannot,
set DENORT_BIN to the path of a denort of the same version.

Example: deno task compile --model gpt2.gguf --output ~/bin/gpt2
`;

const root = import.meta.dirname!.slice(0, -"/scripts".length);

function parseOptions(args: string[]): Program | "help" {
  const names = ["model", "output", "target", "library"] as const;
  const { values, switches } = parseFlags(
    args,
    { values: names, switches: ["help", "portable"] },
    usageError,
  );
  if (switches.help) return "help";
  const { model, output, target, library } = values;
  if (switches.portable && (library ?? target) !== undefined) {
    throw usageError(
      "--portable is for this system, with its libraries: received --library or --target, too",
    );
  }
  if (target !== undefined && !isTarget(target)) {
    const names = Object.keys(targets).join(", ");
    throw usageError(`--target is not one of ${names}: received "${target}"`);
  }
  if (model !== undefined && !model.endsWith(".gguf")) {
    throw usageError(`--model is not a .gguf file: received "${model}"`);
  }
  const suffix = (target === undefined ? Deno.build.os : targets[target].os) === "windows"
    ? ".exe"
    : "";
  return {
    root,
    model,
    target,
    output: output ?? `gpt2${suffix}`,
    libraries: switches.portable
      ? portableLibraries()
      : [{ path: library ?? `${root}/native/build/${libraryFileName()}` }],
  };
}

function portableLibraries(): EmbeddedLibrary[] {
  const all = levelNames().map((level) => ({
    level,
    path: `${root}/native/build/portable/${level}/${libraryFileName()}`,
  }));
  const built = all.filter(({ path }) => readStamp(path) !== undefined);
  if (built.length > 0) return built;
  throw usageError("--portable finds no library: build some with `deno task build --portable`");
}

function usageError(problem: string): BuildError {
  return new BuildError(
    `Cannot compile: ${problem}. See deno task compile --help.`,
    exitCodes.usage,
  );
}

async function main(args: string[]): Promise<number> {
  const progress = new ProgressLine();
  const interruption = new AbortController();
  const interrupt = () => interruption.abort();
  Deno.addSignalListener("SIGINT", interrupt);
  try {
    const program = parseOptions(args);
    if (program === "help") {
      await Deno.stdout.write(new TextEncoder().encode(HELP));
      return 0;
    }
    // A model that does not load is better found now than by those who get the program.
    if (program.model !== undefined) openGgufCheckpoint(program.model)[Symbol.dispose]();
    progress.show("Compiling");
    await compileProgram(program, { signal: interruption.signal });
    const megabytes = (Deno.statSync(program.output).size / 1e6).toFixed(0);
    progress.print(`Wrote ${program.output} (${megabytes} MB).`);
    return 0;
  } catch (error) {
    if (interruption.signal.aborted) {
      progress.print("Interrupted; nothing was changed.");
      return 130;
    }
    progress.print((error as Error).message);
    return error instanceof BuildError ? error.exitCode : exitCodeOf(error);
  } finally {
    Deno.removeSignalListener("SIGINT", interrupt);
  }
}

if (import.meta.main) Deno.exit(await main(Deno.args));
