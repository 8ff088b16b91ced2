/**
 * Opens the native library in a process of its own, and in each of the two ways.
 *
 * @module
 */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { pathToFileURL } from "node:url";
import { abiVersion } from "../../src/ffi/gpt2_native.ts";
import type { LibraryVerdict } from "../../src/native_library/native_library.ts";
import { libraryFileName, readStamp, stampPathOf } from "../../src/native_library/build_stamp.ts";

/** The root of the repository. */
export const root = Deno.realPathSync(`${import.meta.dirname}/../..`);

/** The library that the tests themselves use. */
export const built = `${root}/native/build/${libraryFileName()}`;

/** Opens the library in each of the two ways; writes what came of it. */
const PROGRAM = `
const texts = [];
for (const open of [() => openLibrary({ onProgress: ({ text }) => texts.push(text) }), openLibrarySync]) {
  let result;
  try {
    result = String((await open()).gpt2_abi_version());
  } catch (error) {
    result = error.name + ": " + error.message;
  }
  console.log(JSON.stringify({ result, verdicts: libraryVerdicts(), texts }));
}`;

/** What to open, and how. */
export interface Trial {
  /** GPT2_NATIVE_LIBRARY. */
  path?: string;
  /** The permissions; all of them by default. */
  permissions?: string[];
  /** Where the cache folder is. */
  cache: string;
  /** What holds src/ffi: a folder or an address. By default the repository. */
  clone?: string;
  /** Further variables. By default nothing may be downloaded. */
  env?: Record<string, string>;
}

/** What one way of opening led to. */
export interface Outcome {
  /** The ABI version, or the error. */
  result: string;
  verdicts: LibraryVerdict[];
  /** What was told meanwhile. */
  texts: string[];
}

/** What each of the two ways of opening led to: `openLibrary()`, then `openLibrarySync()`. The process itself must never fail. */
export async function tryToOpen(
  { path, permissions = ["-A"], cache, clone = root, env }: Trial,
): Promise<Outcome[]> {
  const program = `${cache}/program.ts`;
  const source = "src/native_library/native_library.ts";
  const module = clone.startsWith("http")
    ? `${clone}/${source}`
    : pathToFileURL(`${clone}/${source}`);
  const names = "libraryVerdicts, openLibrary, openLibrarySync";
  await Deno.writeTextFile(
    program,
    `import { ${names} } from ${JSON.stringify(module)};${PROGRAM}`,
  );
  const { code, signal, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-config", "--no-prompt", "--quiet", ...permissions, program],
    env: {
      XDG_CACHE_HOME: cache,
      HOME: cache,
      LOCALAPPDATA: cache,
      // The cache of this process: what is in it already is not fetched again.
      DENO_DIR: Deno.env.get("DENO_DIR") ?? denoDir,
      NO_COLOR: "1",
      HF_HUB_OFFLINE: "1",
      ...(path === undefined ? {} : { GPT2_NATIVE_LIBRARY: path }),
      ...env,
    },
  }).output();
  assertEquals({ code, signal, stderr: new TextDecoder().decode(stderr) }, {
    code: 0,
    signal: null,
    stderr: "",
  });
  const lines = new TextDecoder().decode(stdout).trim().split("\n");
  assertEquals(lines.length, 2);
  return lines.map((line) => JSON.parse(line));
}

const denoDir = await readDenoDir();

async function readDenoDir(): Promise<string> {
  const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["info", "--json"] }).output();
  return JSON.parse(new TextDecoder().decode(stdout)).denoDir;
}

/** The library is refused in both ways, with an error that has all the parts. */
export async function assertRefused(trial: Trial, ...parts: string[]): Promise<void> {
  for (const { result } of await tryToOpen(trial)) {
    assertStringIncludes(result, "NativeLibraryError: Cannot open the native library");
    for (const part of parts) assertStringIncludes(result, part);
  }
}

/** The library is opened in both ways; returns what the first led to. */
export async function assertOpens(trial: Trial): Promise<Outcome> {
  const outcomes = await tryToOpen(trial);
  assertEquals(outcomes.map(({ result }) => result), [String(abiVersion), String(abiVersion)]);
  return outcomes[0];
}

/** A temporary folder for a copy of the library and for the cache. */
export class Sandbox implements Disposable {
  readonly folder: string = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "gpt2-library-" }));
  readonly path: string = `${this.folder}/${libraryFileName()}`;

  /** Writes a library, by default a copy of the real one. */
  write(change: (bytes: Uint8Array<ArrayBuffer>) => Uint8Array = (bytes) => bytes): this {
    Deno.writeFileSync(this.path, change(Deno.readFileSync(built)));
    return this;
  }

  /** Writes the stamp of the real library beside it, with some fields changed. */
  stamp(changes: Record<string, unknown> = {}): this {
    const stamp = { ...readStamp(built), ...changes };
    Deno.writeTextFileSync(stampPathOf(this.path), JSON.stringify(stamp));
    return this;
  }

  /** Copies the modules that open a library, without a build; returns the folder. */
  clone(): string {
    const clone = `${this.folder}/clone`;
    for (const folder of ["src/base", "src/ffi", "src/native_library"]) {
      copyFolder(`${root}/${folder}`, `${clone}/${folder}`);
    }
    Deno.copyFileSync(`${root}/deno.json`, `${clone}/deno.json`);
    return clone;
  }

  /** Puts the library and its stamp, written before, where `folder` is. */
  moveTo(folder: string): this {
    Deno.mkdirSync(folder, { recursive: true });
    for (const path of [this.path, stampPathOf(this.path)]) {
      Deno.renameSync(path, folder + path.slice(this.folder.length));
    }
    return this;
  }

  trial(permissions?: string[]): Trial {
    return { path: this.path, permissions, cache: this.folder };
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.folder, { recursive: true });
  }
}

/** Copies a folder with all that is in it. */
export function copyFolder(source: string, target: string): void {
  Deno.mkdirSync(target, { recursive: true });
  for (const { name, isDirectory } of Deno.readDirSync(source)) {
    if (isDirectory) copyFolder(`${source}/${name}`, `${target}/${name}`);
    else Deno.copyFileSync(`${source}/${name}`, `${target}/${name}`);
  }
}
