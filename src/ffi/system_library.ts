/**
 * Functions of the system itself, for what has to be known before the native library is trusted. They need no permission
 * beyond `--allow-ffi`, without which there is nothing to trust.
 *
 * @module
 */

const PATHS: Partial<Record<typeof Deno.build.os, string>> = {
  linux: "libc.so.6",
  darwin: "/usr/lib/libSystem.B.dylib",
  windows: "kernel32.dll",
};

/** Functions of the C library; on Windows, of kernel32. */
export function openSystemLibrary<const S extends Deno.ForeignLibraryInterface>(
  functions: S,
): Deno.DynamicLibrary<S>["symbols"] {
  return Deno.dlopen(PATHS[Deno.build.os]!, functions).symbols;
}
