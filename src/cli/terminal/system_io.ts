/**
 * The streams of this process.
 *
 * @module
 */
import { orAborted } from "../../base/abort.ts";
import { StorageError } from "../../base/errors.ts";
import { type Input, type Io, type Output, OutputClosedError } from "./io.ts";

/** How long to wait before writing again to a stream that is full and does not block. */
const RETRY_MS = 5;

/** stdin, stdout and stderr of this process. */
export function systemIo(signal: AbortSignal): Io {
  return {
    stdin: systemInput(),
    stdout: systemOutput(Deno.stdout, "stdout"),
    stderr: systemOutput(Deno.stderr, "stderr"),
    signal,
  };
}

function systemInput(): Input {
  return {
    isTerminal: Deno.stdin.isTerminal(),
    readAll: async (signal) => {
      signal.throwIfAborted();
      // A read from a terminal or pipe cannot be cancelled; it is left alone, and ends with the process.
      const bytes = new Response(Deno.stdin.readable).bytes();
      return await orAborted(bytes as Promise<Uint8Array<ArrayBuffer>>, signal);
    },
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

function systemOutput(stream: typeof Deno.stdout, name: string): Output {
  const isTerminal = stream.isTerminal();
  return {
    isTerminal,
    isDecorated: isTerminal && !Deno.noColor,
    write: async (text) => {
      const bytes = new TextEncoder().encode(text);
      for (let written = 0; written < bytes.length;) {
        try {
          written += await stream.write(bytes.subarray(written));
        } catch (error) {
          if (error instanceof Deno.errors.BrokenPipe) {
            throw new OutputClosedError(`${name} is closed`);
          }
          if (!(error instanceof Deno.errors.WouldBlock)) throw writeError(name, error);
          await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
        }
      }
    },
  };
}

function writeError(name: string, cause: unknown): StorageError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new StorageError(`Cannot write to ${name}: the system refused: received ${reason}.`, {
    cause,
  });
}
