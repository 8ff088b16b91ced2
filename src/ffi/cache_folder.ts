/**
 * Where this package keeps what it can make or fetch again.
 *
 * @module
 */

/**
 * `allformers` in the user's cache folder: `$XDG_CACHE_HOME` or `~/.cache`, on macOS `~/Library/Caches`, on Windows
 * `%LOCALAPPDATA%`. The folder need not exist.
 *
 * @returns its path, or undefined where the environment names no such folder or may not be read
 */
export function cacheFolder(): string | undefined {
  if (Deno.build.os === "windows") {
    const local = variable("LOCALAPPDATA");
    return local && `${local}\\allformers`;
  }
  const home = variable("HOME");
  if (Deno.build.os === "darwin") return home && `${home}/Library/Caches/allformers`;
  // The specification has relative paths in XDG_CACHE_HOME ignored.
  const cache = variable("XDG_CACHE_HOME");
  if (cache?.startsWith("/")) return `${cache}/allformers`;
  return home && `${home}/.cache/allformers`;
}

function variable(name: string): string | undefined {
  try {
    return Deno.env.get(name) || undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) return undefined;
    throw error;
  }
}
