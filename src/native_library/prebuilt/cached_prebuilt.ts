/**
 * The prebuilt ggml in this package's cache.
 *
 * @module
 */
import denoConfig from "../../../deno.json" with { type: "json" };
import { cacheFolder } from "../../base/cache_folder.ts";
import type { Work } from "../../base/work.ts";
import { cpuId } from "../../ffi/cpu_id.ts";
import type { LibraryCandidate } from "../candidate.ts";
import { runProgram } from "../child_program.ts";
import { requireTrusted } from "../trusted_path.ts";
import { type PrebuiltPackage, prebuiltPackages } from "./packages.ts";
import { partsOf } from "./parts.ts";
import type { RankedVariant } from "./rank_variants.ts";

/** The package for this system; undefined if there is none. */
export function prebuiltPackage(): PrebuiltPackage | undefined {
  return prebuiltPackages[`${Deno.build.os} ${Deno.build.arch}`];
}

/** Where in the folder for native libraries the prebuilt ggml of this version of the package is. */
export function prebuiltFolderIn(libraries: string): string {
  const { os, arch } = Deno.build;
  return `${libraries}/${denoConfig.version}-${os}-${arch}/prebuilt`;
}

/**
 * The prebuilt ggml, one candidate for each variant that this CPU can run, best first; none if it was not fetched.
 *
 * @throws {Error} that says why there is none although it was fetched
 */
export function* cachedPrebuilt(): Work<LibraryCandidate[]> {
  const prebuilt = prebuiltPackage();
  const libraries = cacheFolder("libraries");
  if (prebuilt === undefined || libraries === undefined) return [];
  const folder = prebuiltFolderIn(libraries);
  if (!isThere(folder)) return [];
  const real = requireTrusted(folder);
  const { base, ggml } = partsOf(prebuilt);
  const remedy = `Remove ${folder}, and it is fetched again.`;
  const variants = yield* variantsIn(real, prebuilt);
  return variants.map((variant) => ({
    files: [base, ggml, variant].map((name) => ({
      path: `${real}/${name}`,
      sha256: prebuilt.files[name],
    })),
    remedy,
    takesModules: true,
  }));
}

/** How many bytes it takes to have the prebuilt ggml here: none if it was fetched before, or there is none for this system. */
export function prebuiltBytesToFetch(): number {
  const libraries = cacheFolder("libraries");
  const isFetched = libraries !== undefined && isThere(prebuiltFolderIn(libraries));
  return isFetched ? 0 : prebuiltPackage()?.downloadBytes ?? 0;
}

function isThere(folder: string): boolean {
  try {
    return Deno.statSync(folder).isDirectory;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** The variants that this CPU can run, best first: as remembered, or as found out in a child process. */
function* variantsIn(folder: string, { files }: PrebuiltPackage): Work<string[]> {
  const cpu = cpuId();
  const path = cpu === undefined ? undefined : `${folder}/variants-${cpu.toString(16)}.json`;
  const known = path === undefined ? undefined : readNames(path);
  if (Array.isArray(known) && known.length > 0 && known.every((name) => name in files)) {
    return known;
  }
  const ranked: RankedVariant[] = JSON.parse(yield* runProgram("rankVariants", [folder]));
  ranked.sort((a, b) => b.score - a.score);
  const problem = ranked.find(({ problem }) => problem !== undefined)?.problem;
  const runnable = ranked.filter(({ score }) => score > 0).map(({ name }) => name);
  if (runnable.length === 0) {
    throw new Error(`this CPU runs none of its variants${problem ? `: ${problem}` : ""}`);
  }
  try {
    if (path !== undefined && problem === undefined) {
      Deno.writeTextFileSync(path, JSON.stringify(runnable));
    }
  } catch {
    // Where nothing can be written, it is found out again next time.
  }
  return runnable;
}

function readNames(path: string): string[] | undefined {
  try {
    return JSON.parse(Deno.readTextFileSync(path));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof SyntaxError) return undefined;
    throw error;
  }
}
