/**
 * Models of the hub, ready to be opened: downloaded into the cache that is shared with Python, and converted.
 *
 * @module
 */
import type { WriteProgress } from "../base/atomic_file.ts";
import { FileFormatError, StorageError } from "../base/errors.ts";
import { isFile } from "../base/files.ts";
import type { FileType } from "../checkpoint/file_types.ts";
import type { CheckpointNotice } from "../checkpoint/checkpoint.ts";
import { readHuggingFaceConfig } from "../checkpoint/hugging_face/config.ts";
import { openCheckpoint } from "../checkpoint/open_checkpoint.ts";
import { type LibraryProgress, openLibrary } from "../native_library/native_library.ts";
import { ConvertedModels, convertedModelsFolder } from "./converted_models.ts";
import type { DownloadProgress } from "./hub/download.ts";
import { fetchModel, findModel } from "./hub/fetch_model.ts";
import { RepoCache } from "./hub/hub_cache.ts";
import { type HubSettings, readHubSettings } from "./hub/hub_settings.ts";
import type { HubModel } from "./hub/model_names.ts";

/**
 * How far a model is from being ready: one of the hub is downloaded, then converted; the demo may be downloaded; the native
 * library, which any model needs, is fetched the first time. And what there is to know about a model.
 */
export type ModelProgress =
  | LibraryProgress
  | CheckpointNotice
  | { readonly step: "download" } & DownloadProgress
  | { readonly step: "convert" } & WriteProgress;

/** Options of {@linkcode resolveHubModel}. */
export interface ResolveOptions {
  /**
   * The type to which a model of the hub is converted, or `"original"` for the files as they are there. Default: `"q8_0"`.
   */
  type?: FileType | "original";
  /** Whether to ask the hub what a branch or tag is at now, even if it is on this machine. Default: false. */
  refresh?: boolean;
  /** Called while a model is downloaded and converted. */
  onProgress?: (progress: ModelProgress) => void;
  /** Stops with an `AbortError`. What has been downloaded is kept, and taken up again the next time. */
  signal?: AbortSignal;
  /** Where the hub is, and its cache. Default: as the environment says. */
  hub?: HubSettings;
  /** Where converted models are kept. Default: in this package's folder in the user's cache. */
  convertedFolder?: string;
}

/**
 * The path of a model of the hub on this machine, if it is there and ready: no request is made.
 *
 * @returns nothing if it would have to be downloaded or converted
 */
export function findHubModel(model: HubModel, options: ResolveOptions = {}): string | undefined {
  const { type = "q8_0", hub = readHubSettings() } = options;
  if (model.file !== undefined || type === "original") return findModel(model, hub)?.path;
  const { cacheFolder } = hub;
  const cache = cacheFolder === undefined ? undefined : new RepoCache(cacheFolder, model.repo);
  const converted = convertedModels(model, options);
  // Python may have moved the branch since. If the download was removed, our own note of it is left.
  const commit = cache?.commitOf(model.revision) ?? converted.commitOf(model.revision);
  const path = commit && converted.path(commit, type);
  return path && isFile(path) ? path : undefined;
}

/**
 * The path of a model of the hub, downloaded and converted if need be: what `resolveModel()` does with its name if there is
 * no file or folder of that name.
 */
export async function resolveHubModel(
  model: HubModel,
  options: ResolveOptions = {},
): Promise<string> {
  const { type = "q8_0", refresh = false, hub = readHubSettings(), onProgress, signal } = options;
  const onNotice = (text: string) => onProgress?.({ step: "notice", text });
  signal?.throwIfAborted();
  const ready = refresh ? undefined : findHubModel(model, options);
  if (ready !== undefined) return ready;
  const local = await fetchModel(model, hub, {
    refresh,
    signal,
    checkConfig: readHuggingFaceConfig,
    onNotice,
    onProgress: onProgress && ((progress) => onProgress({ step: "download", ...progress })),
  });
  if (model.file !== undefined || type === "original") return local.path;
  using _kept = await hold(model, hub, signal);
  // The conversion needs it, and it may have to be fetched: here, where that can be told.
  await openLibrary({ onProgress, signal });
  const converted = convertedModels(model, options);
  const { commit, isRepaired } = local;
  return await converted.convert(model, local, type, {
    isNew: isRepaired || refresh && await isDamaged(converted.path(commit, type)),
    signal,
    onProgress: onProgress && ((progress) => onProgress({ step: "convert", ...progress })),
    onNotice,
  });
}

/** Keeps the download from being removed while it is converted. */
async function hold(
  { repo }: HubModel,
  { cacheFolder }: HubSettings,
  signal: AbortSignal | undefined,
): Promise<Disposable | undefined> {
  try {
    return await new RepoCache(cacheFolder!, repo).hold(signal);
  } catch (error) {
    // Where nothing can be written, nothing can be removed.
    if (error instanceof StorageError || error instanceof Deno.errors.NotCapable) return undefined;
    throw error;
  }
}

/** Whether there is a converted file, and it is not what was once written. */
async function isDamaged(path: string): Promise<boolean> {
  if (!isFile(path)) return false;
  try {
    using _checkpoint = await openCheckpoint(path);
    return false;
  } catch (error) {
    if (error instanceof FileFormatError) return true;
    throw error;
  }
}

function convertedModels({ repo }: HubModel, options: ResolveOptions): ConvertedModels {
  return new ConvertedModels(options.convertedFolder ?? convertedModelsFolder(), repo);
}
