/**
 * Saves tokenizers as folders that Hugging Face transformers and tokenizers load.
 *
 * @module
 */
import { writeFileAtomically } from "../../base/atomic_file.ts";
import type { Tokenizer } from "../../tokenizer/tokenizer.ts";
import { noSettings } from "../settings.ts";
import { CreatedFolder } from "../../base/created_folder.ts";
import { tokenizerTexts } from "./settings_texts.ts";

/**
 * Writes `tokenizer.json`, `vocab.json`, `merges.txt` and `tokenizer_config.json` into a folder, which is made where there is
 * none. Files of these names are replaced.
 *
 * @throws {Deno.errors.AlreadyExists} if there is a file of the folder's name
 * @throws {StorageError} if the folder cannot be written
 */
export async function saveTokenizer(tokenizer: Tokenizer, folder: string): Promise<void> {
  using created = await CreatedFolder.at(folder);
  for (const [name, text] of tokenizerTexts(tokenizer, noSettings)) {
    const bytes = new TextEncoder().encode(text);
    await writeFileAtomically(`${folder}/${name}`, bytes.length, [bytes]);
  }
  created.keep();
}
