/**
 * How much memory there is, to be asked before it is used: a system that has promised too much ends programs.
 *
 * @module
 */
import { NotEnoughMemoryError } from "../base/errors.ts";
import { bytesLeftOf, type MemoryLimit } from "../base/memory_limits.ts";
import type { Model } from "../model/model.ts";
import type { Backend } from "../tensor/backend.ts";
import { cacheBytes } from "./key_value_cache.ts";

/**
 * The bytes of the processor's memory that nobody uses, and that this program may; nothing where that cannot be told, as without
 * --allow-sys.
 */
export function availableBytes(limits?: readonly MemoryLimit[]): number | undefined {
  if (!canAskSystem()) return undefined;
  return Math.min(Deno.systemMemoryInfo().available, bytesLeftOf(limits));
}

function canAskSystem(): boolean {
  // Elsewhere Deno does not count what the system would give back when asked.
  return Deno.build.os === "linux" &&
    Deno.permissions.querySync({ name: "sys", kind: "systemMemoryInfo" }).state === "granted";
}

/** Whether it can be told how much memory nobody uses: that of the processor. */
export function knowsFreeBytes({ usesDevices }: Backend): boolean {
  return !usesDevices && canAskSystem();
}

/** The bytes of memory that can be had: those that nobody uses where that is known, or else all there are. */
export function freeBytes(backend: Backend): number {
  const { totalBytes, usesDevices } = backend;
  const available = usesDevices ? undefined : availableBytes();
  return Math.min(totalBytes, available ?? totalBytes);
}

/**
 * Looks whether there can be so many texts, before anything is allocated.
 *
 * @param numTexts number of texts
 * @param capacity the most tokens of each
 * @param neededBytes what they take
 * @param advice what to do then
 * @throws {RangeError} if they would take more memory than there is
 */
export function requireMemory(
  model: Model,
  numTexts: number,
  capacity: number,
  neededBytes: number = cacheBytes(model, numTexts, capacity) +
    numTexts * model.config.vocabSize * Float32Array.BYTES_PER_ELEMENT,
  advice = "Write fewer at a time (numReturnSequences, batchSize), or shorter ones.",
): void {
  model.checkUsable();
  const free = freeBytes(model.backend);
  if (neededBytes <= free) return;
  const gigabytes = (bytes: number) =>
    `${(bytes / 1e9).toLocaleString("en", { maximumSignificantDigits: 3 })} GB`;
  throw new NotEnoughMemoryError(
    `Cannot compute ${numTexts} texts of up to ${capacity} tokens side by side: they take ` +
      `${gigabytes(neededBytes)} of memory: received a machine with ${gigabytes(free)}` +
      `${knowsFreeBytes(model.backend) ? " free" : ""}. ${advice}`,
  );
}
