/**
 * The functions of a native library, whether it is one file or several.
 *
 * @module
 */
import { collectFunctions } from "./collect_functions.ts";
import { bindPrebuilt } from "./prebuilt/bind_prebuilt.ts";
import { keepLoaded } from "./system_library.ts";
import { type Library, symbols } from "./symbols.ts";

/**
 * Opens a native library.
 *
 * @param paths its files, each after those that it needs: one that was built here, or those of a prebuilt ggml
 * @throws {Error} if a function is missing, or it is made for another CPU
 */
export function bindLibrary(paths: readonly string[]): Library {
  if (paths.length > 1) return bindPrebuilt(paths);
  // One that is built for Linux here sees to that itself.
  if (Deno.build.os !== "linux") keepLoaded(paths[0]);
  return collectFunctions(paths, symbols) as unknown as Library;
}
