/**
 * Finds, verifies and opens the native library, once per process.
 *
 * @module
 */
import { abortSignal, callback, checkOptions, text } from "../base/check_options.ts";
import { SharedTask } from "../base/shared_task.ts";
import { doLater, doNow, type Work } from "../base/work.ts";
import { type Library, openedLibrary, useLibrary } from "../ffi/library.ts";
import type { LibraryCandidate } from "./candidate.ts";
import { type GpuKind, gpuKinds, parseDeviceName } from "./device_name.ts";
import {
  describeGpus,
  findGpuOffer,
  type GpuOffer,
  hasFetchedModule,
  type OpenLibrary,
  servesGpu,
  useFetchedGpus,
  useGpu,
} from "./gpu.ts";
import { forcedLevel } from "./cpu_levels.ts";
import {
  hasOwnLibrary,
  type LibraryLocation,
  localLocations,
  locations,
  locationsForModules,
  locationsToSearch,
} from "./locations.ts";
import type { LibraryProgress, PrepareLibraryOptions } from "./prepare_options.ts";
import {
  adviceForLevel,
  adviceWithoutLibrary,
  LibrarySearch,
  type LibraryVerdict,
} from "./search.ts";
import { verifyAndOpen } from "./verify_and_open.ts";

export type { GpuOffer, Library, LibraryProgress, LibraryVerdict, PrepareLibraryOptions };

/** Those who want to hear of the search that is under way. */
const listeners = new Set<(progress: LibraryProgress) => void>();

const onProgress = (progress: LibraryProgress) => {
  for (const listener of listeners) listener(progress);
};

/** Several callers wait for one search: two would fetch twice. */
const opening = sharedSearch(locations);

/** The same where a module for a GPU was fetched. */
const openingForModules = sharedSearch(locationsForModules);

/** The same where a kind of GPU is asked for, which not every library can be made to compute on. */
const openingFor = new Map(gpuKinds.map((kind) => [kind, sharedSearch(locations, kind)]));

function sharedSearch(locations: readonly LibraryLocation[], gpu?: GpuKind): SharedTask<Library> {
  return new SharedTask((signal) =>
    doLater(findIn(locations, adviceWithoutLibrary(), { onProgress }, gpu), signal)
  );
}

function searchFor(kind: "auto" | "cpu" | GpuKind): SharedTask<Library> {
  if (kind === "cpu") return opening;
  if (kind === "auto") return hasFetchedModule() ? openingForModules : opening;
  return openingFor.get(kind)!;
}

let lastSearch = new LibrarySearch();

/** What is open, and where it came from. */
let open: OpenLibrary | undefined;

/**
 * The native library, opened now if it is not yet, for what cannot wait. It uses what is on this machine; only
 * {@linkcode openLibrary} fetches one.
 *
 * @throws {NativeLibraryError} if there is none that can be used; the message says what to do
 */
export function openLibrarySync(): Library {
  const advice = `Await prepareLibrary() first, which fetches one. ${adviceWithoutLibrary()}`;
  return openedLibrary() ?? doNow(findIn(localLocations, advice, {}));
}

/**
 * Opens the native library ahead of its first use: faster than {@linkcode openLibrarySync} does, and for the most part beside
 * the main thread. Where none is on this machine it is fetched from npm. Wherever one may wait, await this first.
 *
 * @throws {NativeLibraryError} if there is none that can be used; the message says what to do
 * @throws {StorageError} if there is no room for one
 * @throws {DOMException} `AbortError` (or the signal's own reason)
 */
export async function openLibrary(options: PrepareLibraryOptions = {}): Promise<Library> {
  const { device = "cpu", onProgress = () => {}, signal } = options;
  const { kind } = parseDeviceName(device);
  const opened = openedLibrary();
  if (opened !== undefined) return await withGpu(kind, opened, options);
  listeners.add(onProgress);
  try {
    const found = await searchFor(kind).join(signal);
    for (const text of lastSearch.warnings) onProgress({ step: "library", text });
    return await withGpu(kind, found, options);
  } finally {
    listeners.delete(onProgress);
  }
}

