/**
 * Hugging Face's tokenizer files: `vocab.json` with `merges.txt`, and `tokenizer.json`.
 *
 * @module
 */

import { checkTokenizerJson } from "./hugging_face_settings.ts";
import { isObject, type JsonObject, parseJsonObject } from "./strict_json.ts";
import { END_OF_TEXT, type TokenizerOptions, tokenType } from "./vocabulary.ts";
import { vocabularyError } from "./vocabulary_error.ts";

/**
 * A token that `tokenizer.json` lists apart from the model's: text that is looked for before all
 * else.
 */
interface AddedToken {
  readonly id: unknown;
  readonly content: string;
  readonly special: boolean;
}

/** What of a tokenizer the files hold. */
export interface WritableTokenizer {
  /** The tokens by id. */
  readonly tokens: readonly string[];
  /** The merges as lines. */
  readonly merges: readonly string[];
  /** The special tokens by name. */
  readonly specialTokens: ReadonlyMap<string, number>;
  /** The tokens that are recognized in every text, by name. */
  readonly userDefinedTokens: ReadonlyMap<string, number>;
}

/** Reads `vocab.json` and `merges.txt`. */
export function readVocabAndMerges(
  vocabJson: string,
  mergesText: string,
  path?: string,
): TokenizerOptions {
  const vocab = parseJsonObject("vocab.json", vocabJson, path);
  return { ...readTokens(vocab, [], path), merges: readMergesText(mergesText), path };
}

/** Reads `tokenizer.json`. Settings that would make other tokens than GPT-2's are refused. */
export function readTokenizerJson(text: string, path?: string): TokenizerOptions {
  const root = parseJsonObject("tokenizer.json", text, path);
  checkTokenizerJson(root, path);
  const { vocab, merges } = root.model as JsonObject;
  if (!isObject(vocab)) throw vocabularyError("model.vocab is not an object", vocab, path);
  if (!Array.isArray(merges)) throw vocabularyError("model.merges is not a list", merges, path);
  const added = readAddedTokens(root.added_tokens, path);
  return { ...readTokens(vocab, added, path), merges: merges.map(joinMerge), path };

  function joinMerge(merge: unknown, rank: number): string {
    if (typeof merge === "string") return merge;
    if (Array.isArray(merge) && merge.length === 2) return merge.join(" ");
    throw vocabularyError(`merge ${rank} is not two tokens`, merge, path);
  }
}

/** The text of `vocab.json`. */
export function writeVocabJson({ tokens }: WritableTokenizer): string {
  return JSON.stringify(idsByToken(tokens)) + "\n";
}

/** The text of `merges.txt`. */
export function writeMergesText({ merges }: WritableTokenizer): string {
  return ["#version: 0.2", ...merges, ""].join("\n");
}

/** The text of `tokenizer.json`. */
export function writeTokenizerJson(tokenizer: WritableTokenizer): string {
  const { tokens, merges, specialTokens, userDefinedTokens } = tokenizer;
  const added = [...specialTokens, ...userDefinedTokens].map(([content, id]) => ({
    id,
    content,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special: specialTokens.has(content),
  }));
  const byteLevel = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true };
  const root = {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: added.sort((a, b) => a.id - b.id),
    normalizer: null,
    pre_tokenizer: { ...byteLevel, use_regex: true },
    post_processor: { ...byteLevel, trim_offsets: false },
    decoder: byteLevel,
    model: {
      type: "BPE",
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: idsByToken(tokens),
      merges,
    },
  };
  return JSON.stringify(root, null, 2) + "\n";
}

function idsByToken(tokens: readonly string[]): Record<string, number> {
  return Object.fromEntries(tokens.map((token, id) => [token, id]));
}

/**
 * The merges of `merges.txt`. GPT-2's own file begins with a version line; a checkout on Windows
 * may have CRLF.
 */
function readMergesText(text: string): string[] {
  const lines = text.split("\n").map((line) => line.endsWith("\r") ? line.slice(0, -1) : line);
  if (lines[0].startsWith("#version")) lines.shift();
  while (lines.at(-1) === "") lines.pop();
  return lines;
}

function readAddedTokens(list: unknown, path?: string): AddedToken[] {
  if (list === undefined || list === null) return [];
  if (!Array.isArray(list)) throw vocabularyError("added_tokens is not a list", list, path);
  return list.map((token: unknown) => {
    if (!isObject(token) || typeof token.content !== "string") {
      throw vocabularyError("an added token has no content", token, path);
    }
    for (const setting of ["single_word", "lstrip", "rstrip"]) {
      if (token[setting] ?? false) {
        throw vocabularyError(`an added token has ${setting}, which GPT-2's have not`, token, path);
      }
    }
    return { id: token.id, content: token.content, special: token.special === true };
  });
}

/** Puts the tokens in the order of their ids, of which none may be missing. */
function readTokens(
  vocab: JsonObject,
  addedTokens: AddedToken[],
  path?: string,
): { tokens: string[]; tokenTypes: Uint8Array } {
  const idOf = new Map(Object.entries(vocab));
  for (const { content, id } of addedTokens) {
    const vocabId = idOf.get(content);
    if (vocabId !== undefined && vocabId !== id) {
      throw vocabularyError("a token has two ids", [content, vocabId, id], path);
    }
    idOf.set(content, id);
  }

  const tokens: (string | undefined)[] = new Array(idOf.size).fill(undefined);
  for (const [token, id] of idOf) {
    if (typeof id !== "number" || !Number.isInteger(id) || id < 0) {
      throw vocabularyError("an id is not a whole number from 0 on", [token, id], path);
    }
    if (id >= tokens.length) {
      throw vocabularyError(
        `the ids have a gap: one of ${tokens.length} tokens has an id past the last`,
        [token, id],
        path,
      );
    }
    if (tokens[id] !== undefined) {
      throw vocabularyError("two tokens have the same id", [tokens[id], token, id], path);
    }
    tokens[id] = token;
  }

  const tokenTypes = new Uint8Array(tokens.length).fill(tokenType.normal);
  const control = idOf.get(END_OF_TEXT);
  if (control !== undefined) tokenTypes[control as number] = tokenType.control;
  for (const { id, special } of addedTokens) {
    tokenTypes[id as number] = special ? tokenType.control : tokenType.userDefined;
  }
  // As many different ids below `tokens.length` as tokens: none is left out.
  return { tokens: tokens as string[], tokenTypes };
}
