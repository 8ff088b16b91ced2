/**
 * Finds, verifies and opens the native library, once per process.
 *
 * @module
 */
import { sha256, sha256Sync } from "../base/sha256.ts";
import { type LibraryCandidate, localPlaces } from "./library_candidates.ts";
import {
  adviceWithoutLibrary,
  LibrarySearch,
  type LibraryVerdict,
  type Place,
} from "./library_search.ts";
import type { LibraryProgress, PrepareLibraryOptions } from "./obtain_library.ts";
import { type FileContents, openCandidate, pathsOf } from "./open_candidate.ts";
import { type Library, openedLibrary, useLibrary } from "../ffi/library.ts";

export type { Library, LibraryProgress, LibraryVerdict, PrepareLibraryOptions };

/** The ways to get a library that is not on this machine, in their order. Loaded only when it comes to that. */
const remotePlaces = [
  {
    name: "prebuilt, from npm",
    isObtained: true,
    obtain: async (options: PrepareLibraryOptions) =>
      await (await import("./fetch_prebuilt.ts")).fetchPrebuilt(options),
  },
  {
    name: "build from source",
    isObtained: true,
    obtain: async (options: PrepareLibraryOptions) =>
      await (await import("./build_library.ts")).buildLibrary(options),
  },
];

let opening: Promise<Library> | undefined;
let lastSearch = new LibrarySearch();

/**
 * The native library, opened now if it is not yet, for what cannot wait. It uses what is on this machine; only
 * {@linkcode openLibrary} fetches or builds one.
 *
 * @throws {NativeLibraryError} if there is none that can be used; the message says what to do
 */
export function openLibrarySync(): Library {
  return openedLibrary() ?? useLibrary(searchSync());
}

/**
 * Opens the native library ahead of its first use: faster than {@linkcode openLibrarySync} does, and for the most part beside
 * the main thread. Where none is on this machine it is fetched from npm, or built. Wherever one may wait, await this
 * first.
 *
 * @throws {NativeLibraryError} if there is none that can be used; the message says what to do
 * @throws {DOMException} `AbortError` (or the signal's own reason) while one is fetched or built
 */
export async function openLibrary(options: PrepareLibraryOptions = {}): Promise<Library> {
  const opened = openedLibrary();
  if (opened !== undefined) return opened;
  // Several callers wait for one search: two would fetch twice.
  opening ??= search(options).finally(() => opening = undefined);
  const found = await opening;
  for (const text of lastSearch.warnings) options.onProgress?.({ step: "library", text });
  return found;
}

/**
 * Makes sure that there is a native library: opens the one on this machine, or fetches or builds one. Whatever takes a
 * file waits for this by itself; only `new GPT2(config)` cannot, and takes what is on the machine.
 *
 * ```ts
 * import { GPT2, GPT2Config, prepareLibrary } from "@allformers/gpt2";
 *
 * await prepareLibrary({ onProgress: ({ text }) => console.log(text) });
 * using model = new GPT2(GPT2Config.tiny(), { seed: 1 });
 * ```
 *
 * @throws {NativeLibraryError} if there is none that can be used; the message says what to do
 * @throws {DOMException} `AbortError` (or the signal's own reason)
 */
export async function prepareLibrary(options: PrepareLibraryOptions = {}): Promise<void> {
  await openLibrary(options);
}

/** What should be put right although the library was found, as sentences. */
export function libraryWarnings(): readonly string[] {
  return lastSearch.warnings;
}

/** What the search for the library found so far, place by place. Places after the one that is used were not looked at. */
export function libraryVerdicts(): readonly LibraryVerdict[] {
  return lastSearch.verdicts;
}

/** The names of all places, in the order in which they are looked at. */
export const libraryPlaces: readonly string[] = [...localPlaces, ...remotePlaces].map(({ name }) =>
  name
);

function searchSync(): Library {
  const search = lastSearch = new LibrarySearch();
  for (const place of localPlaces) {
    for (const candidate of search.candidatesIn(place)) {
      const found = search.attempt(place, candidate, () => {
        const contents = pathsOf(candidate).map(readFileSync);
        return openCandidate(candidate, contents, place.isDecisive === true);
      });
      if (found !== undefined) return found;
    }
  }
  throw search.failure(
    `Await prepareLibrary() first, which fetches or builds one. ${adviceWithoutLibrary()}`,
  );
}

async function search(options: PrepareLibraryOptions): Promise<Library> {
  const search = lastSearch = new LibrarySearch();
  const openFirst = async (
    place: Place,
    candidates: LibraryCandidate[],
  ) => {
    for (const candidate of candidates) {
      let contents: FileContents[];
      try {
        contents = await Promise.all(pathsOf(candidate).map(readFile));
      } catch (error) {
        search.skip(place, candidate, error);
        continue;
      }
      // Meanwhile openLibrarySync() may have been called.
      const found = openedLibrary() ?? search.attempt(
        place,
        candidate,
        () => openCandidate(candidate, contents, place.isDecisive === true),
      );
      if (found !== undefined) return useLibrary(found);
    }
  };
  for (const place of localPlaces) {
    const found = await openFirst(place, search.candidatesIn(place));
    if (found !== undefined) return found;
  }
  for (const place of remotePlaces) {
    let candidates: LibraryCandidate[] = [];
    try {
      candidates = await place.obtain(options);
    } catch (error) {
      options.signal?.throwIfAborted();
      search.skip(place, undefined, error);
    }
    const found = await openFirst(place, candidates);
    if (found !== undefined) return found;
  }
  throw search.failure(adviceWithoutLibrary());
}

function readFileSync(path: string): FileContents {
  requireFile(Deno.statSync(path));
  const bytes = Deno.readFileSync(path);
  return { bytes, sha256: sha256Sync(bytes) };
}

async function readFile(path: string): Promise<FileContents> {
  requireFile(await Deno.stat(path));
  const bytes = await Deno.readFile(path);
  return { bytes, sha256: await sha256(bytes) };
}

/** A folder cannot be read, and reading a FIFO would wait for whoever writes into it. */
function requireFile({ isFile, isDirectory }: Deno.FileInfo): void {
  if (isFile) return;
  throw new Error(`it is not a file: received a ${isDirectory ? "folder" : "FIFO or device"}`);
}
