/**
 * The source of ggml. It travels inside an npm package, as a git bundle of one llama.cpp release; that one tarball is
 * fetched (none of the package's dependencies), verified, and the part in use is kept in the user's cache.
 *
 * @module
 */

import { cacheFolder } from "../src/base/cache_folder.ts";
import { exists } from "../src/base/files.ts";
import { StorageError } from "../src/base/errors.ts";
import { storageError } from "../src/base/storage_error.ts";
import { fetchNpmPackage, type NpmPackage } from "../src/native_library/npm_package.ts";
import { makePrivateFolder } from "../src/native_library/trusted_path.ts";
import { withWorkFolder } from "../src/native_library/work_folder.ts";
import {
  BUILD_MEGABYTES,
  BuildError,
  exitCodes,
  fullDisk,
  isAboutFullDisk,
} from "./build_error.ts";

const PACKAGE: NpmPackage = {
  name: "node-llama-cpp",
  version: "3.22.1",
  integrity:
    "sha512-bltIipuWmc123H7tMIgDGKSsSrhmhlQYeVUC48XTjVW7XGJJiJJyCdlTMzQ/LiWoPkGDpcL4FviDpgw7qfTiDw==",
};
/** Of the one commit in the bundle; its hash covers every file. */
const COMMIT = "de3ff815ea7d559ee917f063901b8986f038abc6";

/** The version of ggml in that commit. */
export const ggmlVersion = "0.25.1";

/** What identifies the source exactly. */
export const sourceId = `ggml ${ggmlVersion}, ${PACKAGE.name}@${PACKAGE.version}, commit ${COMMIT}`;

/**
 * Makes sure that the source is there.
 *
 * @param fallbackFolder where it goes if the user's cache cannot be written
 * @param onProgress told, in a few words, what takes time
 * @returns the folder of ggml's source (with `include` and `src`)
 */
export async function ensureGgmlSource(
  fallbackFolder: string,
  onProgress: (doing: string) => void,
): Promise<string> {
  const name = `${ggmlVersion}-${COMMIT.slice(0, 8)}`;
  return `${await ensureCheckout(name, ["ggml", "LICENSE"], fallbackFolder, onProgress)}/ggml`;
}

/**
 * Makes sure that the source of all of llama.cpp is there, of the same commit. Only benchmarks need it.
 *
 * @param fallbackFolder where it goes if the user's cache cannot be written
 * @param onProgress told, in a few words, what takes time
 * @returns the folder of llama.cpp's source
 */
export function ensureLlamaCppSource(
  fallbackFolder: string,
  onProgress: (doing: string) => void,
): Promise<string> {
  const name = `llama.cpp-${COMMIT.slice(0, 8)}`;
  return ensureCheckout(name, ["."], fallbackFolder, onProgress);
}

/** Makes sure that `paths` of the commit are in the folder `name`, and returns where that is. */
async function ensureCheckout(
  name: string,
  paths: readonly string[],
  fallbackFolder: string,
  onProgress: (doing: string) => void,
): Promise<string> {
  const parent = await writableFolder([
    cacheFolder("ggml-source"),
    `${fallbackFolder}/ggml-source`,
  ]);
  const target = `${parent}/${name}`;
  // The folder appears by a rename after everything in it was written.
  if (exists(target)) return target;
  const onWait = () => onProgress("Waiting for another process that fetches ggml's source");
  await withWorkFolder(parent, async (work) => {
    if (exists(target)) return;
    onProgress("Fetching ggml's source (35 MB, once)");
    const bundle = await fetchBundle(work);
    const checkout = `${work}/checkout`;
    await extract(bundle, paths, work, checkout);
    await Deno.rename(checkout, target);
  }, { onWait });
  return target;
}

async function fetchBundle(work: string): Promise<string> {
  try {
    return `${await fetchNpmPackage(PACKAGE, work)}/llama/gitRelease.bundle`;
  } catch (error) {
    const problem = storageError(work, error, `where about ${BUILD_MEGABYTES} MB are needed`);
    if (problem instanceof StorageError) throw problem;
    if (!(error instanceof Error)) throw error;
    throw new BuildError(
      `Cannot fetch ggml's source: ${error.message}. ` +
        `Check the network and the npm registry (.npmrc, NPM_CONFIG_REGISTRY), then run the build again.`,
      exitCodes.unavailable,
    );
  }
}

/** Checks paths of the pinned commit out of the bundle. */
async function extract(
  bundle: string,
  paths: readonly string[],
  work: string,
  checkout: string,
): Promise<void> {
  const repository = `${work}/repository`;
  await Deno.mkdir(checkout);
  await git(["clone", "--quiet", "--bare", bundle, repository]);
  await git([
    `--git-dir=${repository}`,
    `--work-tree=${checkout}`,
    "-c",
    "core.autocrlf=false",
    "checkout",
    "--quiet",
    COMMIT,
    "--",
    ...paths,
  ]);
}

async function git(args: string[]): Promise<void> {
  // A build started by a git hook inherits variables that point git at the wrong repository.
  const env = Object.fromEntries(
    Object.entries(Deno.env.toObject()).filter(([name]) => !name.startsWith("GIT_")),
  );
  const { success, stderr } = await new Deno.Command("git", {
    args,
    env,
    clearEnv: true,
    stdin: "null",
  }).output();
  const text = new TextDecoder().decode(stderr).trim();
  if (!success && isAboutFullDisk(text)) {
    throw fullDisk("unpack ggml's source", cacheFolder() ?? ".");
  }
  if (!success) {
    throw new BuildError(
      `Cannot unpack ggml's source: git ${
        args.find((arg) => !arg.startsWith("-"))
      } failed:\n${text}`,
      exitCodes.environment,
    );
  }
}

async function writableFolder(candidates: (string | undefined)[]): Promise<string> {
  let failure: unknown;
  for (const folder of candidates) {
    if (folder === undefined) continue;
    try {
      // What is compiled is run: nobody else may have put it there.
      makePrivateFolder(folder);
      using _lock = await Deno.open(`${folder}/lock`, { create: true, write: true });
      return folder;
    } catch (error) {
      failure = error;
    }
  }
  throw new BuildError(
    `Cannot keep ggml's source: no folder can be written: ${failure}`,
    exitCodes.environment,
  );
}
