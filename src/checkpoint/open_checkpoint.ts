/**
 * Opens whatever holds a GPT-2.
 *
 * @module
 */
import type { Checkpoint } from "./checkpoint.ts";
import { openGgufCheckpoint } from "./gguf/checkpoint.ts";

/**
 * Opens a Hugging Face folder or a GGUF file. Headers are read and checked, weights are not read yet.
 *
 * @throws {FileFormatError} if it is damaged, or holds another model
 * @throws {Deno.errors.NotFound} if there is no folder or regular file at `path`, or a file of the folder is missing
 */
export async function openCheckpoint(path: string): Promise<Checkpoint> {
  if (!isFolder(path)) return openGgufCheckpoint(path);
  // Loaded only now: most starts are from a GGUF file, and need none of it.
  const { openHuggingFaceCheckpoint } = await import("./hugging_face/checkpoint.ts");
  return openHuggingFaceCheckpoint(path);
}

function isFolder(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch (error) {
    // What it is instead, or that it is missing, is told by opening it as a file.
    if (error instanceof Deno.errors.NotCapable) throw error;
    return false;
  }
}
