/**
 * Gets a module for GPUs from npm, beside the prebuilt ggml in this package's cache.
 *
 * @module
 */
import { StorageError } from "../../base/errors.ts";
import { folderOf } from "../../base/files.ts";
import { storageError } from "../../base/storage_error.ts";
import type { GpuKind } from "../device_name.ts";
import { requireOnline, requirePrivateFolder } from "../fetch_conditions.ts";
import type { PrepareLibraryOptions } from "../prepare_options.ts";
import { withWorkFolder } from "../work_folder.ts";
import { fetchChecked } from "./fetch_prebuilt.ts";
import { isFetched, modulePath } from "./gpu_module.ts";
import type { GpuPackage } from "./gpu_packages.ts";

/**
 * Fetches a module, compares it with its hash, and keeps that alone of the package.
 *
 * @throws {StorageError} if there is no room for it
 * @throws {Error} that says why it cannot be had
 */
export async function fetchGpuModule(
  kind: GpuKind,
  module: GpuPackage,
  { onProgress, signal }: Pick<PrepareLibraryOptions, "onProgress" | "signal">,
): Promise<void> {
  requireOnline();
  const target = modulePath(module)!;
  const parent = folderOf(folderOf(target));
  const tell = (text: string) => onProgress?.({ step: "library", text });
  const onWait = () => tell(`Waiting for another process that fetches the module for ${kind} ...`);
  try {
    requirePrivateFolder(parent);
    await withWorkFolder(parent, async (work) => {
      // Another process may have fetched it while this one waited.
      if (isFetched(module)) return;
      tell(`Fetching what computes on ${kind} (${sizeOf(module)}, npm), once ...`);
      const files = { [module.file]: module.sha256 };
      const checked = await fetchChecked({ ...module, files }, work, signal);
      await Deno.mkdir(folderOf(target), { recursive: true });
      await Deno.rename(`${checked}/${module.file}`, target);
    }, { signal, onWait });
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof StorageError) throw error;
    const megabytes = ((module.unpackedBytes + module.downloadBytes) / 1e6).toFixed(0);
    throw storageError(parent, error, `where ${megabytes} MB are needed`);
  }
}

/** How much is fetched: `24.3 MB`. */
export function sizeOf({ downloadBytes }: GpuPackage): string {
  return `${(downloadBytes / 1e6).toFixed(1)} MB`;
}
