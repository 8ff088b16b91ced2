/**
 * Which token has which role.
 *
 * @module
 */
import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import type { Settings, SettingsFile, TokenRole } from "./settings.ts";

/**
 * The token that has a role: the one that the file gives by its id, or else the one that the tokenizer's files name, or else
 * the one in `config.json`: the order in which llama.cpp's converter looks for it.
 *
 * @param vocabSize the number of tokens: others never occur
 */
export function tokenOfRole(
  role: TokenRole,
  { roleIds, files }: Settings,
  tokenizer: Tokenizer | undefined,
  vocabSize: number,
): number | undefined {
  const read = (name: SettingsFile): Record<string, unknown> => JSON.parse(files.get(name) ?? "{}");
  const id = roleIds?.get(role);
  if (id !== undefined) return id;
  const key = `${role}_token`;
  const named = { ...read("special_tokens_map.json"), ...read("tokenizer_config.json") }[key];
  const inTokenizer = tokenizer?.specialTokens.get(contentOf(named) ?? "");
  if (inTokenizer !== undefined) return inTokenizer;
  const inConfig = read("config.json")[`${key}_id`];
  return typeof inConfig === "number" && isToken(inConfig, vocabSize) ? inConfig : undefined;
}

/** Whether a number is the id of a token. */
export function isToken(id: number, vocabSize: number): boolean {
  return Number.isInteger(id) && id >= 0 && id < vocabSize;
}

/** The text of a token that a file names: by its text, or by an object with it. */
function contentOf(token: unknown): string | undefined {
  if (typeof token === "string") return token;
  const content = (token as { content?: unknown } | null | undefined)?.content;
  return typeof content === "string" ? content : undefined;
}
