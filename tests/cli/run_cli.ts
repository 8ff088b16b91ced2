/**
 * Runs the command line in this process, with streams that are kept.
 *
 * @module
 */
import { type Io, Output, OutputClosedError } from "../../src/cli/terminal/io.ts";
import { main } from "../../src/cli/main.ts";

/** What to run it with. */
export interface RunOptions {
  /** What stdin gives. Without it, stdin is a terminal. */
  stdin?: string | Uint8Array<ArrayBuffer> | ((into: Uint8Array) => Promise<number | null>);
  /** What is typed on the terminal that stdin is, up to Enter. */
  line?: string;
  /** Whether stdout and stderr are terminals. */
  isTerminal?: boolean;
  /** How wide these are. */
  numColumns?: number;
  /** How many times stdout can be written to before its reader is gone. */
  numWrites?: number;
  signal?: AbortSignal;
  /** Called with each text that is written to stdout. */
  onStdout?: (text: string) => void;
  /** How long each write to stderr takes: its reader is slow. */
  stderrDelayMs?: number;
  /** Called with each text that is written to stderr. */
  onStderr?: (text: string) => void;
}

/** What it did. */
export interface RunResult {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs the command line. */
export async function runCli(args: string[], options: RunOptions = {}): Promise<RunResult> {
  const { stdin, isTerminal = false, numColumns = 120, numWrites = Infinity, stderrDelayMs = 0 } =
    options;
  const written = { stdout: "", stderr: "" };
  let input = typeof stdin === "string"
    ? new TextEncoder().encode(stdin)
    : stdin instanceof Uint8Array
    ? stdin
    : new Uint8Array();
  let writesLeft = numWrites;
  const output = (name: keyof typeof written) =>
    new Output(async (text) => {
      if (name === "stdout" && writesLeft-- <= 0) {
        throw new OutputClosedError("stdout is closed");
      }
      if (name === "stderr" && stderrDelayMs > 0) {
        await new Promise((resolve) => setTimeout(resolve, stderrDelayMs));
      }
      written[name] += text;
      (name === "stdout" ? options.onStdout : options.onStderr)?.(text);
    }, {
      isTerminal,
      isDecorated: isTerminal,
      isExact: name === "stdout" && !isTerminal,
      isProse: name === "stderr",
      numColumns: () => numColumns,
    });
  const io: Io = {
    stdin: {
      isTerminal: stdin === undefined,
      read: typeof stdin === "function" ? stdin : (into) => {
        const numRead = Math.min(into.length, input.length);
        into.set(input.subarray(0, numRead));
        input = input.subarray(numRead);
        return Promise.resolve(numRead === 0 ? null : numRead);
      },
      readLine: () => Promise.resolve(options.line ?? ""),
    },
    stdout: output("stdout"),
    stderr: output("stderr"),
    signal: options.signal ?? new AbortController().signal,
  };
  const code = await main(args, io);
  return { code, ...written };
}
