/**
 * How much memory this process has held at once.
 *
 * @module
 */

/**
 * The most memory that the process has held since it started, or since {@linkcode resetPeakMemory}.
 *
 * @returns bytes; where the system or Deno's permissions do not give them, what it holds now
 */
export function peakMemoryBytes(): number {
  const status = onLinux(() => Deno.readTextFileSync("/proc/self/status")) ?? "";
  const [, kibibytes] = /^VmHWM:\s*(\d+) kB$/m.exec(status) ?? [];
  return kibibytes === undefined ? Deno.memoryUsage().rss : Number(kibibytes) * 1024;
}

/**
 * Begins the measurement of the peak anew, so that a large model does not count for the small one after it. Where that
 * cannot be done, the peak remains that of the process.
 */
export function resetPeakMemory(): void {
  onLinux(() => Deno.writeTextFileSync("/proc/self/clear_refs", "5", { create: false }));
}

/** What `access` gives, where there are such files and they may be used. */
function onLinux<T>(access: () => T): T | undefined {
  if (Deno.build.os !== "linux") return undefined;
  try {
    return access();
  } catch (error) {
    const isRefused = error instanceof Deno.errors.NotCapable ||
      error instanceof Deno.errors.PermissionDenied;
    if (!isRefused) throw error;
  }
}
