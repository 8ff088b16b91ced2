/**
 * Builds the native library, if anything that decides what it contains has changed since the last time.
 *
 *     deno task build [--backend cpu|cuda|metal|vulkan] [--arch 90] [--rpc-server] [--force] [--verbose]
 *     deno task build --portable | --level avx2
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { writeFileAtomically } from "../src/base/atomic_file.ts";
import { StorageError } from "../src/base/errors.ts";
import { takeFileLock } from "../src/base/file_lock.ts";
import { sha256 } from "../src/base/sha256.ts";
import { storageError } from "../src/base/storage_error.ts";
import { doLater } from "../src/base/work.ts";
import { cpuId } from "../src/ffi/cpu_id.ts";
import { abiVersion } from "../src/ffi/gpt2_native.ts";
import {
  type BuildStamp,
  libraryFileName,
  readStamp,
  stampPathOf,
} from "../src/native_library/build_stamp.ts";
import { ILLEGAL_INSTRUCTION } from "../src/native_library/child_program.ts";
import type { Proof } from "../src/native_library/proof/probe.ts";
import { levelNames } from "../src/native_library/cpu_levels.ts";
import { proveLibrary } from "../src/native_library/proof/prove.ts";
import { BuildError, exitCodes } from "./build_error.ts";
import { compile } from "./native_compile.ts";
import { changedInputs, nativeInputs } from "./native_inputs.ts";
import { ensureGgmlSource, ggmlVersion } from "./native_source.ts";
import { backends, MissingToolsError, type NativeBackend, requireTools } from "./native_tools.ts";
import { requireShaderCompiler } from "./shader_compiler.ts";
import {
  buildEnvironment,
  keepWorkFolder,
  removeWorkFolder,
  takeWorkFolder,
} from "./native_work_folders.ts";
import { ProgressLine } from "./progress_line.ts";

const HELP = `Builds the native library (once; later runs find nothing to do).

Usage: deno task build [options]

Options:
  --backend <name>  what computes beside the CPU: cpu (nothing), cuda, metal, vulkan
                    (default: that of the last build, else cpu)
  --arch <list>     CUDA architectures, such as 90 or "86;90" (default: this machine's)
  --portable        build a library for each level of instructions that processors of this kind have:
                    %LEVELS%
  --level <name>    build the library for one of them (default: one library for all that this machine has)
  --rpc-server      build a server too, that computes a part of a model for other machines
  --output <folder> where the library goes (default: native/build; native/build/portable/<level> for a level)
  --native <folder> where its source is (default: native)
  --force           build even if nothing has changed
  --optional        where it cannot be built, say so and succeed: the program then uses the prebuilt one
  --verbose         show everything that CMake and the compilers write
  --help            show this text

Example: deno task build --backend cuda --arch 90
`.replace("%LEVELS%", levelNames().join(", "));

interface Options {
  /** The folder with `CMakeLists.txt`. */
  nativeFolder: string;
  /** The folder that gets the library. */
  buildFolder: string;
  backend?: NativeBackend;
  arch?: string;
  /** The level of instructions; the empty string for all that this machine has. */
  level: string;
  rpcServer: boolean;
  force: boolean;
  /** Whether it is no failure that it cannot be built. */
  optional: boolean;
  verbose: boolean;
}

/** A build to be made: what for, and from what. */
interface Plan {
  backend: NativeBackend;
  arch: string;
  inputs: Record<string, string>;
  /** Why, to follow "Building the native library". */
  reason: string;
}

