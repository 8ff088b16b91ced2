/**
 * Runs random programs in child processes, and finds the one that ended its process.
 *
 * @module
 */
import { fileURLToPath } from "node:url";

/** What programs are about, as `child.ts` names it. */
export type ProgramKind = typeof programKinds[number];

/** All kinds. */
export const programKinds = ["graphs", "texts", "training"] as const;

/** What is to be run. */
export interface FuzzOptions {
  /** How many programs. */
  readonly numPrograms: number;
  /** That of the first; the others follow. */
  readonly seed: number;
  /** What they use: tensors and graphs, texts, or trainers and gradients. */
  readonly kind: ProgramKind;
  /** How many run in one process, and so see what is left of those before them. Default: 100. */
  readonly numPerProcess?: number;
  /** What runs them. Default: `child.ts`. */
  readonly child?: URL;
  /** Called after each process with the number of programs that have run. */
  readonly onProgress?: (numDone: number) => void;
}

/** What all programs did together. */
export interface FuzzSummary {
  readonly numCalls: number;
  readonly numErrors: number;
}

/** A process that takes longer hangs. */
const MAX_MS = 600_000;

/**
 * Runs random programs.
 *
 * @throws {Error} if a process ends otherwise than it should; the message names the first program that shows it
 */
export async function fuzzPublicCalls(options: FuzzOptions): Promise<FuzzSummary> {
  const { numPrograms, seed, kind, numPerProcess = 100, onProgress } = options;
  const child = options.child ?? new URL("child.ts", import.meta.url);
  let numCalls = 0;
  let numErrors = 0;
  for (let done = 0; done < numPrograms; done += numPerProcess) {
    const count = Math.min(numPerProcess, numPrograms - done);
    const first = seed + done;
    const { success, reason, lines } = await runChild(child, first, count, kind);
    if (!success || lines.length !== count) {
      const last = first + lines.length;
      const alone = await runChild(child, last, 1, kind);
      const [begin, number] = alone.success ? [first, lines.length + 1] : [last, 1];
      throw new Error(
        `A program ended its process: ${reason}: to see its calls, run ` +
          `deno run -A tests/public_calls/child.ts ${begin} ${number} ${kind} trace`,
      );
    }
    for (const line of lines) {
      const [, calls, errors] = line.split(" ").map(Number);
      numCalls += calls;
      numErrors += errors;
    }
    onProgress?.(done + count);
  }
  return { numCalls, numErrors };
}

async function runChild(child: URL, seed: number, count: number, kind: ProgramKind) {
  const { success, code, signal, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", fileURLToPath(child), String(seed), String(count), kind],
    env: { NO_COLOR: "1" },
    stdin: "null",
    signal: AbortSignal.timeout(MAX_MS),
  }).output();
  const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return {
    success,
    reason: `${signal ?? `exit code ${code}`}: ${decode(stderr).trim().slice(0, 1000)}`,
    lines: decode(stdout).split("\n").filter((line) => /^\d+ \d+ \d+$/.test(line)),
  };
}
