/**
 * Taking weights from a mapped file into use, on other threads.
 *
 * @module
 */
import { OutOfMemoryError } from "../base/errors.ts";
import { onAbort } from "../base/abort.ts";
import type { ExponentWords } from "./quantize.ts";
import { library } from "./library.ts";
import type { Pointer } from "./memory.ts";
import { NativeMemory } from "./native_memory.ts";

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

/** `GPT2_OUT_OF_MEMORY`. */
const OUT_OF_MEMORY = -2;

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
  signal?.throwIfAborted();
  // The number of the next part, and after it the list.
  const memory = new NativeMemory(PART_BYTES * (1 + parts.length));
  const list = new DataView(memory.buffer, PART_BYTES);
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
  const found = await onThreads(threads, signal, memory, parts.length);
  signal?.throwIfAborted();
  if (found.includes(OUT_OF_MEMORY)) {
    throw new OutOfMemoryError("Cannot load the weights: not enough memory. Use a smaller type.");
  }
  const [wrong] = found.filter((index) => index >= 0).sort((a, b) => a - b);
  return wrong === undefined ? undefined : parts[wrong];
}

/** What each thread returns. The memory is freed afterwards. */
async function onThreads(
  threads: number,
  signal: AbortSignal | undefined,
  memory: NativeMemory,
  numParts: number,
): Promise<number[]> {
  const { pointer, buffer } = memory;
  const parts = Deno.UnsafePointer.offset(pointer, PART_BYTES);
  // The threads find that there is no next part.
  using _stopping = onAbort(signal, () => Atomics.store(new Int32Array(buffer, 0, 1), 0, numParts));
  try {
    return await Promise.all(
      Array.from({ length: threads }, () => library().gpt2_load_parts(parts, numParts, pointer)),
    );
  } finally {
    memory.free();
  }
}
