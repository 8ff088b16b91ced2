/**
 * Gets the prebuilt ggml of this system from npm into this package's cache.
 *
 * @module
 */
import { exists } from "../base/files.ts";
import { sha256 } from "../base/sha256.ts";
import {
  cachedPrebuilt,
  PREBUILT_NOTE,
  prebuiltFolderIn,
  type PrebuiltNote,
  requireLibrariesFolder,
} from "./cached_libraries.ts";
import type { LibraryCandidate } from "./library_candidates.ts";
import {
  checkOnline,
  type PrepareLibraryOptions,
  runDeno,
  withWorkFolder,
} from "./obtain_library.ts";
import { type PrebuiltPackage, prebuiltPackages } from "./prebuilt_files.ts";

/**
 * Fetches the package, compares every file with its hash, and keeps those that are needed.
 *
 * @returns the candidates in it, best first
 * @throws {Error} that says why there are none
 */
export async function fetchPrebuilt(options: PrepareLibraryOptions): Promise<LibraryCandidate[]> {
  const system = `${Deno.build.os} ${Deno.build.arch}`;
  const prebuilt = prebuiltPackages[system];
  if (prebuilt === undefined) throw new Error(`there is none for ${system}`);
  const parent = requireLibrariesFolder();
  const target = prebuiltFolderIn(parent);
  if (await isIntact(target, prebuilt)) {
    throw new Error("it was fetched before, and cannot be used here");
  }
  checkOnline();
  const size = `${(prebuilt.downloadBytes / 1e6).toFixed(1)} MB`;
  const text = `Fetching the prebuilt ggml for ${system} (${size}, npm) ...`;
  options.onProgress?.({ step: "library", text });
  await withWorkFolder(parent, async (work) => {
    await fetchPackage(prebuilt, work, options.signal);
    const source = await findPackage(`${work}/deno/npm`, prebuilt);
    const checked = `${work}/checked`;
    await Deno.mkdir(checked);
    for (const [file, expected] of Object.entries(prebuilt.files)) {
      if (await sha256Of(`${source}/${file}`) !== expected) {
        throw new Error(`${file} of ${nameOf(prebuilt)} is not the file that was published`);
      }
      await Deno.rename(`${source}/${file}`, `${checked}/${file}`);
    }
    const note: PrebuiltNote = { files: prebuilt.files };
    await Deno.writeTextFile(`${checked}/${PREBUILT_NOTE}`, JSON.stringify(note));
    await replaceFolder(target, checked, `${work}/replaced`);
  });
  return cachedPrebuilt();
}

function nameOf({ name, version }: PrebuiltPackage): string {
  return `${name}@${version}`;
}

/** Whether all files are there, as they were published: then what is wrong is not cured by fetching them again. */
async function isIntact(folder: string, { files }: PrebuiltPackage): Promise<boolean> {
  const isSame = Object.entries(files).map(([file, expected]) =>
    sha256Of(`${folder}/${file}`).then((actual) => actual === expected, () => false)
  );
  return (await Promise.all(isSame)).every(Boolean);
}

async function sha256Of(path: string): Promise<string> {
  return await sha256(await Deno.readFile(path));
}

/**
 * Has Deno fetch the package into a cache of its own: so the user's `.npmrc`, proxies and certificates count, and npm
 * need not be installed. The lock file has it compare the hash of the tarball, and fetch no other package.
 */
async function fetchPackage(
  prebuilt: PrebuiltPackage,
  work: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const specifier = `npm:${nameOf(prebuilt)}`;
  const files = {
    "deno.json": { nodeModulesDir: "none" },
    "deno.lock": {
      version: "5",
      specifiers: { [specifier]: prebuilt.version },
      npm: { [nameOf(prebuilt)]: { integrity: prebuilt.integrity } },
    },
  };
  for (const [file, content] of Object.entries(files)) {
    await Deno.writeTextFile(`${work}/${file}`, JSON.stringify(content));
  }
  await Deno.writeTextFile(
    `${work}/main.ts`,
    `import "${specifier}/package.json" with { type: "json" };\n`,
  );
  await runDeno(["cache", "--quiet", "--frozen", "main.ts"], {
    cwd: work,
    env: { DENO_DIR: `${work}/deno` },
    signal,
  });
}

/** The folder of the libraries in Deno's npm cache, whose first level is named after the registry. */
async function findPackage(npmCache: string, prebuilt: PrebuiltPackage): Promise<string> {
  const { name, version, folder } = prebuilt;
  for await (const registry of Deno.readDir(npmCache)) {
    const path = `${npmCache}/${registry.name}/${name}/${version}/${folder}`;
    if (exists(path)) return path;
  }
  throw new Error(`the npm package ${nameOf(prebuilt)} did not arrive`);
}

/** Puts `folder` where `target` is. What was there, damaged perhaps, goes to `replaced`. */
async function replaceFolder(target: string, folder: string, replaced: string): Promise<void> {
  await Deno.rename(target, replaced).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
  await Deno.rename(folder, target);
}
