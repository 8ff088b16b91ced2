/**
 * The native libraries in this package's cache: one that was built from source, and a prebuilt ggml.
 *
 * @module
 */
import denoConfig from "../../deno.json" with { type: "json" };
import { cacheFolder, requireCacheFolder } from "../base/cache_folder.ts";
import { cpuId } from "../ffi/cpu_id.ts";
import type { LibraryCandidate } from "./library_candidates.ts";
import { libraryFileName, readStamp } from "./library_stamp.ts";
import { rankVariants } from "./proof.ts";

/** What is kept beside the files of a prebuilt ggml, and the name of its file. */
export interface PrebuiltNote {
  /** The SHA-256 of each file, in hexadecimal. */
  readonly files: Readonly<Record<string, string>>;
}
export const PREBUILT_NOTE = "prebuilt.json";

/** The folder of this version of the package, for this system; nothing where there is no place to keep anything. */
export function librariesFolder(): string | undefined {
  const folder = cacheFolder();
  return folder && librariesFolderIn(folder);
}

/** The same folder, to keep a library there. Throws as {@linkcode requireCacheFolder}. */
export function requireLibrariesFolder(): string {
  return librariesFolderIn(requireCacheFolder("the native library"));
}

function librariesFolderIn(folder: string): string {
  const { os, arch } = Deno.build;
  return `${folder}/libraries/${denoConfig.version}-${os}-${arch}`;
}

/** Where a library built from source is in the folder of this version. */
export function builtFolderIn(folder: string): string {
  return `${folder}/built`;
}

/** Where the prebuilt ggml is in the folder of this version. */
export function prebuiltFolderIn(folder: string): string {
  return `${folder}/prebuilt`;
}

/** The library that was built from source; none if none was. */
export function cachedBuild(): LibraryCandidate[] {
  const parent = librariesFolder();
  if (parent === undefined) return [];
  const folder = builtFolderIn(parent);
  const path = `${folder}/${libraryFileName()}`;
  const stamp = readStamp(path);
  return stamp ? [{ path, stamp, remedy: `Remove ${folder}, and it is built again.` }] : [];
}

/**
 * The prebuilt ggml, one candidate for each variant that this CPU can run, best first; none if it was not fetched.
 *
 * @throws {Error} that says why there is none although it was fetched
 */
export function cachedPrebuilt(): LibraryCandidate[] {
  const parent = librariesFolder();
  if (parent === undefined) return [];
  const folder = prebuiltFolderIn(parent);
  const note: PrebuiltNote | undefined = readJson(`${folder}/${PREBUILT_NOTE}`);
  if (note === undefined) return [];
  const { base, ggml } = partsOf(note);
  const remedy = `Remove ${folder}, and it is fetched again.`;
  return variantsIn(folder, note).map((variant) => ({
    path: `${folder}/${variant}`,
    files: [base, ggml, variant].map((name) => ({
      path: `${folder}/${name}`,
      sha256: note.files[name],
    })),
    remedy,
  }));
}

/** The files of a prebuilt ggml by what they are: `libggml-base.so`, `libggml.v0.5.0.so`, `libggml-cpu-haswell.so`, ... */
export function partsOf(note: PrebuiltNote): { base: string; ggml: string; variants: string[] } {
  const names = Object.keys(note.files);
  const isBase = (name: string) => name.includes("ggml-base");
  const isVariant = (name: string) => name.includes("ggml-cpu");
  return {
    base: names.find(isBase)!,
    ggml: names.find((name) => !isBase(name) && !isVariant(name))!,
    variants: names.filter(isVariant),
  };
}

/** The variants that this CPU can run, best first: as remembered, or as found out in a child process. */
function variantsIn(folder: string, note: PrebuiltNote): string[] {
  const path = `${folder}/variants-${cpuId().toString(16)}.json`;
  const known = readJson<string[]>(path);
  if (known?.every((name) => name in note.files)) return known;
  const ranked = rankVariants(folder).sort((a, b) => b.score - a.score);
  const problem = ranked.find(({ problem }) => problem !== undefined)?.problem;
  const runnable = ranked.filter(({ score }) => score > 0).map(({ name }) => name);
  if (runnable.length === 0) {
    throw new Error(`this CPU runs none of its variants${problem ? `: ${problem}` : ""}`);
  }
  try {
    if (problem === undefined) Deno.writeTextFileSync(path, JSON.stringify(runnable));
  } catch {
    // Where nothing can be written, it is found out again next time.
  }
  return runnable;
}

function readJson<T>(path: string): T | undefined {
  try {
    return JSON.parse(Deno.readTextFileSync(path));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof SyntaxError) return undefined;
    throw error;
  }
}
