/**
 * What to do about a file, by where it is: one of the user's own, a download in the cache that is shared with Python, or
 * something in this package's cache.
 *
 * @module
 */
import { cacheFolder } from "./cache_folder.ts";

/** The folder of a repository in the cache that is shared with Python: `models--owner--name`. */
const DOWNLOAD = /(?:^|[/\\])models--([^/\\]+)--([^/\\]+)[/\\]/;
/** A converted model, from this package's folder on: `/models/owner--name/`. */
const CONVERTED = /^[/\\]models[/\\]([^/\\]+?)--([^/\\]+)[/\\]/;

/** The model of the hub that a file in one of the two caches belongs to, as `owner/name`. */
export function modelOfCachedFile(path: string): string | undefined {
  const [, owner, name] = CONVERTED.exec(inOwnCache(path) ?? "") ?? DOWNLOAD.exec(path) ?? [];
  return name === undefined ? undefined : `${owner}/${name}`;
}

/** What to do about a file whose bytes are not what they should be. */
export function adviceForDamaged(path: string | undefined): string {
  const model = path === undefined ? undefined : modelOfCachedFile(path);
  if (model !== undefined) {
    return `It is damaged in the cache: \`models pull ${model}\` compares it with the hub, and makes it anew.`;
  }
  return "The file is damaged or incomplete: download or convert it again.";
}

/** How to have something kept in another place: `set HF_HUB_CACHE to another folder`. */
export function otherPlaceFor(path: string): string {
  if (inOwnCache(path) !== undefined) return `set ${CACHE_VARIABLE} to another folder`;
  return DOWNLOAD.test(`${path}/`) ? "set HF_HUB_CACHE to another folder" : "choose another folder";
}

/** The variable that moves this package's cache. macOS has none but the user's folder itself. */
const CACHE_VARIABLE = { windows: "LOCALAPPDATA", darwin: "HOME" }[Deno.build.os as string] ??
  "XDG_CACHE_HOME";

/** The rest of a path that is in this package's cache. */
function inOwnCache(path: string): string | undefined {
  const folder = cacheFolder();
  return folder !== undefined && path.startsWith(folder) ? path.slice(folder.length) : undefined;
}
