/**
 * Writes `src/native_library/prebuilt/packages.ts`: which prebuilt ggml there is for which system, and the hash of every file of it
 * that is loaded. Needs npm and tar.
 *
 *     deno run -A scripts/make_prebuilt_table.ts
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import { sha256 } from "../src/base/sha256.ts";

/** By `Deno.build.os` and `Deno.build.arch`, the package for it: the newest version that there is for the system. */
const PACKAGES: Record<string, string> = {
  "linux x86_64": "linux-x64@3.22.1",
  "linux aarch64": "linux-arm64@3.22.1",
  "darwin x86_64": "mac-x64@3.21.1",
  "darwin aarch64": "mac-arm64-metal@3.21.1",
  "windows x86_64": "win-x64@3.21.1",
  "windows aarch64": "win-arm64@3.21.1",
};

const TARGET = new URL("../src/native_library/prebuilt/packages.ts", import.meta.url);

async function run(program: string, args: string[], cwd: string): Promise<string> {
  const command = new Deno.Command(program, { args, cwd, stderr: "inherit" });
  const { success, stdout } = await command.output();
  if (!success) throw new Error(`${program} ${args.join(" ")} failed`);
  return new TextDecoder().decode(stdout);
}

async function describePackage(specifier: string, folder: string) {
  const name = `@node-llama-cpp/${specifier}`;
  const [packed] = JSON.parse(await run("npm", ["pack", "--json", name], folder));
  await run("tar", ["xzf", packed.filename], folder);
  const bins = `bins/${specifier.split("@")[0]}`;
  const files: Record<string, string> = {};
  const names = Array.from(Deno.readDirSync(`${folder}/package/${bins}`), ({ name }) => name);
  let ggmlVersion: string | undefined;
  for (const file of names.sort()) {
    // libggml-base.so, libggml.v0.5.0.so and libggml-cpu-haswell.so, or ggml-base.dll and so on.
    if (!/^(lib)?ggml(-base|-cpu.*|\..*)\.(so|dylib|dll)$/.test(file)) continue;
    const bytes = await Deno.readFile(`${folder}/package/${bins}/${file}`);
    files[file] = await sha256(bytes);
    if (file.includes("ggml-base")) {
      const text = new TextDecoder("latin1").decode(bytes);
      ggmlVersion = text.match(/\0(\d+\.\d+\.\d+)\0/)?.[1];
    }
  }
  await Deno.remove(`${folder}/package`, { recursive: true });
  return {
    name: name.slice(0, name.lastIndexOf("@")),
    version: packed.version,
    integrity: packed.integrity,
    downloadBytes: packed.size,
    unpackedBytes: packed.unpackedSize,
    ggmlVersion,
    folder: bins,
    files,
  };
}

const folder = await Deno.makeTempDir();
try {
  const table: Record<string, unknown> = {};
  for (const [platform, specifier] of Object.entries(PACKAGES)) {
    table[platform] = await describePackage(specifier, folder);
  }
  await Deno.writeTextFile(
    TARGET,
    `/**
 * The prebuilt ggml for each system, from npm, and the SHA-256 of every file of it that may be loaded. Written by
 * \`scripts/make_prebuilt_table.ts\`.
 *
 * @module
 */

/** An npm package that holds ggml as shared libraries: \`ggml-base\`, \`ggml\`, and \`ggml-cpu\` for several instruction sets. */
export interface PrebuiltPackage {
  readonly name: string;
  readonly version: string;
  /** Of the tarball, as npm states it. */
  readonly integrity: string;
  /** The size of the tarball. */
  readonly downloadBytes: number;
  /** What its files take. */
  readonly unpackedBytes: number;
  readonly ggmlVersion: string;
  /** Where in the package the files are. */
  readonly folder: string;
  /** The SHA-256 of each, in hexadecimal. */
  readonly files: Readonly<Record<string, string>>;
}

/** By operating system and processor: \`linux x86_64\`. */
export const prebuiltPackages: Readonly<Record<string, PrebuiltPackage>> = ${JSON.stringify(table)};
`,
  );
  await run(Deno.execPath(), ["fmt", "--quiet", fileURLToPath(TARGET)], folder);
} finally {
  await Deno.remove(folder, { recursive: true });
}
