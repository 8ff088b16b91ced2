/**
 * Everything that decides what the build of the native library makes.
 *
 * @module
 */

import { sha256 } from "../src/base/sha256.ts";
import { sourceId } from "./native_source.ts";
import { compilerId, type NativeBackend } from "./native_tools.ts";

/** Instruction sets that a compiler told to build for "this CPU" may use; the rest of the list changes with the kernel. */
const X86_INSTRUCTION_SETS =
  /^(sse|ssse|avx|amx|fma|f16c|bmi|abm|popcnt|movbe|adx|gfni|vaes|vpclmul|sha)/;

/** Read by CMake and the compilers. */
const VARIABLES = ["CC", "CXX", "CUDACXX", "CFLAGS", "CXXFLAGS", "CUDAFLAGS", "LDFLAGS"];

/** The inputs by name, as texts to be compared with those in the stamp of the last build. */
export async function nativeInputs(
  nativeFolder: string,
  backend: NativeBackend,
  arch: string,
  level: string,
): Promise<Record<string, string>> {
  return {
    backend,
    arch,
    source: sourceId,
    "the files in native/": await hashFiles(nativeFolder),
    compiler: compilerId(backend) ?? "",
    environment: VARIABLES.map((name) => `${name}=${Deno.env.get(name) ?? ""}`).join(" "),
    // A library for a level is the same wherever it is built.
    ...(level === "" ? { CPU: await describeCpu() } : { level }),
  };
}

/** The names of the inputs that are not as they were. Where no compiler is left, the one used last counts as unchanged. */
export function changedInputs(
  before: Record<string, string>,
  now: Record<string, string>,
): string[] {
  return Object.keys(now).filter((name) =>
    now[name] !== before[name] && !(name === "compiler" && now[name] === "")
  );
}

async function hashFiles(folder: string): Promise<string> {
  const parts: BlobPart[] = [];
  for (const name of listFiles(folder)) {
    const bytes = Deno.readFileSync(`${folder}/${name}`);
    parts.push(`${name}\n${bytes.length}\n`, bytes);
  }
  return await sha256(await new Blob(parts).bytes());
}

/** The files of `native/` and of folders in it, without what builds leave in `native/build`. */
function listFiles(folder: string): string[] {
  return Array.from(Deno.readDirSync(folder)).flatMap(({ name, isFile, isDirectory }) =>
    isFile
      ? [name]
      : isDirectory && name !== "build"
      ? listFiles(`${folder}/${name}`).map((inner) => `${name}/${inner}`)
      : []
  ).sort();
}

async function describeCpu(): Promise<string> {
  switch (Deno.build.os) {
    case "linux": {
      const info = readFirstProcessor();
      const flags = info.match(/^(?:flags|Features)\s*:\s*(.*)$/m)?.[1].split(" ") ?? [];
      const relevant = Deno.build.arch === "x86_64"
        ? flags.filter((flag) => X86_INSTRUCTION_SETS.test(flag))
        : flags;
      return `${Deno.build.arch} ${relevant.sort().join(" ")}`;
    }
    case "darwin": {
      const { stdout } = await new Deno.Command("sysctl", {
        args: ["-n", "machdep.cpu.brand_string"],
      }).output();
      return `${Deno.build.arch} ${new TextDecoder().decode(stdout).trim()}`;
    }
    default:
      return `${Deno.build.arch} ${Deno.env.get("PROCESSOR_IDENTIFIER") ?? ""}`;
  }
}

/** The first paragraph of /proc/cpuinfo; the whole takes long on a machine with hundreds of processors. */
function readFirstProcessor(): string {
  using file = Deno.openSync("/proc/cpuinfo");
  const buffer = new Uint8Array(4096);
  const decoder = new TextDecoder();
  let text = "";
  while (!text.includes("\n\n")) {
    const numRead = file.readSync(buffer);
    if (numRead === null) break;
    text += decoder.decode(buffer.subarray(0, numRead), { stream: true });
  }
  return text.split("\n\n")[0];
}
