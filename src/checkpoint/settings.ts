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

/** What comes with a model. */
export interface Settings {
  /** The ids of the tokens that end a text; undefined where nothing says so: then the tokenizer does. */
  readonly endOfTextIds?: readonly number[];
  /** The texts of the files that there are. JSON among them has been checked. */
  readonly files: ReadonlyMap<SettingsFile, string>;
}

/** The settings of a model that was not loaded. */
export const noSettings: Settings = { files: new Map() };
