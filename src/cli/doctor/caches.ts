/**
 * The folders in which things are kept that were downloaded or made.
 *
 * @module
 */
import { cacheContents, cacheFolder } from "../../base/cache_folder.ts";
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

/** All caches, those of this package only as far as there is something in them. */
export function listCaches(): Cache[] {
  const contents: Record<string, string> = cacheContents;
  const own = cacheFolder();
  const names = own !== undefined && mayRead(own) ? namesIn(own).sort() : [];
  return [
    measure("models of the hub, shared with Python", readHubSettings().cacheFolder),
    ...(own === undefined ? [{ content: "this package's own" }] : []),
    ...names.map((name) => measure(contents[name] ?? name, `${own}/${name}`)),
  ];
}

function measure(content: string, path: string | undefined): Cache {
  const bytes = path !== undefined && mayRead(path) ? bytesOf(path) : undefined;
  return { content, path, bytes };
}
