/**
 * Writes `src/native_library/prebuilt/gpu_packages.ts`: which modules for GPUs there are for the prebuilt ggml of which
 * system, and the hash of each. Needs npm and tar, and downloads 0.7 GB.
 *
 *     deno run -A scripts/make_gpu_table.ts [folder with tarballs from `npm pack`]
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import { Buffer } from "node:buffer";
import { sha256 } from "../src/base/sha256.ts";
import { prebuiltPackages } from "../src/native_library/prebuilt/packages.ts";
import { partsOf } from "../src/native_library/prebuilt/parts.ts";

/** By system and kind of GPU, the packages that have a module for it, best first: of the same release as the prebuilt ggml. */
const PACKAGES: Record<string, Record<string, string[]>> = {
  "linux x86_64": {
    cuda: ["linux-x64-cuda@3.22.1", "linux-x64-cuda-ext@3.22.1"],
    vulkan: ["linux-x64-vulkan@3.22.1"],
  },
  "windows x86_64": {
    cuda: ["win-x64-cuda@3.21.1", "win-x64-cuda-ext@3.21.1"],
    vulkan: ["win-x64-vulkan@3.21.1"],
  },
  "darwin aarch64": { metal: ["mac-arm64-metal@3.21.1"] },
};

/** Libraries of a driver, or of what is installed with one, in the table of what a module needs. */
const NEEDED = new RegExp(
  "(?<![\\w.-])(libcuda\\.so\\.\\d+|libcudart\\.so\\.\\d+|libcublas\\.so\\.\\d+|libvulkan\\.so\\.\\d+|" +
    "nvcuda\\.dll|cudart64_\\d+\\.dll|cublas64_\\d+\\.dll|vulkan-1\\.dll)(?=\\0)",
  "gi",
);

const TARGET = new URL("../src/native_library/prebuilt/gpu_packages.ts", import.meta.url);

async function run(program: string, args: string[], cwd: string): Promise<string> {
  const command = new Deno.Command(program, { args, cwd, stderr: "inherit" });
  const { success, stdout } = await command.output();
  if (!success) throw new Error(`${program} ${args.join(" ")} failed`);
  return new TextDecoder().decode(stdout);
}

/** The tarball of a package in `folder`, fetched unless it is there; and what npm says its hash is. */
async function fetchTarball(specifier: string, folder: string) {
  const [name, version] = specifier.split("@");
  const file = `${folder}/node-llama-cpp-${name}-${version}.tgz`;
  const integrity = await run(
    "npm",
    ["view", `@node-llama-cpp/${specifier}`, "dist.integrity"],
    folder,
  );
  await Deno.stat(file).catch(() => run("npm", ["pack", `@node-llama-cpp/${specifier}`], folder));
  const bytes = await Deno.readFile(file);
  const hash = `sha512-${
    Buffer.from(await crypto.subtle.digest("SHA-512", bytes)).toString("base64")
  }`;
  if (hash !== integrity.trim()) throw new Error(`${file} is not what npm has: received ${hash}`);
  return { file, integrity: hash, downloadBytes: bytes.length };
}

async function describeModule(system: string, kind: string, specifier: string, folder: string) {
  const { file, integrity, downloadBytes } = await fetchTarball(specifier, folder);
  const unpacked = await Deno.makeTempDir({ dir: folder });
  try {
    await run("tar", ["xzf", file, "-C", unpacked], folder);
    const names = (await run("tar", ["tzf", file], folder)).split("\n");
    const module = names.find((name) => name.includes(`ggml-${kind}.`))!;
    const bytes = await Deno.readFile(`${unpacked}/${module}`);
    const base = names.find((name) => name.includes("ggml-base"));
    const { files } = prebuiltPackages[system];
    // A module of the same release fits only if the part that both use is the same, to the byte.
    if (base !== undefined) {
      const hash = await sha256(await Deno.readFile(`${unpacked}/${base}`));
      if (hash !== files[partsOf({ files }).base]) console.error(`${specifier}: another ggml-base`);
    }
    const text = new TextDecoder("latin1").decode(bytes);
    const needs = Array.from(text.matchAll(NEEDED), ([, name]) => name);
    const slash = module.lastIndexOf("/");
    let unpackedBytes = 0;
    for (const name of names.filter((name) => name !== "")) {
      unpackedBytes += (await Deno.stat(`${unpacked}/${name}`)).size;
    }
    return {
      name: `@node-llama-cpp/${specifier.split("@")[0]}`,
      version: specifier.split("@")[1],
      integrity,
      downloadBytes,
      unpackedBytes,
      folder: module.slice("package/".length, slash),
      file: module.slice(slash + 1),
      moduleBytes: bytes.length,
      sha256: await sha256(bytes),
      needs: [...new Set(needs)].sort(),
    };
  } finally {
    await Deno.remove(unpacked, { recursive: true });
  }
}

const [given] = Deno.args;
const folder = given ?? await Deno.makeTempDir();
try {
  const table: Record<string, Record<string, unknown[]>> = {};
  for (const [system, kinds] of Object.entries(PACKAGES)) {
    table[system] = {};
    for (const [kind, specifiers] of Object.entries(kinds)) {
      table[system][kind] = [];
      for (const specifier of specifiers) {
        table[system][kind].push(await describeModule(system, kind, specifier, folder));
      }
    }
  }
  await Deno.writeTextFile(
    TARGET,
    `/**
 * The modules with which the prebuilt ggml of each system computes on GPUs, from npm, and the SHA-256 of each. Written by
 * \`scripts/make_gpu_table.ts\`.
 *
 * @module
 */
import type { GpuKind } from "../device_name.ts";

/** An npm package that holds a module for one kind of GPU, of the same release as the prebuilt ggml. */
export interface GpuPackage {
  readonly name: string;
  readonly version: string;
  /** Of the tarball, as npm states it. */
  readonly integrity: string;
  /** The size of the tarball. */
  readonly downloadBytes: number;
  /** What its files take. */
  readonly unpackedBytes: number;
  /** Where in the package the module is. */
  readonly folder: string;
  /** The name of the module. */
  readonly file: string;
  /** Its size. */
  readonly moduleBytes: number;
  /** Of the module, in hexadecimal. */
  readonly sha256: string;
  /** The libraries that it needs of a driver, or of what is installed with one. */
  readonly needs: readonly string[];
}

/** By operating system and processor, and by kind of GPU: the packages, best first. */
export const gpuPackages: Readonly<
  Record<string, Readonly<Partial<Record<GpuKind, readonly GpuPackage[]>>>>
> = ${JSON.stringify(table)};
`,
  );
  await run(Deno.execPath(), ["fmt", "--quiet", fileURLToPath(TARGET)], folder);
} finally {
  if (given === undefined) await Deno.remove(folder, { recursive: true });
}
