/**
 * Everything that this package has put on the machine, apart from what a command was told to write.
 *
 * @module
 */
import { type CacheContent, cacheContents, cacheFolder } from "../base/cache_folder.ts";
import { bytesOf, isTaken } from "../base/files.ts";
import { removeFolder } from "../base/remove.ts";
import {
  ConvertedModels,
  convertedModelsFolder,
  listConvertedRepos,
} from "../model_store/converted_models.ts";
import { temporaryLibrariesFolder } from "../native_library/extract_library.ts";

/** A folder of this package. */
export interface OwnFiles {
  /** What is in it. */
  readonly content: string;
  readonly path: string;
  readonly numBytes: number;
}

/** The folders that there are. */
export function listOwnFiles(): OwnFiles[] {
  const names = Object.keys(cacheContents) as CacheContent[];
  const cached = names.map((name) => [cacheContents[name], cacheFolder(name)] as const);
  const all = [...cached, ["native libraries of programs", temporaryLibrariesFolder()] as const];
  return all.flatMap(([content, path]) =>
    path !== undefined && isTaken(path) ? [{ content, path, numBytes: bytesOf(path) }] : []
  );
}

/**
 * Removes folders of this package, and the one that they are in if nothing else is in it.
 *
 * @throws {Deno.errors.Busy} if a model is being converted: nothing is removed then
 * @throws {StorageError} if the system refuses
 */
export async function removeOwnFiles(files: readonly OwnFiles[]): Promise<void> {
  using locks = new DisposableStack();
  const models = convertedModelsFolder();
  for (const repo of listConvertedRepos(models)) {
    locks.use(new ConvertedModels(models, repo).lock());
  }
  for (const { path } of files) await removeFolder(path);
  const root = cacheFolder();
  // What is left in it, if anything, is of another program.
  if (root !== undefined) await Deno.remove(root).catch(() => {});
}
