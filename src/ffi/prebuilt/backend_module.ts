/**
 * Modules of a prebuilt ggml that compute on GPUs.
 *
 * @module
 */
import type { ggmlBackendPrebuiltSymbols } from "../ggml_backend.ts";
import { cString } from "../memory.ts";
import { keepLoaded } from "../system_library.ts";
import type { Library } from "../symbols.ts";

type WithModules =
  & Library
  & Deno.DynamicLibrary<typeof ggmlBackendPrebuiltSymbols>["symbols"];

/** Whether a library is a prebuilt ggml, which has what computes in modules; one that was built here is all in one. */
export function takesModules(library: Library): library is WithModules {
  return "ggml_backend_load" in library;
}

/** Whether a library can compute with a driver, because that was built into it or a module for it was loaded. */
export function hasDriver(library: Library, driver: string): boolean {
  return library.ggml_backend_reg_by_name(cString(driver)) !== null;
}

/** How many devices a driver has found. */
export function countDevices(library: Library, driver: string): number {
  const registry = library.ggml_backend_reg_by_name(cString(driver));
  return registry === null ? 0 : Number(library.ggml_backend_reg_dev_count(registry));
}

/**
 * Loads a module into a prebuilt ggml.
 *
 * @throws {Error} that says why it cannot be loaded
 */
export function loadModule(library: Library, path: string): void {
  if (!takesModules(library)) {
    throw new TypeError("Cannot load a module: the library is all in one.");
  }
  // Before ggml does, which says nothing of why it cannot: a library of the driver is missing, perhaps.
  Deno.dlopen(path, {});
  keepLoaded(path);
  if (library.ggml_backend_load(cString(path)) === null) {
    throw new Error("ggml does not take it: it is of another version, or finds no GPU");
  }
}

/** Whether the system finds a library of that name. */
export function isInstalled(name: string): boolean {
  try {
    Deno.dlopen(name, {}).close();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) throw error;
    return false;
  }
}
