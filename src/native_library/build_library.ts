/**
 * Builds the native library from source into this package's cache, for a package that was loaded from the web, or a
 * folder in which nothing was built.
 *
 * @module
 */
import { builtFolderIn, cachedBuild, requireLibrariesFolder } from "./cached_libraries.ts";
import type { LibraryCandidate } from "./library_candidates.ts";
import { libraryFileName, stampPathOf } from "./library_stamp.ts";
import { nativeFiles } from "./native_files.ts";
import {
  checkOnline,
  type PrepareLibraryOptions,
  runDeno,
  withWorkFolder,
} from "./obtain_library.ts";

const BUILD_SCRIPT = new URL("../../scripts/build.ts", import.meta.url);
const NATIVE_FOLDER = new URL("../../native/", import.meta.url);

/** What has to be on PATH. On Windows, CMake finds the compiler by itself. */
const TOOLS = Deno.build.os === "windows" ? ["git", "cmake"] : ["git", "cmake", "c++"];

/**
 * Builds the library, if the tools for it are there.
 *
 * @returns the candidate
 * @throws {Error} that says why there is none
 */
export async function buildLibrary(options: PrepareLibraryOptions): Promise<LibraryCandidate[]> {
  const parent = requireLibrariesFolder();
  const missing = await findMissing(TOOLS);
  if (missing.length > 0) throw new Error(`not on PATH: ${missing.join(", ")}`);
  checkOnline();
  const text = "Building the native library (once, about 30 s) ...";
  options.onProgress?.({ step: "library", text });
  await withWorkFolder(parent, async (work) => {
    const native = `${work}/native`;
    await Deno.mkdir(native);
    for (const name of nativeFiles) {
      await Deno.writeFile(`${native}/${name}`, await read(new URL(name, NATIVE_FOLDER)));
    }
    const output = `${work}/output`;
    const script = ["run", "--allow-all", "--no-config", "--no-lock", BUILD_SCRIPT.href];
    await runDeno([...script, "--native", native, "--output", output], {
      cwd: work,
      signal: options.signal,
    });
    const target = builtFolderIn(parent);
    await Deno.mkdir(target, { recursive: true });
    const built = `${output}/${libraryFileName()}`;
    const path = `${target}/${libraryFileName()}`;
    await Deno.rename(built, path);
    await Deno.rename(stampPathOf(built), stampPathOf(path));
  });
  return cachedBuild();
}

async function findMissing(tools: readonly string[]): Promise<string[]> {
  const missing: string[] = [];
  for (const tool of tools) {
    const command = new Deno.Command(tool, { args: ["--version"], stdout: "null", stderr: "null" });
    try {
      await command.output();
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      missing.push(tool);
    }
  }
  return missing;
}

async function read(url: URL): Promise<Uint8Array> {
  if (url.protocol === "file:") return await Deno.readFile(url);
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url} answers ${response.status}`);
  return await response.bytes();
}