/** The library, made to compute where the caller wants to, as far as that is to be had. */
async function withGpu(
  kind: "auto" | "cpu" | GpuKind,
  library: Library,
  options: PrepareLibraryOptions,
): Promise<Library> {
  if (kind === "cpu" || open === undefined) return library;
  if (kind === "auto") await useFetchedGpus(open, options);
  else await useGpu(kind, open, options);
  return library;
}

/**
 * Makes sure that there is a native library: opens the one on this machine, or fetches one. Whatever takes a file waits for
 * this by itself; only `new GPT2(config)` cannot, and takes what is on the machine.
 *
 * ```ts
 * import { GPT2, GPT2Config, prepareLibrary } from "@allformers/gpt2";
 *
 * await prepareLibrary({ onProgress: ({ text }) => console.log(text) });
 * using model = new GPT2(GPT2Config.tiny(), { seed: 1 });
 * ```
 *
 * @throws {NativeLibraryError} if there is none that can be used; the message says what to do
 * @throws {StorageError} if there is no room for one
 * @throws {DOMException} `AbortError` (or the signal's own reason)
 */
export async function prepareLibrary(options: PrepareLibraryOptions = {}): Promise<void> {
  options = checkOptions("prepare the native library", options, {
    device: text,
    onProgress: callback,
    signal: abortSignal,
  });
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
export const libraryPlaces: readonly string[] = [...new Set(locations.map(({ name }) => name))];

/**
 * What became of the modules for GPUs of a prebuilt library, and why a GPU that a library was built for is not used; nothing
 * if no library is open.
 */
export function gpuVerdicts(): LibraryVerdict[] {
  return open === undefined ? [] : describeGpus(open.library);
}

/**
 * A GPU that could be computed on if something was fetched, before a library is opened; undefined if there is none, or one's
 * own library comes first.
 */
export function gpuOffer(): GpuOffer | undefined {
  const isChosen = openedLibrary() !== undefined || forcedLevel() !== undefined || hasOwnLibrary();
  return isChosen ? undefined : findGpuOffer();
}

/** Opens the first library that can be used. */
function* findIn(
  locations: readonly LibraryLocation[],
  advice: string,
  options: PrepareLibraryOptions,
  gpu?: GpuKind,
): Work<Library> {
  const search = lastSearch = new LibrarySearch();
  for (const location of locationsToSearch(locations)) {
    for (const candidate of yield* candidatesIn(location, search, options)) {
      if (gpu !== undefined && !location.isDecisive && !servesGpu(candidate, gpu)) {
        search.noteUnsuitable(location, candidate, `it was built without ${gpu}`);
        continue;
      }
      if (candidate.prepare !== undefined) {
        try {
          yield* candidate.prepare(options);
        } catch (error) {
          // What keeps this one from being had keeps the others, too.
          search.skip(location, undefined, error);
          break;
        }
      }
      try {
        const found = yield* verifyAndOpen(candidate, location.isDecisive === true);
        search.noteUsed(location, candidate);
        const library = useLibrary(found);
        open ??= { library, candidate };
        return library;
      } catch (error) {
        search.skip(location, candidate, error);
      }
    }
  }
  const level = forcedLevel();
  throw search.failure(level === undefined ? advice : adviceForLevel(level));
}

function* candidatesIn(
  location: LibraryLocation,
  search: LibrarySearch,
  options: PrepareLibraryOptions,
): Work<LibraryCandidate[]> {
  try {
    const found = location.find(options);
    const candidates = Array.isArray(found) ? found : yield* found;
    if (candidates.length === 0) search.noteNothing(location);
    return candidates;
  } catch (error) {
    search.skip(location, undefined, error);
    return [];
  }
}
