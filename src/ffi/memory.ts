/**
 * Small helpers around native memory: C strings, and addresses from typed arrays.
 *
 * @module
 */

const encoder = new TextEncoder();

/** A pointer that is known not to be null. */
export type Pointer = Deno.PointerObject;

/** The bytes of `text` with a closing NUL, to be passed where a `const char *` is read during the call. */
export function cString(text: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(text.length * 3 + 1);
  const { written } = encoder.encodeInto(text, bytes);
  return bytes.subarray(0, written + 1);
}

/** Reads the NUL-terminated string at `pointer`; the empty string for a null pointer. */
export function readCString(pointer: Deno.PointerValue): string {
  return pointer === null ? "" : new Deno.UnsafePointerView(pointer).getCString();
}
