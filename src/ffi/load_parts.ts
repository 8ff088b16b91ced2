/**
 * Taking weights from a mapped file into use, on other threads.
 *
 * @module
 */
import { onAbort } from "../base/abort.ts";
import type { ExponentWords } from "./quantize.ts";
import { library } from "./library.ts";
import type { Pointer } from "./memory.ts";

/** Rows of a matrix to be brought into the order of its memory. */
export interface RowsToPack {
  /** The matrix: in packed memory, or in another kind, and then all of its rows. */
  readonly tensor: Pointer;
  /** Its first row, as it is stored. */
  readonly rows: Pointer;
  /** How many rows are stored; what the matrix has more becomes zeros. */
  readonly numRows: number;
  /** The first row to be packed, a multiple of {@linkcode TILE_ROWS}. */
  readonly begin: number;
  /** Where to end, a multiple of {@linkcode TILE_ROWS}. */
  readonly end: number;
}

/** A piece of work: numbers to look at, and then perhaps rows to pack. */
export interface Part extends ExponentWords {
  readonly packing?: RowsToPack;
}

/** So many rows lie interleaved in packed memory. */
export const TILE_ROWS = 16;

/** `struct gpt2_part`. */
const PART_BYTES = 64;

/**
 * Looks through the numbers of all parts, and packs them.
 *
 * @param parts whose memory stays where it is meanwhile
 * @param threads how many share the work
 * @param signal stops the work between two parts
 * @returns a part that holds an infinity or NaN, if one does: then not everything has been packed
 * @throws {DOMException} `AbortError` (or the signal's own reason), when no thread looks at the parts any more
 */
export async function loadParts<T extends Part>(
  parts: readonly T[],
  threads: number,
  signal?: AbortSignal,
): Promise<T | undefined> {
  const list = new DataView(new ArrayBuffer(parts.length * PART_BYTES));
  parts.forEach(({ data, count, stride, mask, packing }, i) => {
    const at = i * PART_BYTES;
    list.setBigUint64(at, Deno.UnsafePointer.value(Deno.UnsafePointer.of(data)), true);
    list.setBigInt64(at + 8, BigInt(count), true);
    list.setInt32(at + 16, stride, true);
    list.setInt32(at + 20, mask, true);
    if (packing === undefined) return;
    list.setBigUint64(at + 24, Deno.UnsafePointer.value(packing.tensor), true);
    list.setBigUint64(at + 32, Deno.UnsafePointer.value(packing.rows), true);
    list.setBigInt64(at + 40, BigInt(packing.numRows), true);
    list.setBigInt64(at + 48, BigInt(packing.begin), true);
    list.setBigInt64(at + 56, BigInt(packing.end), true);
  });
  const next = new Int32Array(1);
  const bytes = new Uint8Array(list.buffer);
  signal?.throwIfAborted();
  // The threads find that there is no next part.
  using _stopping = onAbort(signal, () => Atomics.store(next, 0, parts.length));
  const found = await Promise.all(
    Array.from({ length: threads }, () => library().gpt2_load_parts(bytes, parts.length, next)),
  );
  signal?.throwIfAborted();
  const first = found.filter((index) => index >= 0).sort((a, b) => a - b)[0];
  return first === undefined ? undefined : parts[first];
}
