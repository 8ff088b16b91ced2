/**
 * Files that come inside an npm package.
 *
 * @module
 */
import { diskErrorCode } from "../base/describe.ts";
import { exists } from "../base/files.ts";
import { shorten } from "../base/shorten.ts";
import { childProblem } from "./child_problem.ts";

/** One version of a package. */
export interface NpmPackage {
  readonly name: string;
  readonly version: string;
  /** Of the tarball, as npm states it. */
  readonly integrity: string;
}

/**
 * Has Deno fetch a package into a cache of its own: so the user's `.npmrc`, proxies and certificates count, and npm need
 * not be installed. The lock file has it compare the hash of the tarball, and fetch no other package.
 *
 * @param work an empty folder, for the package and whatever else Deno keeps
 * @returns the folder of the package, in `work`
 * @throws {Error} that says what went wrong; with a `code` such as ENOSPC, where it was the disk
 */
export async function fetchNpmPackage(
  { name, version, integrity }: NpmPackage,
  work: string,
  signal?: AbortSignal,
): Promise<string> {
  const specifier = `npm:${name}@${version}`;
  const files = {
    "deno.json": JSON.stringify({ nodeModulesDir: "none" }),
    "deno.lock": JSON.stringify({
      version: "5",
      specifiers: { [specifier]: version },
      npm: { [`${name}@${version}`]: { integrity } },
    }),
    "main.ts": `import "${specifier}/package.json" with { type: "json" };\n`,
  };
  for (const [file, text] of Object.entries(files)) {
    await Deno.writeTextFile(`${work}/${file}`, text);
  }
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["cache", "--quiet", "--frozen", "main.ts"],
    cwd: work,
    env: { DENO_DIR: `${work}/deno`, NO_COLOR: "1" },
    stdin: "null",
    stdout: "null",
    stderr: "piped",
    signal,
  }).output();
  signal?.throwIfAborted();
  if (!success) throw problemIn(new TextDecoder().decode(stderr));
  const npmCache = `${work}/deno/npm`;
  // The first level is named after the registry.
  for await (const registry of Deno.readDir(npmCache)) {
    const folder = `${npmCache}/${registry.name}/${name}/${version}`;
    if (exists(folder)) return folder;
  }
  throw new Error(`the npm package ${name}@${version} did not arrive`);
}

const MAX_PROBLEM_LENGTH = 400;

/** What went wrong, without the lines that say where in Deno. */
export function problemIn(output: string): Error & { code?: string } {
  const text = childProblem(output);
  const code = diskErrorCode(text);
  return Object.assign(new Error(shorten(text, MAX_PROBLEM_LENGTH)), code && { code });
}
