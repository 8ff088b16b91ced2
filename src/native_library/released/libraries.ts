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
import type { LibraryCandidate } from "../candidate.ts";
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

/** The libraries for some levels that were fetched before, in the order of the levels. */
export function fetchedFor(levels: readonly string[]): LibraryCandidate[] {
  return releasedFor(levels).map(candidateOf).filter(({ path }) => exists(path));
}

/** The libraries for some levels that were not fetched before, or are damaged, in the order of the levels. */
export function missingFor(levels: readonly string[]): ReleasedLibrary[] {
  return releasedFor(levels).filter((library) => !isIntact(library));
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
  return {
    path,
    remedy: `Remove ${path}, and it is fetched again.`,
    stamp: { sha256, abiVersion, ggmlVersion, backend, level, bufferTypes: [], inputs: {} },
  };
}
