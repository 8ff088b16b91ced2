/**
 * Answers in JSON that may be large: some have a million numbers.
 *
 * @module
 */
import { Turns } from "../base/event_loop.ts";

const encoder = new TextEncoder();

/**
 * An object with a list, which is written element by element: others have their turn in between.
 *
 * @param before what comes before the list, at least one field
 * @param list its name and its elements, which may be made as they are asked for
 * @param after what comes after it, at least one field
 * @throws {DOMException} `AbortError` (or the signal's own reason)
 */
export async function jsonResponse(
  before: object,
  { name, elements }: { readonly name: string; readonly elements: Iterable<unknown> },
  after: object,
  signal: AbortSignal,
): Promise<Response> {
  const parts: Uint8Array[] = [];
  const write = (text: string) => void parts.push(encoder.encode(text));
  const turns = new Turns();
  write(`${JSON.stringify(before).slice(0, -1)},${JSON.stringify(name)}:[`);
  let isFirst = true;
  for (const element of elements) {
    write(`${isFirst ? "" : ","}${JSON.stringify(element)}`);
    isFirst = false;
    await turns.take();
    signal.throwIfAborted();
  }
  write(`],${JSON.stringify(after).slice(1)}`);
  return new Response(joined(parts), { headers: { "content-type": "application/json" } });
}

/** All of it at once, so that the answer says how long it is. */
function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let offset = 0;
  for (const part of parts) {
    bytes.set(part, offset);
    offset += part.length;
  }
  return bytes;
}
