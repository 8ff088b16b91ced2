/**
 * Files of text, part by part.
 *
 * @module
 */
import { openRegularFile } from "../../base/byte_source.ts";
import { FileFormatError } from "../../base/errors.ts";
import { quotePath } from "../../base/describe.ts";
import { eventLoopTurn } from "../../base/event_loop.ts";

/** What is read at once: some milliseconds' work for those who get it. */
const PART_BYTES = 2 ** 16;

/** How to read. */
export interface ReadingOptions {
  /** Stops the reading. */
  readonly signal?: AbortSignal;
  /** Called with the number of bytes of each part that is read. */
  readonly onRead?: (numBytes: number) => void;
}

/**
 * The text of a file. No part ends within a character.
 *
 * @throws {FileFormatError} if it is not UTF-8
 * @throws {Deno.errors.NotFound} if there is no regular file
 * @throws {DOMException} `AbortError` (or the signal's own reason)
 */
export async function* readUtf8(
  path: string,
  { signal, onRead }: ReadingOptions = {},
): AsyncGenerator<string> {
  using file = openRegularFile(path);
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  for (let start = 0; start < file.size; start += PART_BYTES) {
    signal?.throwIfAborted();
    const bytes = file.read(start, Math.min(PART_BYTES, file.size - start));
    onRead?.(bytes.length);
    yield decodePart(decoder, bytes, path, start, start + bytes.length === file.size);
    await eventLoopTurn();
  }
}

function decodePart(
  decoder: TextDecoder,
  bytes: Uint8Array<ArrayBuffer>,
  path: string,
  start: number,
  isLast: boolean,
): string {
  try {
    return decoder.decode(bytes, { stream: !isLast });
  } catch (cause) {
    const at = numValid(bytes, start);
    const received = bytes.subarray(at, at + 4).toHex();
    throw new FileFormatError(
      `Cannot read ${quotePath(path)} as text: it is not UTF-8 near byte ${
        start + at
      }: received ${received}. Convert it to UTF-8.`,
      { path, cause },
    );
  }
}

/** How many of the bytes are UTF-8, up to the character before the first that is not. */
function numValid(bytes: Uint8Array<ArrayBuffer>, start: number): number {
  // What stands within a character that began before these bytes is not looked at.
  let first = 0;
  while (start > 0 && first < 3 && bytes[first] >> 6 === 0b10) first++;
  let valid = first;
  let invalid = bytes.length + 1;
  while (invalid - valid > 1) {
    const middle = (valid + invalid) >> 1;
    if (isUtf8(bytes.subarray(first, middle), { stream: true })) valid = middle;
    else invalid = middle;
  }
  // A character whose end is missing is valid up to there.
  while (valid > first && !isUtf8(bytes.subarray(first, valid), { stream: false })) valid--;
  return valid;
}

/** Whether bytes are UTF-8; in a stream the end of the last character may be missing. */
function isUtf8(bytes: Uint8Array<ArrayBuffer>, options: TextDecodeOptions): boolean {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes, options);
    return true;
  } catch {
    return false;
  }
}
