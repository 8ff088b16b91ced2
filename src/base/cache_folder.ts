/**
 * Where this package keeps what it can make or fetch again.
 *
 * @module
 */

import { environmentVariable } from "./environment.ts";
import { StorageError } from "./errors.ts";

/**
 * `allformers` in the user's cache folder: `$XDG_CACHE_HOME` or `~/.cache`, on macOS `~/Library/Caches`, on Windows
 * `%LOCALAPPDATA%`. The folder need not exist.
 *
 * @returns its path, or undefined where the environment names no such folder or may not be read
 */
export function cacheFolder(): string | undefined {
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
 * The same folder, for what cannot be done without one.
 *
 * @param purpose what is to be kept there, for the message
 * @throws {Deno.errors.NotCapable} if the environment may not be read
 * @throws {StorageError} if it names no such folder
 */
export function requireCacheFolder(purpose: string): string {
  const folder = cacheFolder();
  if (folder !== undefined) return folder;
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
