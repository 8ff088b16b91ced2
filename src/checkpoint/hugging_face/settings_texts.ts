/**
 * The files beside the weights in a Hugging Face folder that is written.
 *
 * @module
 */
import type { GPT2Config } from "../../model/config.ts";
import type { Tokenizer } from "../../tokenizer/tokenizer.ts";
import type { Settings } from "../settings.ts";
import { toHuggingFaceConfig } from "./config.ts";
import { oneOrList } from "./token_ids.ts";
import { type JsonRecord, parseForWriting, toJsonText } from "./written_json.ts";

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
  { endOfTextIds, files }: Settings,
): Generator<[name: string, text: string]> {
  const original = (name: "config.json" | "generation_config.json"): JsonRecord =>
    parseForWriting(files.get(name) ?? "{}");
  const begin = tokenizer?.endOfTextId;
  const ends = endOfTextIds ?? (begin === undefined ? [] : [begin]);
  if (tokenizer !== undefined) yield* tokenizerTexts(tokenizer, files);
  for (const name of ["special_tokens_map.json", "chat_template.jinja"] as const) {
    const text = files.get(name);
    if (text !== undefined) yield [name, text];
  }
  yield [
    "generation_config.json",
    toJsonText({
      bos_token_id: ends[0] ?? null,
      ...original("generation_config.json"),
      eos_token_id: oneOrList(ends),
    }),
  ];
  const options = { endOfTextIds: ends, tied, original: original("config.json") };
  yield ["config.json", toJsonText(toHuggingFaceConfig(config, options))];
}

function* tokenizerTexts(
  tokenizer: Tokenizer,
  files: Settings["files"],
): Generator<[name: string, text: string]> {
  const { endOfTextId } = tokenizer;
  const endOfText = endOfTextId === undefined ? undefined : tokenizer.piece(endOfTextId);
  yield ["tokenizer.json", tokenizer.toTokenizerJson()];
  yield ["vocab.json", tokenizer.toVocabJson()];
  yield ["merges.txt", tokenizer.toMergesText()];
  yield [
    "tokenizer_config.json",
    files.get("tokenizer_config.json") ?? toJsonText({
      tokenizer_class: "GPT2Tokenizer",
      add_prefix_space: false,
      bos_token: endOfText,
      eos_token: endOfText,
      unk_token: endOfText,
    }),
  ];
}