/** What to build, one library after the other. */
function parseOptions(args: string[]): Options[] | "help" {
  const values = parseFlags(args);
  if (values.help) return "help";
  const backend = backends.find((name) => name === values.backend);
  if (values.backend !== undefined && backend === undefined) {
    throw usageError(
      `--backend is not one of ${backends.join(", ")}: received "${values.backend}"`,
    );
  }
  const { level, portable = false } = values;
  if (level !== undefined && !levelNames().includes(level)) {
    throw usageError(`--level is not one of ${levelNames().join(", ")}: received "${level}"`);
  }
  if (portable && level !== undefined) {
    throw usageError("--portable builds all levels: received --level, too");
  }
  const { arch, output, force = false, optional = false, verbose = false } = values;
  if (arch !== undefined && !/^[0-9a-z-]+(;[0-9a-z-]+)*$/.test(arch)) {
    throw usageError(`--arch is not a list of CUDA architectures: received "${arch}"`);
  }
  const nativeFolder = values.native ?? fileURLToPath(new URL("../native", import.meta.url));
  const levels = portable ? levelNames() : [level ?? ""];
  return levels.map((level) => ({
    nativeFolder: Deno.realPathSync(nativeFolder),
    buildFolder: portable || level !== "" && output === undefined
      ? `${output ?? `${nativeFolder}/build/portable`}/${level}`
      : output ?? `${nativeFolder}/build`,
    backend,
    arch,
    level,
    rpcServer: values["rpc-server"] ?? false,
    force,
    optional,
    verbose,
  }));
}

/** With Node's parser, which is a part of Deno: a clone starts without fetching a package for this. */
function parseFlags(args: string[]) {
  try {
    return parseArgs({
      args,
      options: {
        backend: { type: "string" },
        arch: { type: "string" },
        level: { type: "string" },
        portable: { type: "boolean" },
        "rpc-server": { type: "boolean" },
        output: { type: "string" },
        native: { type: "string" },
        force: { type: "boolean" },
        optional: { type: "boolean" },
        verbose: { type: "boolean" },
        help: { type: "boolean" },
      },
    }).values;
  } catch (error) {
    throw usageError(`${(error as Error).message}: received ${args.join(" ")}`);
  }
}

function usageError(problem: string): BuildError {
  return new BuildError(
    `Cannot build the native library: ${problem}. See deno task build --help.`,
    exitCodes.usage,
  );
}

/** Finds out what there is to do; undefined if nothing. */
async function planBuild(options: Options): Promise<Plan | undefined> {
  const { nativeFolder } = options;
  const libraryPath = libraryPathIn(options.buildFolder);
  const last = readStamp(libraryPath);
  const backend = options.backend ?? last?.backend as NativeBackend | undefined ?? "cpu";
  const arch = options.arch ?? (backend === last?.backend ? last.inputs.arch : "");
  const inputs = await nativeInputs(nativeFolder, backend, arch, options.level);
  const plan = (reason: string) => ({ backend, arch, inputs, reason });
  if (last === undefined) return plan("once");
  if (options.force) return plan("again, as asked");
  const changed = changedInputs(last.inputs, inputs);
  if (changed.length > 0) return plan(`again: changed: ${changed.join(", ")}`);
  if (options.rpcServer && !isServerCurrent(rpcServerPathIn(options.buildFolder), inputs)) {
    return plan("again, with the RPC server");
  }
  return await isIntact(libraryPath, last) ? undefined : plan("again: it is missing or damaged");
}

function libraryPathIn(buildFolder: string): string {
  return `${buildFolder}/${libraryFileName()}`;
}

function rpcServerPathIn(buildFolder: string): string {
  return `${buildFolder}/rpc-server${Deno.build.os === "windows" ? ".exe" : ""}`;
}

