/**
 * Gets the prebuilt ggml of this system from npm into this package's cache.
 *
 * @module
 */
import { requireCacheFolder } from "../../base/cache_folder.ts";
import { folderOf } from "../../base/files.ts";
import { sha256 } from "../../base/sha256.ts";
import { storageError } from "../../base/storage_error.ts";
import { requireOnline, requirePrivateFolder } from "../fetch_conditions.ts";
import { fetchNpmPackage } from "../npm_package.ts";
import type { PrepareLibraryOptions } from "../prepare_options.ts";
import { withWorkFolder } from "../work_folder.ts";
import { prebuiltFolderIn, prebuiltPackage } from "./cached_prebuilt.ts";
import type { PrebuiltPackage } from "./packages.ts";

/**
 * Fetches the package, compares every file with its hash, and keeps those that are needed.
 *
 * @throws {StorageError} if there is no room for it, or no folder that can be written to
 * @throws {Error} that says why it cannot be had
 */
export async function fetchPrebuilt(
  { onProgress, signal }: PrepareLibraryOptions,
): Promise<void> {
  const system = `${Deno.build.os} ${Deno.build.arch}`;
  const prebuilt = prebuiltPackage();
  if (prebuilt === undefined) throw new Error(`there is none for ${system}`);
  const target = prebuiltFolderIn(requireCacheFolder("libraries"));
  if (await isIntact(target, prebuilt)) {
    throw new Error("it was fetched before, and cannot be used here");
  }
  requireOnline();
  const parent = folderOf(target);
  const tell = (text: string) => onProgress?.({ step: "library", text });
  const onWait = () => tell("Waiting for another process that fetches the prebuilt ggml ...");
  try {
    requirePrivateFolder(parent);
    await withWorkFolder(parent, async (work) => {
      // Another process may have fetched it while this one waited.
      if (await isIntact(target, prebuilt)) return;
      const size = `${(prebuilt.downloadBytes / 1e6).toFixed(1)} MB`;
      tell(`Fetching the prebuilt ggml for ${system} (${size}, npm) ...`);
      await replaceFolder(target, await fetchChecked(prebuilt, work, signal), `${work}/replaced`);
    }, { signal, onWait });
  } catch (error) {
    signal?.throwIfAborted();
    const megabytes = (prebuilt.unpackedBytes / 1e6).toFixed(0);
    throw storageError(parent, error, `where ${megabytes} MB are needed`);
  }
}

/** A folder in `work` with the files that are needed, each as it was published. */
export async function fetchChecked(
  prebuilt: Omit<PrebuiltPackage, "ggmlVersion">,
  work: string,
  signal: AbortSignal | undefined,
): Promise<string> {
  const source = `${await fetchNpmPackage(prebuilt, work, signal)}/${prebuilt.folder}`;
  const checked = `${work}/checked`;
  await Deno.mkdir(checked);
  for (const [file, hash] of Object.entries(prebuilt.files)) {
    if (await sha256(await Deno.readFile(`${source}/${file}`)) !== hash) {
      throw new Error(`${file} of ${prebuilt.name} is not the file that was published`);
    }
    await Deno.rename(`${source}/${file}`, `${checked}/${file}`);
  }
  return checked;
}

/** Whether all files are there, as they were published: then what is wrong is not cured by fetching them again. */
async function isIntact(folder: string, { files }: PrebuiltPackage): Promise<boolean> {
  const isSame = Object.entries(files).map(([file, hash]) =>
    Deno.readFile(`${folder}/${file}`).then(sha256).then((actual) => actual === hash, () => false)
  );
  return (await Promise.all(isSame)).every(Boolean);
}

/** Puts `folder` where `target` is. What was there, damaged perhaps, goes to `replaced`. */
async function replaceFolder(target: string, folder: string, replaced: string): Promise<void> {
  await Deno.rename(target, replaced).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
  await Deno.rename(folder, target);
}
