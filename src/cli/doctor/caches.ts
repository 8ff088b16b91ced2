/**
 * The folders in which things are kept that were downloaded or made.
 *
 * @module
 */
import { cacheFolder } from "../../base/cache_folder.ts";
import { bytesOf, namesIn } from "../../base/files.ts";
import { readHubSettings } from "../../model_store/hub/hub_settings.ts";
import { mayRead } from "./permissions.ts";

/** A cache. */
export interface Cache {
  /** What is in it. */
  readonly content: string;
  /** Where it is; nothing if the environment names no place for it, or may not be read. */
  readonly path?: string;
  /** How much that is; nothing if it may not be read. */
  readonly bytes?: number;
}

/** What this package's own cache folder holds, by the names of its folders. */
const OWN_CONTENTS: Record<string, string> = {
  models: "converted models",
  libraries: "native libraries",
  "proven-libraries": "which native libraries work",
  "ggml-source": "ggml's source",
};

/** All caches, those of this package only as far as there is something in them. */
export function listCaches(): Cache[] {
  const own = cacheFolder();
  const names = own !== undefined && mayRead(own) ? namesIn(own).sort() : [];
  return [
    measure("models of the hub, shared with Python", readHubSettings().cacheFolder),
    ...(own === undefined ? [{ content: "this package's own" }] : []),
    ...names.map((name) => measure(OWN_CONTENTS[name] ?? name, `${own}/${name}`)),
  ];
}

function measure(content: string, path: string | undefined): Cache {
  const bytes = path !== undefined && mayRead(path) ? bytesOf(path) : undefined;
  return { content, path, bytes };
}
