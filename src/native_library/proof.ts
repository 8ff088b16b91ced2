/**
 * Proving a native library in a process of its own, and remembering which libraries were proven, and which failed.
 *
 * @module
 */
import { cacheFolder } from "../base/cache_folder.ts";
import { cpuId } from "../ffi/cpu_id.ts";
import type { Proof } from "./probe.ts";
import type { RankedVariant } from "./rank_variants.ts";

/** The argument with which a standalone program runs the probe instead of what it is there for; the files follow. */
export const probeFlag = "--probe-native-library";

/** The programs that look at libraries. */
type Program = "probe.ts" | "rank_variants.ts";

/** What was found out about a library on one CPU: that it works, or how it failed and when (milliseconds since 1970). */
type Experience = { works: true } | { problem: string; time: number };

/** By `cpuId()`. */
type Experiences = Record<string, Experience>;

/** How long a failure is believed. What made a library fail may have been the system, which may have been changed. */
const FAILURE_MS = 24 * 3600 * 1000;

/** The exit code of the probe if the library did not finish in time, as it may on a machine that has much else to do. */
export const TIMEOUT_EXIT_CODE = 75;

/** A library that did not get far enough to show whether it works: the next time may be another. */
class Inconclusive extends Error {}

/**
 * Runs the probe (`probe.ts`) on the library in a child process.
 *
 * @param paths its files, as `openFiles()` takes them
 * @throws {Error} that says what went wrong
 */
export function proveLibrary(paths: readonly string[]): Proof {
  return JSON.parse(runChild("probe.ts", paths));
}

/** Asks the variants of the prebuilt ggml in `folder` in a child process. Throws an Error that says what went wrong. */
export function rankVariants(folder: string): RankedVariant[] {
  return JSON.parse(runChild("rank_variants.ts", [folder]));
}

/**
 * Proves a library unless that was done before on this CPU.
 *
 * @param sha256 of its contents
 * @param again whether one that failed before is tried again
 * @throws {Error} that says what goes wrong, or went wrong before
 */
export function ensureProven(paths: readonly string[], sha256: string, again: boolean): void {
  const known = readExperiences(sha256)[cpuId()];
  if (known !== undefined && "works" in known) return;
  if (known !== undefined && !again && Date.now() - known.time < FAILURE_MS) {
    const time = new Date(known.time).toISOString();
    throw new Error(`${known.problem} (as it turned out at ${time})`);
  }
  try {
    proveLibrary(paths);
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) throw error;
    const problem = `it does not work on this machine: ${(error as Error).message}`;
    if (!(error instanceof Inconclusive)) remember(sha256, { problem, time: Date.now() });
    throw new Error(problem, { cause: error });
  }
  remember(sha256, { works: true });
}

/** Signals that come from outside: from whoever ended the program, or a system that is out of memory. */
const FOREIGN_SIGNALS: readonly (Deno.Signal | null)[] = ["SIGINT", "SIGTERM", "SIGHUP", "SIGKILL"];

/** Runs one of the programs beside this file; returns what it writes. */
function runChild(program: Program, args: readonly string[]): string {
  const { code, signal, stdout, stderr } = new Deno.Command(Deno.execPath(), {
    args: [...argumentsFor(program), ...args],
    env: { GGML_NO_BACKTRACE: "1", NO_COLOR: "1" },
    stdin: "null",
  }).outputSync();
  if (signal !== null) {
    const problem = `a small computation ended with ${signal}`;
    throw FOREIGN_SIGNALS.includes(signal) ? new Inconclusive(problem) : new Error(problem);
  }
  if (code !== 0) {
    const lastLine = new TextDecoder().decode(stderr).trim().split("\n").at(-1);
    const problem = lastLine || `a small computation ended with exit code ${code}`;
    throw code === TIMEOUT_EXIT_CODE ? new Inconclusive(problem) : new Error(problem);
  }
  return new TextDecoder().decode(stdout);
}

/** What has Deno, or the standalone program that this is, run one of the programs. */
function argumentsFor(program: Program): string[] {
  if (!Deno.build.standalone) {
    const permissions = ["--allow-ffi", ...(program === "probe.ts" ? [] : ["--allow-read"])];
    const { href } = new URL(program, import.meta.url);
    return ["run", "--quiet", "--no-prompt", "--no-config", "--no-lock", ...permissions, href];
  }
  // Any other program would take no notice of the flag, and start itself over and over.
  if (program !== "probe.ts" || Deno.mainModule !== new URL("../../mod.ts", import.meta.url).href) {
    throw new Inconclusive(
      "it is new on this machine, and a compiled program cannot try it out: " +
        "let Deno run a program that uses this package, once",
    );
  }
  return [probeFlag];
}

/** Where nothing can be written, it is found out again next time. */
function remember(sha256: string, experience: Experience): void {
  const path = experiencesPath(sha256);
  if (path === undefined) return;
  try {
    Deno.mkdirSync(path.slice(0, path.lastIndexOf("/")), { recursive: true });
    const temporary = `${path}.${crypto.randomUUID()}`;
    const experiences = { ...readExperiences(sha256), [cpuId()]: experience };
    Deno.writeTextFileSync(temporary, JSON.stringify(experiences));
    Deno.renameSync(temporary, path);
  } catch {
    return;
  }
}

function readExperiences(sha256: string): Experiences {
  const path = experiencesPath(sha256);
  if (path === undefined) return {};
  try {
    return JSON.parse(Deno.readTextFileSync(path)) ?? {};
  } catch {
    return {};
  }
}

function experiencesPath(sha256: string): string | undefined {
  const folder = cacheFolder();
  return folder && `${folder}/proven-libraries/${sha256}.json`;
}
