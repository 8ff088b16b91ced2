/**
 * How much memory there is.
 *
 * @module
 */
import { OutOfMemoryError } from "../base/errors.ts";
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

/** Whether so many bytes are more than the machine has, where that can be known: nobody has to try. */
export function exceedsMemory(bytes: number | undefined): boolean {
  if (bytes === undefined || bytes < SMALL || Deno.build.os !== "linux") return false;
  const kilobytes = readKernelFile("/proc/meminfo").matchAll(
    /^(?:MemTotal|SwapTotal):\s+(\d+) kB$/gm,
  );
  const total = kilobytes.reduce((sum, [, count]) => sum + 1024 * Number(count), 0);
  return total > 0 && bytes > total;
}

/** `98.7 GB`. */
export function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toLocaleString("en", { maximumFractionDigits: 1 })} GB`;
}
