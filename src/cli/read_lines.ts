/**
 * Reading a text line by line, however long it is.
 *
 * @module
 */
import { orAborted } from "../base/abort.ts";
import { FileFormatError } from "../base/errors.ts";
import { readError } from "../base/read_error.ts";
import { openText, sourceText } from "./read_text.ts";
import type { Io } from "./terminal/io.ts";
import { bytesText } from "./terminal/units.ts";

const BYTES_PER_READ = 65_536;
const LINE_FEED = 10;

/** The longest line: a text of so many bytes is read as a whole. */
const MAX_LINE_BYTES = 2 ** 24;

/** A line of a text, without its end. */
export interface TextLine {
  readonly text: string;
  /** Its number, from 1. */
  readonly line: number;
  /** How many bytes of the text come before the next one. */
  readonly endByte: number;
}

/**
 * The lines of a file, one after another. A last line without an end counts if it is not empty. A byte order mark before the
 * first one, as some editors put it there, is no text.
 *
 * @param path of the file, `-` for stdin
 * @param flag the flag that names it
 * @throws {FileFormatError} if a line is not UTF-8, or too long
 * @throws {Deno.errors.NotFound} if there is no such file
 * @throws {DOMException} `AbortError` (or the signal's own reason)
 */
export async function* readLines(
  path: string,
  flag: string,
  { stdin, signal }: Pick<Io, "stdin" | "signal">,
): AsyncGenerator<TextLine, void, undefined> {
  using file = path === "-" ? undefined : await openText(path, flag, signal);
  const source = file ?? stdin;
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  let [line, endByte] = [0, 0];
  /** What has been read of the line that is not complete. */
  let begun: Uint8Array<ArrayBuffer>[] = [];
  let numBegunBytes = 0;
  const buffer = new Uint8Array(BYTES_PER_READ);
  const end = (bytes: Uint8Array<ArrayBuffer>, hasEnd: boolean): TextLine => {
    line++;
    const whole = joined([...begun, bytes]);
    begun = [];
    numBegunBytes = 0;
    endByte += whole.length + (hasEnd ? 1 : 0);
    const text = decodeLine(decoder, whole, path, line);
    return { text: line === 1 ? text.replace(/^\ufeff/, "") : text, line, endByte };
  };
  while (true) {
    signal.throwIfAborted();
    const count = await readSome(source, buffer, path, signal);
    if (count === null) break;
    let rest = buffer.subarray(0, count);
    for (let at = rest.indexOf(LINE_FEED); at >= 0; at = rest.indexOf(LINE_FEED)) {
      yield end(rest.subarray(0, at), true);
      rest = rest.subarray(at + 1);
    }
    // A copy of its own size: a line may come byte by byte, and what is behind it into the same buffer.
    begun.push(rest.slice());
    numBegunBytes += rest.length;
    if (numBegunBytes > MAX_LINE_BYTES) throw tooLong(path, line + 1);
  }
  if (begun.some(({ length }) => length > 0)) yield end(new Uint8Array(), false);
}

async function readSome(
  source: { read(into: Uint8Array): Promise<number | null> },
  buffer: Uint8Array,
  path: string,
  signal: AbortSignal,
): Promise<number | null> {
  try {
    return await orAborted(source.read(buffer), signal);
  } catch (error) {
    throw readError(path, error);
  }
}

function joined(parts: readonly Uint8Array<ArrayBuffer>[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let end = 0;
  for (const part of parts) {
    whole.set(part, end);
    end += part.length;
  }
  return whole;
}

function decodeLine(
  decoder: TextDecoder,
  bytes: Uint8Array<ArrayBuffer>,
  path: string,
  line: number,
): string {
  try {
    return decoder.decode(bytes).replace(/\r$/, "");
  } catch (cause) {
    throw new FileFormatError(
      `Cannot read the text: line ${line} of ${sourceText(path)} is not UTF-8: received ` +
        `${bytesText(bytes.length)}. Convert it to UTF-8.`,
      { path, cause },
    );
  }
}

function tooLong(path: string, line: number): FileFormatError {
  return new FileFormatError(
    `Cannot read the text: line ${line} of ${sourceText(path)} is too long: received more than ` +
      `${bytesText(MAX_LINE_BYTES)}. Divide it.`,
    { path },
  );
}
