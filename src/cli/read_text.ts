/**
 * Where the text that a command works on comes from: an argument, a file, or stdin.
 *
 * @module
 */
import { orAborted } from "../base/abort.ts";
import { FileFormatError } from "../base/errors.ts";
import { quote, quotePath } from "../base/describe.ts";
import { isFile } from "../base/files.ts";
import { readError } from "../base/read_error.ts";
import type { Io } from "./terminal/io.ts";
import { readBounded } from "./terminal/read_bounded.ts";
import { bytesText, countText } from "./terminal/units.ts";
import { UsageError } from "./arguments/usage_error.ts";

/** How long a source may stay silent before the user is told that it is being read. */
const PATIENCE_MS = 2000;

/** A longer text is no path that anybody has typed. */
const MAX_PATH_LENGTH = 1024;

/** How to read a text. */
export interface ReadTextOptions {
  /** The longest text that is read. What has no end, such as /dev/zero, is longer than any. */
  readonly maxBytes: number;
  /** The flag that names the file, or the command of which it is an argument. Default: `--file`. */
  readonly flag?: string;
}

/**
 * The text from where the user put it, exactly as it is there.
 *
 * @param argument the text itself, if it was an argument
 * @param file the path of a file with the text, or `-` for stdin
 * @returns `undefined` if there is neither, and stdin is a terminal
 * @throws {UsageError} if there are both, or the text is too long
 * @throws {FileFormatError} if it is not UTF-8
 * @throws {DOMException} `AbortError` (or the signal's own reason), also while something else has to write it first
 */
export async function readText(
  argument: string | undefined,
  file: string | undefined,
  io: Io,
  options: ReadTextOptions,
): Promise<string | undefined> {
  if (argument !== undefined && file !== undefined) {
    throw new UsageError(
      `The text comes from an argument or from --file: received both, ${quote(argument)} and ${
        quotePath(file)
      }. Leave one out.`,
    );
  }
  if (argument !== undefined) {
    if (namesFile(argument)) {
      const shown = quotePath(argument);
      await io.stderr.write(
        `Reading the text ${shown} itself; for the file of that name write --file ${shown}.\n`,
      );
    }
    return argument;
  }
  if (file === undefined && io.stdin.isTerminal) return undefined;
  return await readFileOrStdin(file ?? "-", io, options);
}

/** Whether a text is also the path of a file. Nobody is asked for leave to look, and no text is refused for how it looks. */
function namesFile(text: string): boolean {
  if (text.length > MAX_PATH_LENGTH || /[\0\r\n]/.test(text) || text === "") return false;
  if (Deno.permissions.querySync({ name: "read", path: text }).state !== "granted") return false;
  try {
    return isFile(text);
  } catch {
    return false;
  }
}

/** The text of a file, or for `-` that of stdin. For the rest see {@linkcode readText}. */
export async function readFileOrStdin(
  path: string,
  { stdin, stderr, signal }: Io,
  { maxBytes, flag = "--file" }: ReadTextOptions,
): Promise<string> {
  const source = sourceText(path);
  const timer = setTimeout(() => {
    stderr.write(`Reading the text from ${source}, up to its end ...\n`).catch(() => {});
  }, PATIENCE_MS);
  try {
    const bytes = path === "-"
      ? await readBounded(stdin, maxBytes, signal)
      : await readFile(path, maxBytes, signal, flag);
    if (bytes.length > maxBytes) {
      throw new UsageError(
        `The text is too long: received more than ${
          bytesText(maxBytes)
        } from ${source}. Give a shorter one.`,
      );
    }
    return decode(bytes, path, flag);
  } finally {
    clearTimeout(timer);
  }
}

/** Where a text is from, for a message: a path in quotes, or stdin. */
export function sourceText(path: string): string {
  return path === "-" ? "stdin" : quotePath(path);
}

/**
 * The error for a source in which there is nothing to work on.
 *
 * @param verb what cannot be done with it: `score`
 * @param received what there is. Default: nothing at all
 */
export function emptyTextError(verb: string, path: string, received = '""'): FileFormatError {
  return new FileFormatError(
    `Cannot ${verb} ${sourceText(path)}: there is no text in it: received ${received}. ` +
      "Give a longer text.",
    { path },
  );
}

async function readFile(
  path: string,
  maxBytes: number,
  signal: AbortSignal,
  flag: string,
): Promise<Uint8Array<ArrayBuffer>> {
  using file = await openText(path, flag, signal);
  try {
    return await readBounded(file, maxBytes, signal);
  } catch (error) {
    throw readError(path, error);
  }
}

/**
 * Opens a file with text.
 *
 * @param flag the flag that names it
 */
export async function openText(
  path: string,
  flag: string,
  signal: AbortSignal,
): Promise<Deno.FsFile> {
  try {
    // Opening a FIFO waits for its writer, in another thread.
    const file = await orAborted(Deno.open(path), signal);
    // A folder can be opened, but not read.
    if ((await file.stat()).isDirectory) {
      file.close();
      throw new Deno.errors.IsADirectory(path);
    }
    return file;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      throw new Deno.errors.NotFound(
        `Cannot read ${whatOf(flag)}: there is no such file: received ${
          quotePath(path)
        }. Check the path${behind(flag)}.`,
      );
    }
    if (error instanceof Deno.errors.IsADirectory) {
      throw new Deno.errors.IsADirectory(
        `Cannot read ${whatOf(flag)}: it is a folder: received ${
          quotePath(path)
        }. Give the path of a file${behind(flag)}.`,
      );
    }
    throw readError(path, error);
  }
}

/** What a file has that a flag names, or an argument: of keys or vectors nobody thinks as a text. */
function whatOf(flag: string): string {
  if (!isFlag(flag)) return "the file";
  return flag === "--file" ? "the text" : `the file of ${flag}`;
}

/** Where the path stands: behind its flag; what is an argument has no such place. */
function behind(flag: string): string {
  return isFlag(flag) ? ` after ${flag}` : "";
}

function isFlag(flag: string): boolean {
  return flag.startsWith("--");
}

function decode(bytes: Uint8Array<ArrayBuffer>, path: string, flag: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new FileFormatError(
      `Cannot read ${whatOf(flag)}: it is not UTF-8: received ${
        countText(bytes.length, "byte")
      } from ${sourceText(path)}. Convert it to UTF-8.`,
      { path, cause },
    );
  }
}
