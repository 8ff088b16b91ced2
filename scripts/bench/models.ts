/**
 * The models to be measured. Their weights are random, which makes no difference to speed.
 *
 * @module
 */
import { GPT2, GPT2Config, Tokenizer } from "../../mod.ts";
import type { FileType } from "../../src/checkpoint/file_types.ts";
import { exists } from "../../src/base/files.ts";
import type { ModelFile } from "./program.ts";

/** The sizes by their names; `tiny` is there to try things out. */
export const configs: Readonly<Record<string, () => GPT2Config>> = {
  tiny: () => new GPT2Config({ embeddingDim: 64, numHeads: 4, numLayers: 2 }),
  small: () => GPT2Config.gpt2Small(),
  medium: () => GPT2Config.gpt2Medium(),
  large: () => GPT2Config.gpt2Large(),
  xl: () => GPT2Config.gpt2Xl(),
};

/** The Hugging Face folder is only made for sizes that a program needs it for. */
export interface ModelOptions {
  readonly withFolder: boolean;
}

/**
 * Makes the files of one size that are not there yet.
 *
 * @param cache where they are kept
 */
export async function ensureModels(
  size: string,
  types: readonly FileType[],
  cache: string,
  { withFolder }: ModelOptions,
  onProgress: (doing: string) => void,
): Promise<ModelFile[]> {
  const folder = `${cache}/models`;
  await Deno.mkdir(folder, { recursive: true });
  const files = types.map((type) => ({
    size,
    type,
    path: `${folder}/${size}-${type}.gguf`,
    folder: `${folder}/${size}`,
  }));
  const missing: typeof files = [];
  for (const file of files) if (!exists(file.path)) missing.push(file);
  const needsFolder = withFolder && !exists(`${folder}/${size}/model.safetensors`);
  if (missing.length === 0 && !needsFolder) return files;
  onProgress(`Making models of size ${size}`);
  using model = new GPT2(configs[size](), { tokenizer: await Tokenizer.gpt2() });
  for (const { path, type } of missing) await model.saveGguf(path, { type });
  if (needsFolder) await model.saveSafetensors(`${folder}/${size}`);
  return files;
}
