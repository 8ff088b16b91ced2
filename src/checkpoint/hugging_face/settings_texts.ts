/**
 * The files beside the weights in a Hugging Face folder that is written.
 *
 * @module
 */
import type { GPT2Config } from "../../model/config.ts";
import type { Tokenizer } from "../../tokenizer/tokenizer.ts";
import type { Settings, TokenRole } from "../settings.ts";
import { asStrictJson } from "../python_json.ts";
import { isToken, tokenOfRole } from "../token_roles.ts";
import { toHuggingFaceConfig } from "./config.ts";
import { oneOrList } from "./token_ids.ts";
import { parseForWriting, toJsonText } from "./written_json.ts";

/** What the files are about. */
export interface SavedModel {
  /** The sizes. */
  readonly config: GPT2Config;
  /** Whether the vocabulary projection is the token embedding. */
  readonly tied: boolean;
}

/**
 * The texts of the files, `config.json` last. What came with the model and says nothing about sizes, weights or vocabulary
 * is written as it was.
 */
export function* settingsTexts(
  { config, tied }: SavedModel,
  tokenizer: Tokenizer | undefined,
  settings: Settings,
): Generator<[name: string, text: string]> {
  const { files } = settings;
  const { vocabSize } = config;
  const end = tokenizer?.endOfTextId;
  const endOfTextIds = settings.endOfTextIds ?? (end === undefined ? [] : [end]);
  const beginOfTextId = tokenOfRole("bos", settings, tokenizer, vocabSize) ?? endOfTextIds[0];
  const paddingId = tokenOfRole("pad", settings, tokenizer, vocabSize);
  if (tokenizer !== undefined) yield* tokenizerTexts(tokenizer, settings);
  for (const name of ["special_tokens_map.json", "chat_template.jinja"] as const) {
    const text = files.get(name);
    if (text !== undefined) yield [name, text];
  }
  const original = parseForWriting(files.get("config.json") ?? "{}");
  const generationText = files.get("generation_config.json");
  const agrees = saysThatEnd(generationText ?? files.get("config.json"), endOfTextIds, vocabSize);
  // A model from a file that says something else than the files in it: that goes before these.
  if (!agrees) original.eos_token_id = oneOrList(endOfTextIds);
  if (generationText === undefined) {
    const ids = {
      bos_token_id: original.bos_token_id ?? beginOfTextId ?? null,
      eos_token_id: oneOrList(endOfTextIds),
      ...(paddingId !== undefined && { pad_token_id: original.pad_token_id ?? paddingId }),
    };
    yield ["generation_config.json", toJsonText(ids)];
  } else if (agrees) {
    yield ["generation_config.json", generationText];
  } else {
    const generation = parseForWriting(asStrictJson(generationText));
    const changed = { ...generation, eos_token_id: oneOrList(endOfTextIds) };
    yield ["generation_config.json", toJsonText(changed)];
  }
  const options = { endOfTextIds, beginOfTextId, paddingId, tied, original };
  yield ["config.json", toJsonText(toHuggingFaceConfig(config, options))];
}

/** Whether the text of a configuration says of these tokens, and no others, that they end a text. */
function saysThatEnd(text: string | undefined, ids: readonly number[], vocabSize: number): boolean {
  if (text === undefined) return false;
  const { eos_token_id } = JSON.parse(asStrictJson(text)) as { eos_token_id?: unknown };
  const said = [eos_token_id].flat().filter((id) => isToken(Number(id ?? -1), vocabSize));
  return new Set(said).symmetricDifference(new Set<unknown>(ids)).size === 0;
}

/** The texts of the files of a tokenizer. */
export function* tokenizerTexts(
  tokenizer: Tokenizer,
  settings: Settings,
): Generator<[name: string, text: string]> {
  yield ["tokenizer.json", tokenizer.toTokenizerJson()];
  yield ["vocab.json", tokenizer.toVocabJson()];
  yield ["merges.txt", tokenizer.toMergesText()];
  yield [
    "tokenizer_config.json",
    settings.files.get("tokenizer_config.json") ?? newTokenizerConfig(tokenizer, settings),
  ];
}

function newTokenizerConfig(tokenizer: Tokenizer, settings: Settings): string {
  const { endOfTextId, addPrefixSpace, specialTokens, unknownId, vocabSize } = tokenizer;
  const endOfText = endOfTextId === undefined ? undefined : tokenizer.piece(endOfTextId);
  const special = new Set(specialTokens.values());
  /** Whoever reads the file makes the token a special one, which an ordinary one must not become. */
  const named = (role: TokenRole) => {
    const id = tokenOfRole(role, settings, tokenizer, vocabSize);
    return id !== undefined && special.has(id) ? tokenizer.piece(id) : undefined;
  };
  return toJsonText({
    // transformers' class for GPT-2 leaves out bytes without a token, whatever tokenizer.json says.
    tokenizer_class: unknownId === undefined ? "GPT2Tokenizer" : "PreTrainedTokenizerFast",
    add_prefix_space: addPrefixSpace,
    bos_token: named("bos") ?? endOfText,
    eos_token: endOfText,
    unk_token: named("unk") ?? endOfText,
    pad_token: named("pad"),
  });
}
