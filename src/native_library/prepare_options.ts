/**
 * What callers say and hear about getting a native library.
 *
 * @module
 */
import type { DeviceName } from "./device_name.ts";

/** What the user should know about the native library. */
export interface LibraryProgress {
  /** Tells this from the steps by which a model is made ready. */
  readonly step: "library";
  /**
   * What takes long now (`Fetching the prebuilt ggml for linux x86_64 (10.8 MB, npm) ...`), or why the library that should
   * be used is not.
   */
  readonly text: string;
}

/** How to get a native library. */
export interface PrepareLibraryOptions {
  /**
   * What is to be computed on. For a kind of GPU that the library on this machine was not built for, a prebuilt one is used
   * and what drives that kind is fetched, once; with `"auto"` what was fetched before is used. Default: `"cpu"`.
   */
  readonly device?: DeviceName;
  /** Called before something takes long. */
  readonly onProgress?: (progress: LibraryProgress) => void;
  /** Stops with an `AbortError`. */
  readonly signal?: AbortSignal;
}
