/**
 * Compiles the native library for another system.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import { ensureGgmlSource } from "../native_source.ts";
import { hasNinja } from "../native_tools.ts";

/** What a library is compiled for. */
export interface CompileTarget {
  /** As CMake names the system and its processor. */
  readonly system: "Linux" | "Windows";
  readonly processor: "aarch64" | "x86_64";
  readonly cCompiler: string;
  readonly cppCompiler: string;
  /** Of the library. */
  readonly fileName: string;
}

const nativeFolder = fileURLToPath(new URL("../../native", import.meta.url));

/** Compiles it for a level of instructions, in a folder, and returns its path. */
export async function compileLibrary(
  { system, processor, cCompiler, cppCompiler, fileName }: CompileTarget,
  level: string,
  work: string,
): Promise<string> {
  const folder = `${work}/${level}`;
  await cmake([
    ...["-S", nativeFolder, "-B", folder, ...(hasNinja() ? ["-G", "Ninja"] : [])],
    `-DGGML_SOURCE=${await ensureGgmlSource(work, () => {})}`,
    `-DGPT2_CPU_LEVEL=${level}`,
    "-DCMAKE_BUILD_TYPE=Release",
    `-DCMAKE_SYSTEM_NAME=${system}`,
    `-DCMAKE_SYSTEM_PROCESSOR=${processor}`,
    `-DCMAKE_C_COMPILER=${cCompiler}`,
    `-DCMAKE_CXX_COMPILER=${cppCompiler}`,
  ]);
  const threads = String(navigator.hardwareConcurrency);
  await cmake(["--build", folder, "--target", "gpt2", "--parallel", threads]);
  return `${folder}/out/${fileName}`;
}

async function cmake(args: string[]): Promise<void> {
  const { success, stdout, stderr } = await new Deno.Command("cmake", { args }).output();
  if (success) return;
  const decoder = new TextDecoder();
  throw new Error(
    `cmake ${args.join(" ")} failed:\n${decoder.decode(stdout)}${decoder.decode(stderr)}`,
  );
}
