/**
 * What callers say and hear about getting a native library.
 *
 * @module
 */

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
  /** Called before something takes long. */
  readonly onProgress?: (progress: LibraryProgress) => void;
  /** Stops with an `AbortError`. */
  readonly signal?: AbortSignal;
}
