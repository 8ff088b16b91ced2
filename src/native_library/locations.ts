/**
 * Where a native library may be, in the order in which the locations are looked at.
 *
 * @module
 */
import { environmentVariable } from "../base/environment.ts";
import { pathOfFileUrl } from "../base/file_url.ts";
import { piece, type Work } from "../base/work.ts";
import { libraryFileName, readStamp } from "./build_stamp.ts";
import type { LibraryCandidate } from "./candidate.ts";
import { extractLibrary } from "./extract_library.ts";
import type { PrepareLibraryOptions } from "./prepare_options.ts";
import { cachedPrebuilt } from "./prebuilt/cached_prebuilt.ts";

/** A place where a native library may be. */
export interface LibraryLocation {
  /** What a message calls it. */
  readonly name: string;
  /** Whether what is there is used or refused, never passed over. */
  readonly isDecisive?: boolean;
  /** Whether what is there was not on this machine before. */
  readonly isRemote?: boolean;
  /** What is there, best first. Throws an Error that says why something that is there is nothing to be tried. */
  find(options: PrepareLibraryOptions): LibraryCandidate[] | Work<LibraryCandidate[]>;
}

/** The environment variable that names a library to be used instead of all others. */
export const LIBRARY_VARIABLE = "GPT2_NATIVE_LIBRARY";

/** The locations that need no network, in their order. */
export const localLocations: readonly LibraryLocation[] = [
  { name: LIBRARY_VARIABLE, isDecisive: true, find: fromEnvironment },
  { name: "inside this program", find: fromProgram },
  { name: "local build", find: fromLocalBuild },
  { name: "prebuilt, fetched before", find: cachedPrebuilt },
];

/** All locations, in their order. */
export const locations: readonly LibraryLocation[] = [
  ...localLocations,
  { name: "prebuilt, from npm", isRemote: true, find: fromNpm },
];

function fromEnvironment(): LibraryCandidate[] {
  const path = environmentVariable(LIBRARY_VARIABLE);
  const remedy =
    `Set ${LIBRARY_VARIABLE} to a library that \`deno task build\` made on this machine, or unset it.`;
  return path === undefined ? [] : [{ path, remedy, stamp: readStamp(path) }];
}

function fromProgram(): LibraryCandidate[] {
  const candidate = extractLibrary();
  return candidate === undefined ? [] : [candidate];
}

function fromLocalBuild(): LibraryCandidate[] {
  if (!isLocal()) return [];
  const path = pathOfFileUrl(new URL(`../../native/build/${libraryFileName()}`, import.meta.url));
  const stamp = readStamp(path);
  return stamp ? [{ path, remedy: "Build it again with `deno task build`.", stamp }] : [];
}

/** Nobody who cannot wait comes here. */
function* fromNpm({ onProgress }: PrepareLibraryOptions): Work<LibraryCandidate[]> {
  // Loaded only when it comes to that.
  const load = () => import("./prebuilt/fetch_prebuilt.ts");
  yield* piece(refuseNow, async (signal) => {
    const { fetchPrebuilt } = await load();
    await fetchPrebuilt({ onProgress, signal });
  });
  return yield* cachedPrebuilt();
}

function refuseNow(): never {
  throw new TypeError("Cannot fetch a native library: that takes time: received a call that waits");
}

/** Whether this module is a file, as in a clone, and neither a page on the web nor inside a compiled program. */
export function isLocal(): boolean {
  return import.meta.url.startsWith("file:") && !Deno.build.standalone;
}
