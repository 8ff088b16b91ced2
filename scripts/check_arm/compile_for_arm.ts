/**
 * Compiles the native library for Linux on ARM, elsewhere.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import { ensureGgmlSource } from "../native_source.ts";
import { hasNinja } from "../native_tools.ts";

/** What the names of the cross compiler's programs begin with, as Debian and Ubuntu have it. */
export const CROSS_COMPILER = "aarch64-linux-gnu-";

const nativeFolder = fileURLToPath(new URL("../../native", import.meta.url));

/** Compiles it for a level of instructions, in a folder, and returns its path. */
export async function compileForArm(level: string, work: string): Promise<string> {
  const folder = `${work}/${level}`;
  await cmake([
    ...["-S", nativeFolder, "-B", folder, ...(hasNinja() ? ["-G", "Ninja"] : [])],
    `-DGGML_SOURCE=${await ensureGgmlSource(work, () => {})}`,
    `-DGPT2_CPU_LEVEL=${level}`,
    "-DCMAKE_BUILD_TYPE=Release",
    "-DCMAKE_SYSTEM_NAME=Linux",
    "-DCMAKE_SYSTEM_PROCESSOR=aarch64",
    `-DCMAKE_C_COMPILER=${CROSS_COMPILER}gcc`,
    `-DCMAKE_CXX_COMPILER=${CROSS_COMPILER}g++`,
  ]);
  const threads = String(navigator.hardwareConcurrency);
  await cmake(["--build", folder, "--target", "gpt2", "--parallel", threads]);
  return `${folder}/out/libgpt2.so`;
}

async function cmake(args: string[]): Promise<void> {
  const { success, stdout, stderr } = await new Deno.Command("cmake", { args }).output();
  if (success) return;
  const decoder = new TextDecoder();
  throw new Error(
    `cmake ${args.join(" ")} failed:\n${decoder.decode(stdout)}${decoder.decode(stderr)}`,
  );
}
