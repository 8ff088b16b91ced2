/**
 * What a folder has of the model that was in it before another one is saved there.
 *
 * @module
 */
import { namesIn } from "../../base/files.ts";
import { removeIfAny } from "../../base/remove.ts";
import { SAFETENSORS_INDEX_NAME } from "../../formats/safetensors_index.ts";
import { settingsFiles } from "../settings.ts";
import { TOKENIZER_FILES } from "./tokenizer.ts";

/** Files that would count for the new model as well: what it does not have itself must not be there. */
const READ_TOGETHER: readonly string[] = [
  SAFETENSORS_INDEX_NAME,
  ...Object.values(TOKENIZER_FILES),
  ...settingsFiles,
];

/** As Hugging Face transformers names the parts of large models. */
const SHARD = /^model-\d{5}-of-\d{5}\.safetensors$/;

/**
 * Removes the files of a former model that are read together with others, and parts of its weights. Nothing else: what is
 * in formats that nobody reads beside safetensors stays, and so does whatever the user has put there.
 *
 * @param written the files of the new model
 * @throws {StorageError} if the system refuses
 */
export async function removeFormerFiles(folder: string, written: Iterable<string>): Promise<void> {
  const kept = new Set(written);
  for (const name of namesIn(folder)) {
    const isFormer = READ_TOGETHER.includes(name) || SHARD.test(name);
    if (isFormer && !kept.has(name)) await removeIfAny(`${folder}/${name}`);
  }
}
