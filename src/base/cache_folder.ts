/**
 * Where this package keeps what it can make or fetch again.
 *
 * @module
 */

import { environmentVariable } from "./environment.ts";
import { StorageError } from "./errors.ts";

/** All that there is in this folder, by the names of the folders in it. The rest of it, if any, is somebody else's. */
export const cacheContents = {
  models: "converted models",
  demo: "the demo model",
  libraries: "native libraries",
  "proven-libraries": "which native libraries work",
  "ggml-source": "ggml's source",
  bench: "what benchmarks and tests of pages need",
} as const;

/** A folder in this package's cache. */
export type CacheContent = keyof typeof cacheContents;

/**
 * `allformers` in the user's cache folder: `$XDG_CACHE_HOME` or `~/.cache`, on macOS `~/Library/Caches`, on Windows
 * `%LOCALAPPDATA%`. The folder need not exist.
 *
 * @param content a folder in it
 * @returns its path, or undefined where the environment names no such folder or may not be read
 */
export function cacheFolder(content?: CacheContent): string | undefined {
  const root = rootFolder();
  return root === undefined || content === undefined ? root : `${root}/${content}`;
}

function rootFolder(): string | undefined {
  if (Deno.build.os === "windows") {
    const local = environmentVariable("LOCALAPPDATA");
    return local && `${local}\\allformers`;
  }
  const home = environmentVariable("HOME");
  if (Deno.build.os === "darwin") return home && `${home}/Library/Caches/allformers`;
  // The specification has relative paths in XDG_CACHE_HOME ignored.
  const cache = environmentVariable("XDG_CACHE_HOME");
  if (cache?.startsWith("/")) return `${cache}/allformers`;
  return home && `${home}/.cache/allformers`;
}

/**
 * The same folder, for what cannot be done without it.
 *
 * @throws {Deno.errors.NotCapable} if the environment may not be read
 * @throws {StorageError} if it names no such folder
 */
export function requireCacheFolder(content: CacheContent): string {
  const folder = cacheFolder(content);
  if (folder !== undefined) return folder;
  const purpose = cacheContents[content];
  const name = Deno.build.os === "windows" ? "LOCALAPPDATA" : "HOME";
  const { state } = Deno.permissions.querySync({ name: "env", variable: name });
  if (state !== "granted") {
    throw new Deno.errors.NotCapable(
      `Cannot keep ${purpose}: the environment says where the cache is, and Deno was started ` +
        `without --allow-env: received no ${name}. Run with --allow-env.`,
    );
  }
  throw new StorageError(
    `Cannot keep ${purpose}: there is no folder for it: received no ${name}. Set ${name}.`,
  );
}
