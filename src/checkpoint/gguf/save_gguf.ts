/**
 * Saves models as GGUF files.
 *
 * @module
 */
import type { WriteOptions } from "../../base/atomic_file.ts";
import type { Model } from "../../model/model.ts";
import type { Tokenizer } from "../../tokenizer/tokenizer.ts";
import type { FileType } from "../file_types.ts";
import { ggufMetadata } from "./metadata.ts";
import { ModelWeights } from "../model_weights.ts";
import { descriptionOf } from "../origin.ts";
import { writeGgufModel } from "./write_gguf_model.ts";

/** Options of {@linkcode saveGguf}. */
export interface SaveGgufOptions extends WriteOptions {
  /** The type of the file. Default: each weight as it is in memory. */
  type?: FileType;
}

/**
 * Writes a model into a GGUF file, which llama.cpp loads too if there is a tokenizer. A file that is there is replaced.
 *
 * @throws {RangeError} if a value is too large for the type
 * @throws {StorageError} if the file cannot be written; what was there before is as it was
 */
export async function saveGguf(
  model: Model,
  tokenizer: Tokenizer | undefined,
  path: string,
  options: SaveGgufOptions = {},
): Promise<void> {
  using weights = new ModelWeights(model);
  const { config, tied } = weights;
  const { name, settings } = descriptionOf(model);
  const metadata = ggufMetadata({ name, config, tokenizer, tied, settings });
  await writeGgufModel(path, weights, metadata, options.type, options);
}
