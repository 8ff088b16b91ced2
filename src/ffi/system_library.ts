/**
 * Functions of the system itself, for what has to be known before the native library is trusted. They need no permission
 * beyond `--allow-ffi`, without which there is nothing to trust.
 *
 * @module
 */

import { cString } from "./memory.ts";

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

/**
 * The beginning of a file of the kernel, such as those in `/proc`, of at most 8 KiB; nothing if there is none. Deno asks for
 * all permissions before it reads there itself.
 */
export function readKernelFile(path: string): string {
  const { fopen, fread, fclose } = openSystemLibrary({
    // FILE * fopen(const char * pathname, const char * mode)
    fopen: { parameters: ["buffer", "buffer"], result: "pointer" },
    // size_t fread(void * ptr, size_t size, size_t nmemb, FILE * stream)
    fread: { parameters: ["buffer", "usize", "usize", "pointer"], result: "usize" },
    // int fclose(FILE * stream)
    fclose: { parameters: ["pointer"], result: "i32" },
  });
  const file = fopen(cString(path), cString("r"));
  if (file === null) return "";
  const bytes = new Uint8Array(8192);
  const numRead = Number(fread(bytes, 1n, BigInt(bytes.length), file));
  fclose(file);
  return new TextDecoder().decode(bytes.subarray(0, numRead));
}

/** Whether the system has a file of that path; for those in `/dev`, which Deno asks for all permissions for. Not on Windows. */
export function systemHasPath(path: string): boolean {
  // int access(const char * pathname, int mode)
  const definition = { parameters: ["buffer", "i32"], result: "i32" } as const;
  return openSystemLibrary({ access: definition }).access(cString(path), 0) === 0;
}

/** `CLOCKS_PER_SEC` as POSIX has it, per millisecond. */
const CLOCKS_PER_MS = 1000;

let clock: (() => bigint) | undefined;

/** How long processors have worked for this process, all its threads together, in ms; nothing on Windows. */
export function processorMs(): number | undefined {
  if (Deno.build.os === "windows") return undefined;
  // clock_t clock(void)
  clock ??= openSystemLibrary({ clock: { parameters: [], result: "i64" } }).clock;
  return Number(clock()) / CLOCKS_PER_MS;
}

/** `RTLD_NOW` */
const BIND_NOW = 2;

/**
 * Has a library stay in memory until the process ends. Deno closes what a worker has opened when it is terminated, while
 * threads may still be in it. Does nothing if the library cannot be opened: that is for others to say.
 */
export function keepLoaded(path: string): void {
  if (Deno.build.os === "windows") {
    // HMODULE LoadLibraryW(LPCWSTR lpLibFileName)
    const { LoadLibraryW } = openSystemLibrary({
      LoadLibraryW: { parameters: ["buffer"], result: "pointer" },
    });
    LoadLibraryW(Uint16Array.from(path + "\0", (character) => character.charCodeAt(0)));
    return;
  }
  // void * dlopen(const char * filename, int flags), in older systems in a library of its own
  const { dlopen } = openSystemLibrary({
    dlopen: { parameters: ["buffer", "i32"], result: "pointer", optional: true },
  });
  dlopen?.(cString(path), BIND_NOW);
}

/**
 * Has this process end without what C++ libraries have left to be destroyed at its end by now: threads that still compute
 * would go on with it. The exit code stays. Only where the C library is glibc, the one that can.
 */
export function endWithoutDestructors(): void {
  if (Deno.build.os !== "linux") return;
  const { on_exit, _exit, __cxa_atexit, fflush } = openSystemLibrary({
    // int on_exit(void (* function)(int status, void * arg), void * arg)
    on_exit: { parameters: ["pointer", "pointer"], result: "i32", optional: true },
    // void _exit(int status)
    _exit: { type: "pointer" },
    // int __cxa_atexit(void (* function)(void * arg), void * arg, void * library)
    __cxa_atexit: { parameters: ["pointer", "pointer", "pointer"], result: "i32" },
    // int fflush(FILE * stream)
    fflush: { type: "pointer" },
  });
  on_exit?.(_exit, null);
  // What is arranged last comes first: all that was printed.
  __cxa_atexit(fflush, null, null);
}
