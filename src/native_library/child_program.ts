/**
 * The programs of this folder that run in a process of their own, because what they look at may end it.
 *
 * @module
 */
import { piece, type Work } from "../base/work.ts";
import { childProblem } from "./child_problem.ts";

/** The argument with which a standalone program runs the probe instead of what it is there for; the files follow. */
export const probeFlag = "--probe-native-library";

/** The exit code of the probe if the library did not finish in time, as it may on a machine that has much else to do. */
export const TIMEOUT_EXIT_CODE = 75;

/** The program, and what it may do beside calling native functions. */
const programs = {
  probe: { path: "proof/probe.ts", permissions: [] },
  rankVariants: { path: "prebuilt/rank_variants.ts", permissions: ["--allow-read"] },
} as const;

/** Thrown if the program did not get far enough to say anything about the library: the next time may be another. */
export class InconclusiveError extends Error {
  override name = "InconclusiveError";
}

/**
 * Runs a program. What stops the work ends it.
 *
 * @returns what it writes
 * @throws {InconclusiveError} if that was ended from outside, or took too long
 * @throws {Error} that says how it failed
 */
export function* runProgram(name: keyof typeof programs, args: readonly string[]): Work<string> {
  const options: Deno.CommandOptions = {
    args: [...argumentsFor(name), ...args],
    env: { GGML_NO_BACKTRACE: "1", NO_COLOR: "1" },
    stdin: "null",
  };
  const { code, signal, stdout, stderr } = yield* piece(
    () => new Deno.Command(Deno.execPath(), options).outputSync(),
    (signal) => new Deno.Command(Deno.execPath(), { ...options, signal }).output(),
  );
  if (signal !== null) {
    const problem = `a small computation ended with ${signal}`;
    if (FOREIGN_SIGNALS.includes(signal)) throw new InconclusiveError(problem);
    throw new Error(signal === "SIGILL" ? `${problem}: ${ILLEGAL_INSTRUCTION}` : problem);
  }
  if (code !== 0) {
    const reason = childProblem(new TextDecoder().decode(stderr));
    const exit = `a small computation ended with exit code ${code}`;
    const problem = (code >>> 0) === STATUS_ILLEGAL_INSTRUCTION
      ? `${exit}: ${ILLEGAL_INSTRUCTION}`
      : reason || exit;
    throw code === TIMEOUT_EXIT_CODE ? new InconclusiveError(problem) : new Error(problem);
  }
  return new TextDecoder().decode(stdout);
}

/** Signals that come from outside: from whoever ended the program, or a system that is out of memory. */
const FOREIGN_SIGNALS: readonly (Deno.Signal | null)[] = ["SIGINT", "SIGTERM", "SIGHUP", "SIGKILL"];

/** What is wrong with a library for another CPU. */
export const ILLEGAL_INSTRUCTION = "it was made for a CPU with instructions that this one lacks";
/** How Windows says so. */
const STATUS_ILLEGAL_INSTRUCTION = 0xc000001d;

/** What has Deno, or the standalone program that this is, run one of the programs. */
function argumentsFor(name: keyof typeof programs): string[] {
  if (!Deno.build.standalone) {
    const { path, permissions } = programs[name];
    const flags = ["--quiet", "--no-prompt", "--no-config", "--no-lock", "--allow-ffi"];
    return ["run", ...flags, ...permissions, new URL(path, import.meta.url).href];
  }
  // Any other program would take no notice of the flag, and start itself over and over.
  if (name !== "probe" || Deno.mainModule !== new URL("../../mod.ts", import.meta.url).href) {
    throw new InconclusiveError(
      "it is new on this machine, and a compiled program cannot try it out: " +
        "let Deno run a program that uses this package, once",
    );
  }
  return [probeFlag];
}
