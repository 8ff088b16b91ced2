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

/**
 * A view on native memory that stays valid as long as its owner does.
 *
 * @param pointer where the memory begins
 * @param byteLength how many bytes of it
 */
export function viewMemory(pointer: Pointer, byteLength: number): ArrayBuffer {
  return Deno.UnsafePointerView.getArrayBuffer(pointer, byteLength);
}
