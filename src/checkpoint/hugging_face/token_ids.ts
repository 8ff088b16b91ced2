/**
 * The tokens that end a text, as Hugging Face's configurations name them.
 *
 * @module
 */
import { isFile } from "../../base/files.ts";
import { openRegularFile } from "../../base/byte_source.ts";
import { formatError } from "../../base/describe.ts";
import { decodePythonJson } from "../python_json.ts";
import { MAX_SETTINGS_BYTES } from "../settings.ts";
import { ConfigKeys } from "./config_keys.ts";

const KEY = "eos_token_id";
/** More than any model has; a text is compared with all of them after each token. */
const MAX_IDS = 1000;

/**
 * The ids under a key: one, a list, or none (null, -1 or an empty list, which is not the same as an absent key).
 *
 * @returns undefined if the key is absent
 * @throws {FileFormatError} if it is something else
 */
export function readTokenIds(keys: ConfigKeys, key: string): readonly number[] | undefined {
  if (!keys.has(key)) return undefined;
  const value = keys.get(key) ?? [];
  const ids = Array.isArray(value) ? value : [value];
  for (const id of ids) {
    if (typeof id !== "number" || !Number.isInteger(id) || id < -1 || ids.length > MAX_IDS) {
      throw keys.error(`${key} must be the id of a token, or a list of at most ${MAX_IDS}`, value);
    }
  }
  return [...new Set((ids as number[]).filter((id) => id >= 0))];
}

/**
 * The ids of the tokens that end a text: those in `generation_config.json`, if there is one, even if it says nothing: then
 * there are none; or else those in `config.json`, as transformers has it. Ids beyond the vocabulary, as many small test models have, never occur, and are left out.
 *
 * @param folder the checkpoint
 * @param inConfig what its `config.json` says
 * @returns undefined if there is only `config.json`, and it does not say
 * @throws {FileFormatError} if `generation_config.json` is damaged
 */
export function readEndOfTextIds(
  folder: string,
  inConfig: readonly number[] | undefined,
  vocabSize: number,
): readonly number[] | undefined {
  const path = `${folder}/generation_config.json`;
  if (!isFile(path)) return inConfig?.filter((id) => id < vocabSize);
  using source = openRegularFile(path);
  if (source.size > MAX_SETTINGS_BYTES) {
    throw formatError("JSON", path, `it is larger than ${MAX_SETTINGS_BYTES} bytes`, source.size);
  }
  const generation = decodePythonJson(source, source.read(0, source.size));
  const ids = readTokenIds(new ConfigKeys(generation, path), KEY) ?? [];
  return ids.filter((id) => id < vocabSize);
}

/** As a configuration writes ids: one as a number, several as a list, none as null. */
export function oneOrList(ids: readonly number[]): number | readonly number[] | null {
  return ids.length > 1 ? ids : ids[0] ?? null;
}
