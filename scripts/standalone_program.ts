/**
 * Puts a standalone program together: lays out its files in a temporary folder, and has Deno compile them.
 *
 * @module
 */

import { basename, dirname } from "node:path";
import denoConfig from "../deno.json" with { type: "json" };
import { requireReplaceable } from "../src/base/atomic_file.ts";
import { PROGRAM_FILES } from "../src/base/program_files.ts";
import { sha256 } from "../src/base/sha256.ts";
import { orStorageError } from "../src/base/storage_error.ts";
import { describeBinary } from "../src/native_library/binary_format.ts";
import { libraryFileName, readStamp, stampPathOf } from "../src/native_library/build_stamp.ts";
import { COMPRESSED } from "../src/native_library/released/released_library.ts";
import { BuildError, exitCodes } from "./build_error.ts";

/** The systems that Deno has a runtime for, in the words of `Deno.build`. */
export const targets = {
  "x86_64-unknown-linux-gnu": { os: "linux", arch: "x86_64" },
  "aarch64-unknown-linux-gnu": { os: "linux", arch: "aarch64" },
  "x86_64-apple-darwin": { os: "darwin", arch: "x86_64" },
  "aarch64-apple-darwin": { os: "darwin", arch: "aarch64" },
  "x86_64-pc-windows-msvc": { os: "windows", arch: "x86_64" },
} as const;
export type Target = keyof typeof targets;

/** Whether Deno has a runtime for a system of this name. */
export function isTarget(name: string): name is Target {
  return Object.hasOwn(targets, name);
}

/** A native library to be put into a program. */
export interface EmbeddedLibrary {
  readonly path: string;
  /** Its level of instructions, where there are several; of no level if it is the only one. */
  readonly level?: string;
}

/** A program to be made. */
export interface Program {
  /** The folder of the repository. */
  readonly root: string;
  /** The native libraries to put into it; the stamp of each lies beside it. */
  readonly libraries: readonly EmbeddedLibrary[];
  /** A GGUF file to put into it. */
  readonly model?: string;
  /** The system it is for; this one if left out. */
  readonly target?: Target;
  /** Where to write it. What is there is replaced. */
  readonly output: string;
}

export interface CompileOptions {
  /** Environment variables for Deno, beside those of this process. */
  readonly env?: Record<string, string>;
  readonly signal?: AbortSignal;
}

/**
 * Writes a standalone program, as a whole or not at all.
 *
 * @throws {BuildError} if the library does not fit, or there is no runtime to be had
 * @throws {StorageError} if it cannot be written there
 */
