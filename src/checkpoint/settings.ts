/**
 * What a checkpoint says beside sizes, weights and vocabulary: kept with the model, and written back when it is saved.
 *
 * @module
 */

/** Files of a Hugging Face folder of which this package uses a part; the rest of them is for others. */
export const settingsFiles = [
  "config.json",
  "generation_config.json",
  "tokenizer_config.json",
  "special_tokens_map.json",
  "chat_template.jinja",
] as const;

/** One of them. */
export type SettingsFile = typeof settingsFiles[number];

/** The largest of these files that is kept, in a folder or in a GGUF file. */
export const MAX_SETTINGS_BYTES: number = 2 ** 24;

/** What a token may be for beside ending a text: to begin it, to fill it up, to stand for what is not known. */
export type TokenRole = "bos" | "pad" | "unk";

/** What comes with a model. */
export interface Settings {
  /** The ids of the tokens that end a text; undefined where nothing says so: then the tokenizer does. */
  readonly endOfTextIds?: readonly number[];
  /** The tokens that have another role, where the model comes from a file that gives their ids. */
  readonly roleIds?: ReadonlyMap<TokenRole, number>;
  /** The texts of the files that there are. JSON among them has been checked. */
  readonly files: ReadonlyMap<SettingsFile, string>;
}

/** The settings of a model that was not loaded. */
export const noSettings: Settings = { files: new Map() };
