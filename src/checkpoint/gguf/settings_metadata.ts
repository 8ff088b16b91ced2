/**
 * What comes with a model beside sizes, weights and vocabulary, in the metadata of a GGUF file.
 *
 * @module
 */
import { parseStrictJson } from "../../base/strict_json.ts";
import { formatError } from "../../base/describe.ts";
import {
  type GgufValue,
  type MetadataHolder,
  metadataNumber,
  metadataString,
} from "../../formats/gguf_value.ts";
import type { Tokenizer } from "../../tokenizer/tokenizer.ts";
import {
  MAX_SETTINGS_BYTES,
  type Settings,
  type SettingsFile,
  settingsFiles,
  type TokenRole,
} from "../settings.ts";
import { asStrictJson } from "../python_json.ts";
import { isToken, tokenOfRole } from "../token_roles.ts";

/** Tokens that end a text, as llama.cpp knows them: of a text, of a turn, of a message. */
const END_KEYS = [
  "tokenizer.ggml.eos_token_id",
  "tokenizer.ggml.eot_token_id",
  "tokenizer.ggml.eom_token_id",
];

/** All of them, where they are not exactly one. llama.cpp does not know this key. */
const END_LIST_KEY = "tokenizer.ggml.eos_token_ids";

/** Tokens for other things than ending a text, as llama.cpp knows them. */
const ROLE_KEYS: Readonly<Record<TokenRole, string>> = {
  bos: "tokenizer.ggml.bos_token_id",
  pad: "tokenizer.ggml.padding_token_id",
  unk: "tokenizer.ggml.unknown_token_id",
};
const ROLES = Object.keys(ROLE_KEYS) as TokenRole[];

/** Under which key the text of a file is kept. The chat template is where llama.cpp looks for it. */
const FILE_KEYS: Readonly<Record<SettingsFile, string>> = {
  "config.json": "huggingface.config",
  "generation_config.json": "huggingface.generation_config",
  "tokenizer_config.json": "huggingface.tokenizer_config",
  "special_tokens_map.json": "huggingface.special_tokens_map",
  "chat_template.jinja": "tokenizer.chat_template",
};

/** The entries for settings. */
export function settingsMetadata(
  settings: Settings,
  tokenizer: Tokenizer | undefined,
  vocabSize: number,
): [key: string, value: GgufValue][] {
  const { endOfTextIds, files } = settings;
  const end = tokenizer?.endOfTextId;
  const ends = endOfTextIds ?? (end === undefined ? [] : [end]);
  const entries: [string, GgufValue][] = [];
  for (const role of ROLES) {
    const id = tokenOfRole(role, settings, tokenizer, vocabSize);
    const value = role === "bos" ? tokenizer?.beginOfTextId ?? id ?? end : id;
    if (value !== undefined) entries.push([ROLE_KEYS[role], { type: "u32", value }]);
  }
  // Where nothing ends a text, the key below says so; the tokenizer's own is still the one that is between texts.
  const named = ends.length === 0 && end !== undefined ? [end] : ends;
  named.slice(0, END_KEYS.length).forEach((id, i) =>
    entries.push([END_KEYS[i], { type: "u32", value: id }])
  );
  if (endOfTextIds !== undefined && endOfTextIds.length !== 1) {
    entries.push([END_LIST_KEY, { type: "u32[]", value: Uint32Array.from(endOfTextIds) }]);
  }
  for (const [name, text] of files) {
    entries.push([FILE_KEYS[name], { type: "string", value: text }]);
  }
  return entries;
}

/**
 * The settings in a file.
 *
 * @throws {FileFormatError} if a value has another type, or is no JSON where it should be
 */
export function readSettingsMetadata(file: MetadataHolder, vocabSize: number): Settings {
  const files = new Map<SettingsFile, string>();
  for (const name of settingsFiles) {
    const text = metadataString(file, FILE_KEYS[name]);
    if (text === undefined) continue;
    requireSmall(file, FILE_KEYS[name], text);
    if (name.endsWith(".json")) {
      const json = name === "generation_config.json" ? asStrictJson(text) : text;
      requireJsonObject(file, FILE_KEYS[name], json);
    }
    files.set(name, text);
  }
  return {
    endOfTextIds: endOfTextIds(file)?.filter((id) => id < vocabSize),
    roleIds: roleIds(file, vocabSize),
    files,
  };
}

function roleIds(file: MetadataHolder, vocabSize: number): Map<TokenRole, number> {
  const ids = new Map<TokenRole, number>();
  for (const role of ROLES) {
    const id = metadataNumber(file, ROLE_KEYS[role]);
    if (id !== undefined && isToken(id, vocabSize)) ids.set(role, id);
  }
  return ids;
}

function requireSmall(file: MetadataHolder, key: string, text: string): void {
  const numBytes = new TextEncoder().encode(text).length;
  if (numBytes <= MAX_SETTINGS_BYTES) return;
  const what = `${key} is larger than ${MAX_SETTINGS_BYTES} bytes`;
  throw formatError("a GPT-2 model", file.path, what, numBytes);
}

function endOfTextIds(file: MetadataHolder): readonly number[] | undefined {
  const list = file.metadata.get(END_LIST_KEY);
  if (list?.type === "u32[]" || list?.type === "i32[]") return [...new Set(list.value)];
  const ids = END_KEYS.map((key) => metadataNumber(file, key)).filter((id) => id !== undefined);
  return ids.length === 0 ? undefined : [...new Set(ids)];
}

function requireJsonObject(file: MetadataHolder, key: string, text: string): void {
  try {
    if (parseStrictJson(text) instanceof Map) return;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw formatError("a GPT-2 model", file.path, `${key} is no JSON object`, text);
}