/** Whether there is an RPC server that was made from the same inputs. */
function isServerCurrent(path: string, inputs: Record<string, string>): boolean {
  try {
    return Deno.statSync(path).isFile &&
      Deno.readTextFileSync(stampPathOf(path)) === JSON.stringify(inputs);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

async function isIntact(libraryPath: string, stamp: BuildStamp): Promise<boolean> {
  try {
    return await sha256(await Deno.readFile(libraryPath)) === stamp.sha256;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

async function build(plan: Plan, options: Options, progress: ProgressLine): Promise<void> {
  const { nativeFolder, buildFolder, rpcServer, verbose } = options;
  const logPath = `${buildFolder}/build.log`;
  const start = performance.now();
  const show = (doing: string) => progress.show(doing);
  const source = await ensureGgmlSource(buildFolder, show);
  const folders = [source, nativeFolder, Deno.realPathSync(buildFolder)];
  const environment = buildEnvironment(plan.inputs, folders);
  const workFolder = takeWorkFolder(buildFolder, environment);
  using interruption = new Interruption(() => {
    removeWorkFolder(workFolder);
    progress.print("Interrupted; nothing was changed.");
  });
  using log = await Deno.open(logPath, { write: true, create: true, truncate: true });
  const name = options.level === "" ? "" : ` for ${options.level}`;
  const doing = `Building the native library${name} (${plan.reason})`;
  progress.show(doing);
  const built = await compile({
    nativeFolder,
    source,
    workFolder,
    backend: plan.backend,
    arch: plan.arch,
    level: options.level,
    rpcServer,
    log,
    logPath,
    onProgress: (part, details) => verbose || progress.show(doing, part, details),
    onLine: (line) => verbose && progress.print(line),
    signal: interruption.signal,
  });
  progress.show("Trying out the native library");
  const proof = await prove(built, options.level, interruption.signal);
  await install(built, libraryPathIn(buildFolder), plan, options.level, proof);
  const serverPath = rpcServerPathIn(buildFolder);
  if (rpcServer) await installServer(rpcServerPathIn(`${workFolder}/out`), serverPath, plan.inputs);
  keepWorkFolder(buildFolder, workFolder, environment);
  const seconds = Math.round((performance.now() - start) / 1000);
  const kernels = proof === undefined
    ? ", which this CPU cannot run: not tried out"
    : proof.bufferTypes.length === 0
    ? ""
    : `, with ${proof.bufferTypes.join(", ")}`;
  progress.print(`Built the native library${name} in ${seconds} s (${plan.backend}${kernels}).`);
  if (rpcServer) progress.print(`Built the RPC server: ${serverPath}`);
}

/** Has Ctrl-C end the program while it exists, after `cleanUp`. */
class Interruption implements Disposable {
  readonly #controller = new AbortController();
  readonly #listeners: [Deno.Signal, () => void][] = [];

  constructor(cleanUp: () => void) {
    for (const [signal, code] of [["SIGINT", 130], ["SIGTERM", 143]] as const) {
      if (signal === "SIGTERM" && Deno.build.os === "windows") continue;
      const listener = () => {
        this.#controller.abort();
        cleanUp();
        Deno.exit(code);
      };
      Deno.addSignalListener(signal, listener);
      this.#listeners.push([signal, listener]);
    }
  }

  /** Ends what is under way. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  [Symbol.dispose](): void {
    for (const [signal, listener] of this.#listeners) Deno.removeSignalListener(signal, listener);
  }
}

/** Sees the library work; nothing if it was made, on purpose, for instructions that are not here. */
async function prove(
  path: string,
  level: string,
  signal: AbortSignal,
): Promise<Proof | undefined> {
  let proof: Proof;
  try {
    proof = await doLater(proveLibrary([path]), signal);
  } catch (error) {
    if (level !== "" && (error as Error).message.includes(ILLEGAL_INSTRUCTION)) return undefined;
    throw new BuildError(
      `Cannot use the native library just built: ${(error as Error).message}. ` +
        `The compiler may be at fault: try another one (CC=clang CXX=clang++ deno task build).`,
      exitCodes.environment,
    );
  }
  if (proof.abiVersion !== abiVersion) {
    throw new BuildError(
      `Cannot use the native library just built: GPT2_ABI_VERSION in native/gpt2.h and abiVersion in ` +
        `src/ffi/gpt2_native.ts differ: received ${proof.abiVersion} and ${abiVersion}. Make them the same.`,
      exitCodes.internal,
    );
  }
  return proof;
}

/** Puts the library and its stamp in their places, each by a rename; the stamp's hash tells whether they belong together. */
async function install(
  built: string,
  libraryPath: string,
  plan: Plan,
  level: string,
  proof: Proof | undefined,
): Promise<void> {
  const bytes = await Deno.readFile(built);
  const stamp: BuildStamp = {
    sha256: await sha256(bytes),
    abiVersion,
    ggmlVersion,
    backend: plan.backend,
    ...(level !== "" && { level }),
    cpuId: proof && cpuId(),
    bufferTypes: proof?.bufferTypes ?? [],
    inputs: plan.inputs,
  };
  await replaceFile(libraryPath, bytes);
  await replaceFile(
    stampPathOf(libraryPath),
    new TextEncoder().encode(JSON.stringify(stamp, null, 2) + "\n"),
  );
}

/** Puts the RPC server in its place, and what it was made from beside it. */
async function installServer(
  built: string,
  path: string,
  inputs: Record<string, string>,
): Promise<void> {
  await replaceFile(path, await Deno.readFile(built));
  if (Deno.build.os !== "windows") Deno.chmodSync(path, 0o755);
  await replaceFile(stampPathOf(path), new TextEncoder().encode(JSON.stringify(inputs)));
}

async function replaceFile(path: string, bytes: Uint8Array): Promise<void> {
  await writeFileAtomically(path, bytes.length, [bytes]);
}

/** What the user gets instead if there is no build; undefined if that does not help. */
function fallbackText(error: BuildError, { buildFolder }: Options): string | undefined {
  if (error.exitCode === exitCodes.usage || error.exitCode === exitCodes.internal) return undefined;
  const substitute = readStamp(libraryPathIn(buildFolder)) === undefined
    ? "the prebuilt library, which is slower"
    : "the library that was built before";
  if (!(error instanceof MissingToolsError)) {
    return `${error.message}\nGoing on with ${substitute}.`;
  }
  const commands = error.commands.join("; ");
  return `Going on with ${substitute}: ${error.list} not on PATH. To build one: ${commands}`;
}

async function buildIfNeeded(options: Options, progress: ProgressLine): Promise<void> {
  try {
    const plan = await planBuild(options);
    if (plan === undefined) return;
    requireTools(plan.backend);
    if (plan.backend === "vulkan") await requireShaderCompiler();
    const { buildFolder } = options;
    await Deno.mkdir(buildFolder, { recursive: true });
    const onWait = () => progress.show("Waiting for another build of the native library");
    using _lock = await takeFileLock(`${buildFolder}/lock`, { onWait });
    // Another process may have built it while this one waited.
    const stillPlanned = await planBuild(options);
    if (stillPlanned !== undefined) await build(stillPlanned, options, progress);
  } catch (error) {
    const problem = storageError(options.buildFolder, error);
    if (!(problem instanceof StorageError)) throw error;
    throw new BuildError(problem.message, exitCodes.storage, { cause: error });
  }
}

async function buildOrFallBack(options: Options, progress: ProgressLine): Promise<void> {
  try {
    await buildIfNeeded(options, progress);
  } catch (error) {
    const fallback = options.optional && error instanceof BuildError
      ? fallbackText(error, options)
      : undefined;
    if (fallback === undefined) throw error;
    progress.print(fallback);
  }
}

async function main(args: string[]): Promise<number> {
  const progress = new ProgressLine();
  try {
    const options = parseOptions(args);
    if (options === "help") {
      await Deno.stdout.write(new TextEncoder().encode(HELP));
      return 0;
    }
    for (const each of options) await buildOrFallBack(each, progress);
    return 0;
  } catch (error) {
    if (error instanceof BuildError) {
      progress.print(error.message);
      return error.exitCode;
    }
    progress.print(`Cannot build the native library: ${error}`);
    if (Deno.args.includes("--verbose")) throw error;
    return exitCodes.internal;
  }
}

if (import.meta.main) Deno.exit(await main(Deno.args));
