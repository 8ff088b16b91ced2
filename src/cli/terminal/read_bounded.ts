/**
 * Reading what may have no end.
 *
 * @module
 */
import { orAborted } from "../../base/abort.ts";

const FIRST_BYTES = 65_536;

/**
 * Everything up to the end, or the first `maxBytes + 1` bytes. A read that waits, as of a terminal or a pipe, cannot be
 * cancelled: when the signal is aborted it is left alone, and ends with the process.
 *
 * @throws {DOMException} `AbortError` (or the signal's own reason)
 */
export async function readBounded(
  source: { read(buffer: Uint8Array): Promise<number | null> },
  maxBytes: number,
  signal: AbortSignal,
): Promise<Uint8Array<ArrayBuffer>> {
  let bytes = new Uint8Array(Math.min(FIRST_BYTES, maxBytes + 1));
  let length = 0;
  while (length <= maxBytes) {
    signal.throwIfAborted();
    if (length === bytes.length) {
      bytes = new Uint8Array(bytes.buffer.transfer(Math.min(2 * length, maxBytes + 1)));
    }
    const count = await orAborted(source.read(bytes.subarray(length)), signal);
    if (count === null) break;
    length += count;
  }
  return bytes.subarray(0, length);
}
