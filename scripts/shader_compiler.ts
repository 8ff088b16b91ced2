/**
 * Whether the shader compiler understands what ggml's shaders for Vulkan are written in.
 *
 * @module
 */
import { BuildError, exitCodes } from "./build_error.ts";

/** Every compiler that knows this extension knows all that is required; ggml asks for the rest before it uses it. */
const SHADER = `#version 450
#extension GL_KHR_cooperative_matrix : require
void main() {}
`;

/**
 * Requires a `glslc` that is new enough. ggml would find out only after minutes, and not say so.
 *
 * @throws {BuildError} that says which there is, and where newer ones are
 */
export async function requireShaderCompiler(): Promise<void> {
  const args = ["-fshader-stage=compute", "--target-env=vulkan1.3", "-o", "-", "-"];
  const child = new Deno.Command("glslc", { args, stdin: "piped", stdout: "null", stderr: "piped" })
    .spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(SHADER)).then(() => writer.close()).catch(() => {});
  const { success, stderr } = await child.output();
  if (success) return;
  const version = await readVersion() || "no version";
  throw new BuildError(
    "Cannot build the native library for vulkan: glslc is too old, or does not work: received " +
      `${version}: ${new TextDecoder().decode(stderr).trim().slice(0, 300)}\n` +
      "It takes shaderc 2023.8 or newer, Vulkan headers 1.4 and SPIRV-Headers: the Vulkan SDK has all of them, and so has " +
      "Debian 13 (glslc libvulkan-dev spirv-headers).",
    exitCodes.environment,
  );
}

async function readVersion(): Promise<string> {
  const { stdout } = await new Deno.Command("glslc", { args: ["--version"] }).output();
  return new TextDecoder().decode(stdout).split("\n")[0];
}
