/**
 * What `models` does.
 *
 * @module
 */
import {
  type ConvertedModel,
  ConvertedModels,
  convertedModelsFolder,
  listConvertedRepos,
} from "../model_store/converted_models.ts";
import type { FileType } from "../checkpoint/file_types.ts";
import { findHubModel, resolveHubModel } from "../model_store/hub_models.ts";
import { quote } from "../base/describe.ts";
import { bytesOf, namesIn, readTextIfAny } from "../base/files.ts";
import { listRepos, RepoCache } from "../model_store/hub/hub_cache.ts";
import { readHubSettings } from "../model_store/hub/hub_settings.ts";
import { type HubModel, hubModelName } from "../model_store/hub/model_names.ts";
import { programName } from "../base/program_name.ts";
import type { Io } from "./terminal/io.ts";
import { ModelProgressBar } from "./model_progress.ts";
import { lineText } from "./terminal/terminal_text.ts";
import { bytesText } from "./terminal/units.ts";

/** A model in the caches; as JSON, `models --json` lists these. */
export interface CachedModel {
  readonly repo: string;
  /** What its files take in the cache that is shared with Python. */
  readonly downloadedBytes: number;
  readonly converted: readonly ConvertedModel[];
}

/** Where the two caches are. */
export interface CacheFolders {
  /** Shared with Python; nothing if the environment names none. */
  readonly downloads: string | undefined;
  readonly converted: string;
}

/** The folders that the environment names. */
export function cacheFolders(): CacheFolders {
  return { downloads: readHubSettings().cacheFolder, converted: convertedModelsFolder() };
}

/** Downloads and converts a model, or looks whether there is a newer version; shows how far that is. */
export async function pullModel(
  model: HubModel,
  type: FileType,
  { stderr, signal }: Io,
): Promise<string> {
  await using bar = new ModelProgressBar(stderr);
  return await resolveHubModel(model, {
    type,
    refresh: true,
    signal,
    onProgress: (progress) => bar.show(progress),
  });
}

/**
 * The path of the converted file.
 *
 * @throws {Deno.errors.NotFound} if there is none
 */
export function pathOfModel(model: HubModel, type: FileType): string {
  const path = findHubModel(model, { type });
  if (path !== undefined) return path;
  throw notHere(
    model,
    `not on this machine as ${type}`,
    `Run ${programName()} models pull ${hubModelName(model)} --type ${type}.`,
  );
}

/** The models that this program can use; the cache may have many others. */
export function listModels(folders: CacheFolders): CachedModel[] {
  const { downloads, converted } = folders;
  const usable = usableCaches(folders).map(({ repo }) => repo);
  const repos = new Set([...usable, ...listConvertedRepos(converted)]);
  return [...repos].sort().map((repo) => ({
    repo,
    downloadedBytes: downloads === undefined ? 0 : bytesOf(new RepoCache(downloads, repo).folder),
    converted: new ConvertedModels(converted, repo).list(),
  }));
}

function usableCaches({ downloads }: CacheFolders): RepoCache[] {
  if (downloads === undefined) return [];
  return listRepos(downloads).map((repo) => new RepoCache(downloads, repo)).filter(isUsable);
}

/** Whether a repository has a GPT-2 or a GGUF file in any of its snapshots. */
function isUsable(cache: RepoCache): boolean {
  return namesIn(`${cache.folder}/snapshots`).some((commit) => {
    const folder = cache.snapshotFolder(commit);
    const config = readTextIfAny(`${folder}/config.json`) ?? "";
    return /"model_type"\s*:\s*"gpt2"/.test(config) ||
      namesIn(folder).some((name) => name.endsWith(".gguf"));
  });
}

/** The list for people. */
export function listText(folders: CacheFolders, models: readonly CachedModel[]): string {
  const rows = models.flatMap(({ repo, downloadedBytes, converted }) => [
    [lineText(repo), "downloaded", downloadedBytes === 0 ? "-" : bytesText(downloadedBytes)],
    ...converted.map(({ type, commit, numBytes }) => [
      "",
      lineText(`${type} of ${commit.slice(0, 7)}`),
      bytesText(numBytes),
    ]),
  ]);
  const widths = [0, 1].map((column) => Math.max(0, ...rows.map((row) => row[column].length)));
  const lines = rows.map(([repo, what, size]) =>
    `${repo.padEnd(widths[0])}  ${what.padEnd(widths[1])}  ${size.padStart(9)}\n`
  );
  const downloaded = models.reduce((sum, model) => sum + model.downloadedBytes, 0);
  const converted = models.flatMap((model) => model.converted)
    .reduce((sum, { numBytes }) => sum + numBytes, 0);
  return lines.join("") + (lines.length > 0 ? "\n" : "") +
    `Downloaded  ${bytesText(downloaded).padStart(9)}  ${
      lineText(folders.downloads ?? "(no folder)")
    }\n` +
    `Converted   ${bytesText(converted).padStart(9)}  ${lineText(folders.converted)}\n`;
}

/** The downloads of models that this program can use, in the cache that is shared with Python. */
export function listDownloads(folders: CacheFolders) {
  return usableCaches(folders).map(({ folder }) => ({
    content: "a download, shared with Python",
    path: folder,
    numBytes: bytesOf(folder),
  }));
}

/** Removes these downloads. */
export async function removeDownloads(folders: CacheFolders): Promise<void> {
  for (const cache of usableCaches(folders)) await cache.remove();
}

/** What is to be removed: of each of some repositories the converted files and, unless they are kept, the downloads. */
export class Removal {
  /** How much room it makes. */
  readonly numBytes: number;
  readonly #caches: readonly (RepoCache | ConvertedModels)[];
  readonly #keptBytes: number;

  /** Nothing is removed yet. */
  constructor(
    { downloads, converted }: CacheFolders,
    repos: readonly string[],
    keepsDownload: boolean,
  ) {
    const downloaded = downloads === undefined
      ? []
      : repos.map((repo) => new RepoCache(downloads, repo));
    // First the downloads, which may be in use: then nothing is lost.
    this.#caches = [
      ...keepsDownload ? [] : downloaded,
      ...repos.map((repo) => new ConvertedModels(converted, repo)),
    ];
    this.numBytes = bytesOfAll(this.#caches);
    this.#keptBytes = keepsDownload ? bytesOfAll(downloaded) : 0;
  }

  /**
   * Requires that there is something to remove, or to keep.
   *
   * @throws {Deno.errors.NotFound} if there is not
   */
  requireAny(model: HubModel): void {
    if (this.numBytes > 0 || this.#keptBytes > 0) return;
    throw notHere(model, "not on this machine", `${programName()} models lists those that are.`);
  }

  /**
   * Removes it.
   *
   * @throws {Deno.errors.Busy} if another process is downloading or converting it
   */
  async run(): Promise<void> {
    for (const cache of this.#caches) await cache.remove();
  }
}

function bytesOfAll(caches: readonly { readonly folder: string }[]): number {
  return caches.reduce((sum, { folder }) => sum + bytesOf(folder), 0);
}

function notHere(model: HubModel, what: string, advice: string): Error {
  return new Deno.errors.NotFound(
    `Cannot find the model: it is ${what}: received ${quote(hubModelName(model))}. ${advice}`,
  );
}
