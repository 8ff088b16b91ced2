/**
 * Models of the hub, ready to be opened: downloaded into the cache that is shared with Python, and converted.
 *
 * @module
 */
import { openLibrary } from "../native_library/native_library.ts";
import { fetchModel, findModel } from "./hub/fetch_model.ts";
import { isFile } from "../base/files.ts";
import { RepoCache } from "./hub/hub_cache.ts";
import { readHubSettings } from "./hub/hub_settings.ts";
import type { HubModel } from "./hub/model_names.ts";
import { ConvertedModels, convertedModelsFolder } from "./converted_models.ts";
import { readHuggingFaceConfig } from "../checkpoint/hugging_face/config.ts";
import type { ResolveOptions } from "./resolve_model.ts";

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
 * The path of a model of the hub, downloaded and converted if need be: what {@linkcode resolveModel} does with its name if
 * there is no file or folder of that name.
 */
export async function resolveHubModel(
  model: HubModel,
  options: ResolveOptions = {},
): Promise<string> {
  const { type = "q8_0", refresh = false, hub = readHubSettings(), onProgress, signal } = options;
  signal?.throwIfAborted();
  const ready = refresh ? undefined : findHubModel(model, options);
  if (ready !== undefined) return ready;
  const local = await fetchModel(model, hub, {
    refresh,
    signal,
    checkConfig: readHuggingFaceConfig,
    onProgress: onProgress && ((progress) => onProgress({ step: "download", ...progress })),
  });
  if (model.file !== undefined || type === "original") return local.path;
  // The conversion needs it, and it may have to be fetched: here, where that can be told.
  await openLibrary({ onProgress, signal });
  return await convertedModels(model, options).convert(model, local, type, {
    signal,
    onProgress: onProgress && ((progress) => onProgress({ step: "convert", ...progress })),
  });
}

function convertedModels({ repo }: HubModel, options: ResolveOptions): ConvertedModels {
  return new ConvertedModels(options.convertedFolder ?? convertedModelsFolder(), repo);
}
