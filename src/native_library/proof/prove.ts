/**
 * Proving a native library in a process of its own, once for each library and CPU.
 *
 * @module
 */
import type { Work } from "../../base/work.ts";
import { InconclusiveError, runProgram } from "../child_program.ts";
import { recall, remember } from "./experiences.ts";
import type { Proof } from "./probe.ts";

/**
 * Runs the probe (`probe.ts`) on the library in a child process.
 *
 * @param paths its files, as `bindLibrary()` takes them
 * @throws {Error} that says what went wrong
 */
export function* proveLibrary(paths: readonly string[]): Work<Proof> {
  return JSON.parse(yield* runProgram("probe", paths));
}

/**
 * Proves a library unless that was done before on this CPU.
 *
 * @param sha256 of its contents
 * @param again whether one that failed before is tried again
 * @throws {Error} that says what goes wrong, or went wrong before
 */
export function* ensureProven(
  paths: readonly string[],
  sha256: string,
  again: boolean,
): Work<void> {
  const known = recall(sha256);
  if (known !== undefined && "works" in known) return;
  if (known !== undefined && !again) {
    const time = new Date(known.time).toISOString();
    throw new Error(`${known.problem} (as it turned out at ${time})`);
  }
  try {
    yield* proveLibrary(paths);
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) throw error;
    const problem = `it does not work on this machine: ${(error as Error).message}`;
    if (!(error instanceof InconclusiveError)) remember(sha256, { problem, time: Date.now() });
    throw new Error(problem, { cause: error });
  }
  remember(sha256, { works: true });
}
