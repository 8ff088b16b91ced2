/**
 * The files of a Hugging Face folder that are kept with a model, to be written back.
 *
 * @module
 */
import { openRegularFile } from "../../base/byte_source.ts";
import { formatError } from "../../base/describe.ts";
import { isFile } from "../../base/files.ts";
import { decodePythonJson } from "../python_json.ts";
import { decodeJson } from "../../base/strict_json.ts";
import {
  MAX_SETTINGS_BYTES,
  type Settings,
  type SettingsFile,
  settingsFiles,
} from "../settings.ts";

const UTF8 = new TextDecoder("utf-8", { fatal: true });

/**
 * Reads the files that there are.
 *
 * @throws {FileFormatError} if one is too large, not UTF-8, or no JSON object where it should be
 */
export function readSettings(
  folder: string,
  endOfTextIds: readonly number[] | undefined,
): Settings {
  const names = settingsFiles.filter((name) => isFile(`${folder}/${name}`));
  const files = new Map(names.map((name) => [name, readSettingsFile(`${folder}/${name}`, name)]));
  return { endOfTextIds, files };
}

function readSettingsFile(path: string, name: SettingsFile): string {
  using source = openRegularFile(path);
  if (source.size > MAX_SETTINGS_BYTES) {
    throw formatError("text", path, `it is larger than ${MAX_SETTINGS_BYTES} bytes`, source.size);
  }
  const bytes = source.read(0, source.size);
  if (name.endsWith(".json")) {
    const value = name === "generation_config.json"
      ? decodePythonJson(source, bytes)
      : decodeJson("JSON", "the file", source, bytes);
    if (!(value instanceof Map)) throw formatError("JSON", path, "it is no object", value);
  }
  try {
    return UTF8.decode(bytes);
  } catch {
    throw formatError("text", path, "it is not valid UTF-8", bytes.length);
  }
}
