/**
 * Writes models into which adapters are merged.
 *
 * @module
 */
import { quotePath } from "../../base/describe.ts";
import { isTaken } from "../../base/files.ts";
import type { GgufValue } from "../../formats/gguf_value.ts";
import type { Checkpoint } from "../checkpoint.ts";
import { convertOpenCheckpoint, type ConvertOptions } from "../convert.ts";
import { fileTypeOf } from "../gguf/save_gguf.ts";
import { writeSafetensorsFolder } from "../hugging_face/save_safetensors.ts";
import { type AdapterToMerge, MergedWeights } from "./merged_weights.ts";

/**
 * Writes a model whose weights are those of a checkpoint with adapters added, in F32 and a few rows at a time: a file that
 * llama.cpp loads where the path ends in `.gguf`, otherwise a folder in F32 that transformers loads.
 *
 * @param options see {@linkcode ConvertOptions}. Default of `type`, which only a GGUF file has: that of the checkpoint, or
 * `"f32"` if it has several
 * @returns the metadata of a GGUF file, but for its type; nothing of a folder
 * @throws {InvalidArgumentError} if an adapter was made for a model of another size
 * @throws {Deno.errors.AlreadyExists} if the target is there already, and may not be replaced or is the source itself
 * @throws {FileFormatError} if a weight holds an infinity or NaN
 * @throws {StorageError} if the target cannot be written
 */
export async function mergeCheckpoint(
  checkpoint: Checkpoint,
  adapters: readonly AdapterToMerge[],
  targetPath: string,
  options: ConvertOptions = {},
): Promise<ReadonlyMap<string, GgufValue> | undefined> {
  const weights = new MergedWeights(checkpoint, adapters);
  if (targetPath.endsWith(".gguf")) {
    const type = options.type ?? fileTypeOf(checkpoint) ?? "f32";
    return await convertOpenCheckpoint(checkpoint, targetPath, { ...options, type }, weights);
  }
  const { overwrite = false, onNotice, onProgress, signal } = options;
  if (isTaken(targetPath) && !overwrite) {
    throw new Deno.errors.AlreadyExists(
      `Cannot write ${
        quotePath(targetPath)
      }: it exists already. Set overwrite to replace the model ` +
        "in it, or choose another name.",
    );
  }
  if (isTaken(targetPath) && Deno.realPathSync(targetPath) === Deno.realPathSync(checkpoint.path)) {
    throw new Deno.errors.AlreadyExists(
      `Cannot write ${quotePath(targetPath)}: it is the model to merge into: received ` +
        `${quotePath(checkpoint.path)}. Choose another name.`,
    );
  }
  for (const text of checkpoint.notices) onNotice?.(text);
  const tokenizer = await checkpoint.readTokenizer();
  const { settings } = checkpoint;
  const about = { tokenizer, settings };
  await writeSafetensorsFolder(weights, about, targetPath, { onProgress, signal });
  return undefined;
}
