/**
 * Where a native library may be, in the order in which the locations are looked at.
 *
 * @module
 */
import { environmentVariable } from "../base/environment.ts";
import { pathOfFileUrl } from "../base/file_url.ts";
import { NativeLibraryError } from "../base/errors.ts";
import { programFilesFolder } from "../base/program_files.ts";
import { piece, type Work } from "../base/work.ts";
import { libraryFileName, readStamp } from "./build_stamp.ts";
import { type LibraryCandidate, singleFile } from "./candidate.ts";
import { forcedLevel, LEVEL_VARIABLE, levelsOfThisCpu } from "./cpu_levels.ts";
import { extractLibrary } from "./extract_library.ts";
import type { PrepareLibraryOptions } from "./prepare_options.ts";
import { cachedPrebuilt } from "./prebuilt/cached_prebuilt.ts";
import { bestFetched, candidateOf, missingFor, othersFetched } from "./released/libraries.ts";

/** A place where a native library may be. */
export interface LibraryLocation {
  /** What a message calls it. */
  readonly name: string;
  /** Whether what is there is used or refused, never passed over. */
  readonly isDecisive?: boolean;
  /** Whether what is there was not on this machine before. */
  readonly isRemote?: boolean;
  /** Whether there is a library for each level of instructions: only there is one looked for if a level is asked for. */
  readonly hasLevels?: boolean;
  /** Whether what is there was published with this package. */
  readonly isRelease?: boolean;
  /** What is there, best first. Throws an Error that says why something that is there is nothing to be tried. */
  find(options: PrepareLibraryOptions): LibraryCandidate[] | Work<LibraryCandidate[]>;
}

/** The environment variable that names a library to be used instead of all others. */
export const LIBRARY_VARIABLE = "GPT2_NATIVE_LIBRARY";

/** All locations, in their order. */
export const locations: readonly LibraryLocation[] = [
  { name: LIBRARY_VARIABLE, isDecisive: true, find: fromEnvironment },
  { name: "inside this program", hasLevels: true, find: fromProgram },
  { name: "local build", find: fromLocalBuild },
  { name: "local build, portable", hasLevels: true, find: fromPortableBuild },
  {
    name: "release, fetched before",
    hasLevels: true,
    isRelease: true,
    find: () => bestFetched(wantedLevels()),
  },
  {
    name: "release, from the package",
    hasLevels: true,
    isRelease: true,
    isRemote: true,
    find: fromRelease,
  },
  // One for another level may have been asked for once, or come with a folder that several machines share.
  {
    name: "release, fetched before",
    hasLevels: true,
    isRelease: true,
    find: () => othersFetched(wantedLevels()),
  },
  { name: "prebuilt, fetched before", find: cachedPrebuilt },
  { name: "prebuilt, from npm", isRemote: true, find: fromNpm },
];

/** The locations that need no network, in their order. */
export const localLocations: readonly LibraryLocation[] = locations.filter((location) =>
  !location.isRemote
);

/** All locations where the prebuilt ggml, which alone takes modules for GPUs, comes before what a release has. */
export const locationsForModules: readonly LibraryLocation[] = locations.toSorted((a, b) =>
  Number(a.isRelease ?? false) - Number(b.isRelease ?? false)
);

/** Whether there is a library that comes before all that is fetched: named, built here, or inside this program. */
export function hasOwnLibrary(): boolean {
  return Deno.build.standalone ||
    [fromEnvironment, fromLocalBuild, fromPortableBuild].some((find) => find().length > 0);
}

function fromEnvironment(): LibraryCandidate[] {
  const path = environmentVariable(LIBRARY_VARIABLE);
  const remedy =
    `Set ${LIBRARY_VARIABLE} to a library that \`deno task build\` made on this machine, or unset it.`;
  return path === undefined ? [] : [singleFile(path, remedy, readStamp(path))];
}

/** Two of the levels that are inside are enough: each is copied, and the second is there in case that the first fails. */
function fromProgram(): LibraryCandidate[] {
  if (programFilesFolder() === undefined) return [];
  const candidates: LibraryCandidate[] = [];
  for (
    const level of forcedLevel() === undefined ? [undefined, ...wantedLevels()] : wantedLevels()
  ) {
    const candidate = extractLibrary(level);
    if (candidate !== undefined) candidates.push(candidate);
    if (candidates.length === 2) break;
  }
  return candidates;
}

function fromLocalBuild(): LibraryCandidate[] {
  return builtLibrary("", "deno task build");
}

function fromPortableBuild(): LibraryCandidate[] {
  return wantedLevels().flatMap((level) =>
    builtLibrary(`portable/${level}/`, `deno task build --level ${level}`)
  );
}

/** Each is fetched only if none before it can be used. */
function fromRelease(): LibraryCandidate[] {
  return missingFor(wantedLevels()).map((library) => ({
    ...candidateOf(library),
    prepare: ({ onProgress }) =>
      // Loaded only when it comes to that.
      piece(refuseNow, async (signal) => {
        const { fetchReleased } = await import("./released/fetch_released.ts");
        await fetchReleased(library, { onProgress, signal });
      }),
  }));
}

/** The levels to look for, best first: the one asked for, or all that this processor has. */
export function wantedLevels(): string[] {
  const forced = forcedLevel();
  return forced === undefined ? levelsOfThisCpu() : [forced];
}

function builtLibrary(folder: string, command: string): LibraryCandidate[] {
  if (!isLocal()) return [];
  const file = `../../native/build/${folder}${libraryFileName()}`;
  const path = pathOfFileUrl(new URL(file, import.meta.url));
  const stamp = readStamp(path);
  return stamp ? [singleFile(path, `Build it again with \`${command}\`.`, stamp)] : [];
}

/**
 * Those of some locations where a library is looked for: where a level is asked for, not everywhere.
 *
 * @throws {NativeLibraryError} if a level is asked for that this processor does not have
 */
export function locationsToSearch(
  locations: readonly LibraryLocation[],
): readonly LibraryLocation[] {
  const level = forcedLevel();
  if (level === undefined) return locations;
  const known = levelsOfThisCpu();
  // Windows does not tell of all that there is.
  if (Deno.build.os !== "windows" && !known.includes(level)) {
    throw new NativeLibraryError(
      `Cannot open the native library: this processor lacks instructions of the level that ${LEVEL_VARIABLE} asks for: ` +
        `received "${level}". Set it to one of ${known.join(", ")}, or unset it.`,
    );
  }
  return locations.filter(({ isDecisive, hasLevels }) => isDecisive || hasLevels);
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
  throw new TypeError(
    "Cannot fetch a native library: that takes time: received a call that waits.",
  );
}

/** Whether this module is a file, as in a clone, and neither a page on the web nor inside a compiled program. */
export function isLocal(): boolean {
  return import.meta.url.startsWith("file:") && !Deno.build.standalone;
}
