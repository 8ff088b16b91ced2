/**
 * The streams of this process.
 *
 * @module
 */
import { orAborted, pause } from "../../base/abort.ts";
import { StorageError } from "../../base/errors.ts";
import { type Input, type Io, Output, OutputClosedError, type OutputOptions } from "./io.ts";

/** How long to wait before writing again to a stream that is full and does not block. */
const RETRY_MS = 5;

/** The width of a terminal that does not say how wide it is. */
const DEFAULT_COLUMNS = 80;

/** stdin, stdout and stderr of this process. */
export function systemIo(signal: AbortSignal): Io {
  return {
    stdin: systemInput(),
    // What another program reads is written byte for byte. stderr is for people, also in a file.
    stdout: systemOutput(Deno.stdout, "stdout", { isExact: !Deno.stdout.isTerminal() }),
    stderr: systemOutput(Deno.stderr, "stderr", { isExact: false, isProse: true }),
    signal,
  };
}

function systemInput(): Input {
  return {
    isTerminal: Deno.stdin.isTerminal(),
    read: (into) => Deno.stdin.read(into),
    readLine: async (signal) => {
      let line = "";
      const bytes = new Uint8Array(1024);
      const decoder = new TextDecoder();
      while (!line.includes("\n")) {
        signal.throwIfAborted();
        const count = await orAborted(Deno.stdin.read(bytes), signal);
        if (count === null) break;
        line += decoder.decode(bytes.subarray(0, count), { stream: true });
      }
      return line.split("\n", 1)[0];
    },
  };
}

function systemOutput(
  stream: typeof Deno.stdout,
  name: string,
  kind: Pick<OutputOptions, "isExact" | "isProse">,
): Output {
  const isTerminal = stream.isTerminal();
  const isDecorated = isTerminal && !Deno.noColor;
  const options = { isTerminal, isDecorated, numColumns, ...kind };
  return new Output((text) => writeAll(stream, name, text), options);
}

async function writeAll(stream: typeof Deno.stdout, name: string, text: string): Promise<void> {
  const bytes = new TextEncoder().encode(text);
  for (let written = 0; written < bytes.length;) {
    try {
      written += await stream.write(bytes.subarray(written));
    } catch (error) {
      if (error instanceof Deno.errors.BrokenPipe) throw new OutputClosedError(`${name} is closed`);
      if (!(error instanceof Deno.errors.WouldBlock)) throw writeError(name, error);
      await pause(RETRY_MS);
    }
  }
}

/** The width of the terminal: of stdin, stdout or stderr, whichever is one. */
function numColumns(): number {
  try {
    return Deno.consoleSize().columns || DEFAULT_COLUMNS;
  } catch {
    return DEFAULT_COLUMNS;
  }
}

function writeError(name: string, cause: unknown): StorageError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new StorageError(`Cannot write to ${name}: the system refused: received ${reason}.`, {
    cause,
  });
}
