/**
 * How much memory there is.
 *
 * @module
 */
import { OutOfMemoryError } from "../base/errors.ts";
import { bytesLeftOf, type MemoryLimit } from "../base/memory_limits.ts";
import { readKernelFile } from "../ffi/system_library.ts";

/** The results of a graph do not fit into memory. */
export class WorkingMemoryError extends OutOfMemoryError {
  /** @param neededBytes how much they take, if that is known */
  constructor(readonly neededBytes: number | undefined) {
    const needed = neededBytes === undefined ? "" : `: it needs ${gigabytes(neededBytes)}`;
    super(
      `Cannot allocate the compute graph: not enough memory${needed}. Use a shorter sequence or a smaller batch.`,
    );
  }
}

/** Less than this is not looked for. */
const SMALL = 2 ** 30;

/** The bytes of memory, and of swap, that nobody uses, and that this program may; nothing where that cannot be known. */
export function freeMemory(limits?: readonly MemoryLimit[]): number | undefined {
  if (Deno.build.os !== "linux") return undefined;
  const kilobytes = readKernelFile("/proc/meminfo").matchAll(
    /^(?:MemAvailable|SwapFree):\s+(\d+) kB$/gm,
  );
  const free = kilobytes.reduce((sum, [, count]) => sum + 1024 * Number(count), 0);
  return free === 0 ? undefined : Math.min(free, bytesLeftOf(limits));
}

/** Whether so many bytes are more than is free, where that can be known: nobody has to try, and to be ended for it. */
export function exceedsMemory(bytes: number | undefined): boolean {
  return bytes !== undefined && bytes >= SMALL && bytes > (freeMemory() ?? Infinity);
}

/** How much memory there is, for a sentence about what takes more: `more than the 12.3 GB of memory that are free`. */
export function moreThanIsFree(): string {
  const free = freeMemory();
  return free === undefined
    ? "more memory than there is"
    : `more than the ${gigabytes(free)} of memory that are free`;
}

/** `98.7 GB`. */
export function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toLocaleString("en", { maximumFractionDigits: 1 })} GB`;
}