export async function compileProgram(
  program: Program,
  { env, signal }: CompileOptions = {},
): Promise<void> {
  const { target, output } = program;
  await checkRuntime(Deno.env.get("DENORT_BIN"));
  requireReplaceable(output);
  // Beside the output, so that a rename is all that is left to do.
  const folder = await orStorageError(
    output,
    () => Deno.makeTempDir({ dir: dirname(output), prefix: ".gpt2-compile-" }),
  );
  try {
    await layOut(program, folder);
    const compiled = `${await Deno.realPath(folder)}/${basename(output)}`;
    await runDeno(compileArguments(folder, compiled, target), { cwd: folder, env, signal });
    if (target === undefined) await checkStarts(compiled, signal);
    await Deno.rename(compiled, output);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Fills `folder` with the files of a program: the modules, and in `PROGRAM_FILES` what `src/base/program_files.ts` describes. */
export async function layOut(program: Program, folder: string): Promise<void> {
  const { root, libraries, model, target } = program;
  // Libraries that were made for a release are for all systems; the one that is needed comes below.
  await copyFolder(`${root}/src`, `${folder}/src`, (name) => !name.endsWith(COMPRESSED));
  for (const name of ["mod.ts", "deno.json"]) {
    await Deno.copyFile(`${root}/${name}`, `${folder}/${name}`);
  }

  const { os, arch } = target === undefined ? Deno.build : targets[target];
  for (const { path, level } of libraries) {
    await checkLibrary(path, `${os} ${arch}`);
    const libraryFolder = `${folder}/${PROGRAM_FILES}/library${
      level === undefined ? "" : `/${level}`
    }`;
    await Deno.mkdir(libraryFolder, { recursive: true });
    const embedded = `${libraryFolder}/${libraryFileName(os)}`;
    await Deno.copyFile(path, embedded);
    // What the library was built from is of no use there, and tells about this machine.
    const stamp = { ...readStamp(path)!, inputs: {} };
    await Deno.writeTextFile(stampPathOf(embedded), JSON.stringify(stamp));
  }

  if (model !== undefined) {
    await Deno.mkdir(`${folder}/${PROGRAM_FILES}/model`);
    await linkOrCopy(
      await Deno.realPath(model),
      `${folder}/${PROGRAM_FILES}/model/${basename(model)}`,
    );
  }
}

/** What to give Deno to compile what is laid out in `folder`. */
export function compileArguments(folder: string, output: string, target?: Target): string[] {
  const assets = filesIn(folder, "src/").filter((path) => !path.endsWith(".ts"));
  return [
    "compile",
    "--allow-all",
    // The configuration is for those who work on this package. All that is compiled lies in the folder.
    ...["--no-config", "--no-lock", "--no-remote", "--no-npm", "--no-check"],
    // Deno would keep the cache in the folder for temporary files, under a name that anybody may take first.
    "--no-code-cache",
    ...assets.flatMap((path) => ["--include", path]),
    ...(target === undefined ? [] : ["--target", target]),
    ...["--output", output],
    "mod.ts",
  ];
}

async function checkLibrary(path: string, system: string): Promise<void> {
  const stamp = readStamp(path);
  const refuse = (problem: string, advice: string) => {
    throw new BuildError(
      `Cannot compile: the native library ${path} ${problem}. ${advice}`,
      exitCodes.usage,
    );
  };
  const bytes = await Deno.readFile(path).catch(() => undefined);
  if (stamp === undefined || bytes === undefined || await sha256(bytes) !== stamp.sha256) {
    return refuse("is missing or damaged", "Build it with `deno task build`.");
  }
  const madeFor = describeBinary(bytes);
  if (madeFor !== system) {
    refuse(
      `is for another system: received ${madeFor} instead of ${system}`,
      "Build one there with `deno task build`, and give its path with --library.",
    );
  }
}

async function checkRuntime(path: string | undefined): Promise<void> {
  const isThere = path === undefined ||
    await Deno.stat(path).then(({ isFile }) => isFile, () => false);
  if (isThere) return;
  throw new BuildError(
    `Cannot compile: there is no file where DENORT_BIN says that Deno's runtime for compiled programs is: received ` +
      `"${path}". Set it to the path of a denort of Deno ${Deno.version.deno}, or unset it.`,
    exitCodes.environment,
  );
}

async function runDeno(
  args: string[],
  options: Pick<Deno.CommandOptions, "cwd" | "env" | "signal">,
): Promise<void> {
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    ...options,
    args,
    env: { NO_COLOR: "1", ...options.env },
    stdin: "null",
    stdout: "null",
  }).output();
  options.signal?.throwIfAborted();
  if (success) return;
  const [text] = new TextDecoder().decode(stderr).split("Stack backtrace");
  const [, runtimeProblem] = text.match(/Setting up base binary\.?\n\s*(?:1: )?(.*)/) ?? [];
  if (runtimeProblem !== undefined) {
    throw new BuildError(
      `Cannot compile: Deno's runtime for compiled programs is not here and cannot be had: received ${runtimeProblem}. ` +
        `Bring it here from a machine that reaches that address, unpack it, and set DENORT_BIN to the path of denort ` +
        `(of Deno ${Deno.version.deno}, for the system that the program is for).`,
      exitCodes.environment,
    );
  }
  throw new BuildError(`Cannot compile: Deno failed: received ${text.trim()}`, exitCodes.internal);
}

/** A runtime of another version makes a program that does not start. */
async function checkStarts(path: string, signal?: AbortSignal): Promise<void> {
  const { code, stdout, stderr } = await new Deno.Command(path, {
    args: ["--version"],
    env: { NO_COLOR: "1" },
    stdin: "null",
    signal,
  }).output();
  signal?.throwIfAborted();
  const written = new TextDecoder().decode(stdout).trim();
  if (code === 0 && written === denoConfig.version) return;
  if (written.startsWith("deno ")) {
    throw new BuildError(
      `Cannot compile: DENORT_BIN names Deno itself, and not its runtime for compiled programs: received ` +
        `"${
          Deno.env.get("DENORT_BIN")
        }". Set it to the path of a denort of Deno ${Deno.version.deno}, or unset it.`,
      exitCodes.environment,
    );
  }
  const [problem] = new TextDecoder().decode(stderr).trim().split("\n");
  throw new BuildError(
    `Cannot compile: the program does not start: received ${problem || `exit code ${code}`}; ` +
      `the runtime is of another version. Set DENORT_BIN to a denort of Deno ${Deno.version.deno} for this system, or unset it.`,
    exitCodes.environment,
  );
}

async function copyFolder(
  from: string,
  to: string,
  isWanted: (name: string) => boolean,
): Promise<void> {
  await Deno.mkdir(to, { recursive: true });
  for await (const { name, isDirectory } of Deno.readDir(from)) {
    if (isDirectory) await copyFolder(`${from}/${name}`, `${to}/${name}`, isWanted);
    else if (isWanted(name)) await Deno.copyFile(`${from}/${name}`, `${to}/${name}`);
  }
}

/** A model can be large; a second name for it takes no time and no room. */
async function linkOrCopy(from: string, to: string): Promise<void> {
  await Deno.link(from, to).catch(() => Deno.copyFile(from, to));
}

/** The paths of the files below `folder`/`path`, from `folder`. */
function filesIn(folder: string, path: string): string[] {
  return Array.from(Deno.readDirSync(`${folder}/${path}`)).flatMap(({ name, isDirectory }) =>
    isDirectory ? filesIn(folder, `${path}${name}/`) : `${path}${name}`
  ).sort();
}
