/**
 * Where the text that a command works on comes from: an argument, a file, or stdin.
 *
 * @module
 */
import { FileFormatError } from "../base/errors.ts";
import { quote, quotePath } from "../base/describe.ts";
import type { Io } from "./terminal/io.ts";
import { countText } from "./terminal/units.ts";
import { UsageError } from "./arguments/usage_error.ts";

/** How long stdin may stay silent before the user is told that it is being read. */
const PATIENCE_MS = 2000;

/**
 * The text from where the user put it, exactly as it is there.
 *
 * @param argument the text itself, if it was an argument
 * @param file the path of a file with the text, or `-` for stdin
 * @returns `undefined` if there is neither, and stdin is a terminal
 * @throws {UsageError} if there are both
 * @throws {FileFormatError} if it is not UTF-8
 */
export async function readText(
  argument: string | undefined,
  file: string | undefined,
  io: Io,
): Promise<string | undefined> {
  if (argument !== undefined && file !== undefined) {
    throw new UsageError(
      `The text comes from an argument or from --file: received both, ${quote(argument)} and ${
        quotePath(file)
      }. Leave one out.`,
    );
  }
  if (argument !== undefined) return argument;
  if (file !== undefined && file !== "-") return decode(await readFile(file, io.signal), file);
  if (file === undefined && io.stdin.isTerminal) return undefined;
  return decode(await readStdin(io), "stdin");
}

async function readStdin({ stdin, stderr, signal }: Io): Promise<Uint8Array> {
  const timer = setTimeout(() => {
    stderr.write("Reading the text from stdin, up to its end ...\n").catch(() => {});
  }, PATIENCE_MS);
  try {
    return await stdin.readAll(signal);
  } finally {
    clearTimeout(timer);
  }
}

async function readFile(path: string, signal: AbortSignal): Promise<Uint8Array> {
  try {
    return await Deno.readFile(path, { signal });
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      throw new Deno.errors.NotFound(
        `Cannot read the text: there is no such file: received ${
          quotePath(path)
        }. Check the path after --file.`,
      );
    }
    if (error instanceof Deno.errors.IsADirectory) {
      throw new Deno.errors.IsADirectory(
        `Cannot read the text: it is a folder: received ${
          quotePath(path)
        }. Give the path of a file.`,
      );
    }
    throw error;
  }
}

function decode(bytes: Uint8Array, source: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new FileFormatError(
      `Cannot read the text: it is not UTF-8: received ${countText(bytes.length, "byte")} from ${
        quotePath(source)
      }. Convert it to UTF-8.`,
      { path: source, cause },
    );
  }
}
