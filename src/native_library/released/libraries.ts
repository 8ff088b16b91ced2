/**
 * The native libraries of a release, which are files of this package: one for each system and level of instructions.
 *
 * @module
 */
import denoConfig from "../../../deno.json" with { type: "json" };
import { cacheFolder } from "../../base/cache_folder.ts";
import { exists } from "../../base/files.ts";
import { sha256Sync } from "../../base/sha256.ts";
import { abiVersion } from "../../ffi/gpt2_native.ts";
import { type LibraryCandidate, pathOf, singleFile } from "../candidate.ts";
import { COMPRESSED, type ReleasedLibrary } from "./released_library.ts";
import { releasedLibraries } from "./table.ts";

/** The libraries for some levels on this system, in the order of the levels. */
export function releasedFor(
  levels: readonly string[],
  libraries: readonly ReleasedLibrary[] = releasedLibraries,
): ReleasedLibrary[] {
  const { os, arch } = Deno.build;
  const here = libraries.filter((library) => library.os === os && library.arch === arch);
  return levels.flatMap((level) => here.filter((library) => library.level === level));
}

/** Where a library is kept once it was fetched; undefined where there is no cache. */
export function keptPath({ file }: ReleasedLibrary): string | undefined {
  const { os, arch } = Deno.build;
  const libraries = cacheFolder("libraries");
  const name = file.slice(0, -COMPRESSED.length);
  return libraries && `${libraries}/${denoConfig.version}-${os}-${arch}/released/${name}`;
}

/** The best library for some levels, if it was fetched before. */
export function bestFetched(levels: readonly string[]): LibraryCandidate[] {
  return releasedFor(levels).slice(0, 1).map(candidateOf).filter(isThere);
}

/** The others that were fetched before, in the order of the levels. */
export function othersFetched(levels: readonly string[]): LibraryCandidate[] {
  return releasedFor(levels).slice(1).map(candidateOf).filter(isThere);
}

function isThere(candidate: LibraryCandidate): boolean {
  return exists(pathOf(candidate));
}

/**
 * The libraries for some levels that are missing or damaged, in the order of the levels, but for those behind one of
 * {@linkcode othersFetched} that is neither.
 */
export function missingFor(levels: readonly string[]): ReleasedLibrary[] {
  const libraries = releasedFor(levels);
  const end = libraries.findIndex((library, i) => i > 0 && isIntact(library));
  return libraries.slice(0, end === -1 ? undefined : end).filter((library) => !isIntact(library));
}

function isIntact(library: ReleasedLibrary): boolean {
  const path = keptPath(library);
  return path !== undefined && exists(path) &&
    sha256Sync(Deno.readFileSync(path)) === library.sha256;
}

/** A library as it is once it was fetched. */
export function candidateOf(library: ReleasedLibrary): LibraryCandidate {
  const { sha256, backend, level, ggmlVersion } = library;
  const path = keptPath(library) ?? "";
  const stamp = { sha256, abiVersion, ggmlVersion, backend, level, bufferTypes: [], inputs: {} };
  return singleFile(path, `Remove ${path}, and it is fetched again.`, stamp);
}
