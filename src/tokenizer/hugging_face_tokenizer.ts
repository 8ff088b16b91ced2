/**
 * Hugging Face's tokenizer files: `tokenizer.json`, or `vocab.json` with `merges.txt`; and what goes with either.
 *
 * @module
 */

import { type JsonObject, type JsonValue, parseJsonOfWords } from "../base/strict_json.ts";
import type { AddedToken } from "./added_tokens.ts";
import { readTokenizerJsonSettings } from "./hugging_face_settings.ts";
import { readAddedToken, TokenList } from "./token_list.ts";
import { END_OF_TEXT, type TokenizerOptions, tokenType } from "./vocabulary.ts";
import { vocabularyError } from "./vocabulary_error.ts";

/** The texts of the files, as far as there are any. */
export interface TokenizerFiles {
  /** `tokenizer.json`, or else `vocab.json` and `merges.txt`. */
  readonly tokenizerJson?: string;
  /** `vocab.json` */
  readonly vocabJson?: string;
  /** `merges.txt` */
  readonly mergesText?: string;
  /** `added_tokens.json`: further tokens and their ids. */
  readonly addedTokensJson?: string;
  /** `tokenizer_config.json`: further tokens, which token has which role, and two settings. */
  readonly tokenizerConfigJson?: string;
  /** `special_tokens_map.json`: which token has which role. */
  readonly specialTokensMapJson?: string;
}

/** What of a tokenizer the files hold. */
export interface WritableTokenizer {
  /** The tokens by id. */
  readonly tokens: readonly string[];
  /** The kind of each. */
  readonly tokenTypes: ArrayLike<number>;
  /** The merges as lines. */
  readonly merges: readonly string[];
  /** The tokens that are recognized before all else. */
  readonly addedTokens: readonly AddedToken[];
  /** The token that is put before every prompt, if one is. */
  readonly beginOfTextId: number | undefined;
  /** Whether a text that does not begin with a space gets one. */
  readonly addPrefixSpace: boolean;
  /** The token that stands for bytes without one, if one does. */
  readonly unknownId: number | undefined;
}

const ROLES = [
  "bos_token",
  "eos_token",
  "unk_token",
  "sep_token",
  "pad_token",
  "cls_token",
  "mask_token",
];
const ROLE_LISTS = ["additional_special_tokens", "extra_special_tokens"];

/**
 * Reads the files as transformers does: all of them have a say. Settings that would make other tokens than GPT-2's are
 * refused.
 *
 * @param path where the files are, for messages
 * @throws {FileFormatError} for anything that contradicts itself, or is not known
 */
export function readTokenizerFiles(files: TokenizerFiles, path?: string): TokenizerOptions {
  const config = parseObject("tokenizer_config.json", files.tokenizerConfigJson, path);
  const rolesMap = parseObject("special_tokens_map.json", files.specialTokensMapJson, path);
  const base = files.tokenizerJson === undefined
    ? readVocabAndMerges(files, config, path)
    : readTokenizerJson(files.tokenizerJson, path);
  const { list } = base;
  for (const entry of furtherTokens(files, config, path)) list.add(entry);
  const roles = new Map([...rolesMap, ...config]);
  for (const value of tokensWithRoles(roles)) {
    const { content, flags } = readAddedToken(value, true, path);
    list.addSpecial(content, flags);
  }
  const end = roles.get("eos_token") ?? null;
  const endContent = end === null ? END_OF_TEXT : readAddedToken(end, true, path).content;
  const { beginOfText, unknown } = base;
  return {
    ...list.finish(),
    merges: base.merges,
    endOfTextId: list.idOf(endContent),
    beginOfTextId: beginOfText === undefined ? undefined : requireId(list, beginOfText, path),
    unknownId: unknown === undefined ? undefined : list.idOf(unknown),
    addPrefixSpace: addsPrefixSpace(files, config, base),
    path,
  };
}

/** The class of transformers that makes its own pre-tokenizer: what `tokenizer.json` says of spaces is nothing to it. */
const OWN_CLASSES: readonly JsonValue[] = ["GPT2Tokenizer", "GPT2TokenizerFast"];

/**
 * Whether a text gets a space: as `tokenizer_config.json` says for transformers' GPT-2 class, which is the one unless another
 * is named, and as `tokenizer.json` says for others, or where there is nothing else.
 */
function addsPrefixSpace(
  { tokenizerJson, tokenizerConfigJson }: TokenizerFiles,
  config: JsonObject,
  base: BaseTokenizer,
): boolean {
  const isOwn = OWN_CLASSES.includes(config.get("tokenizer_class") ?? OWN_CLASSES[0]);
  const decides = tokenizerConfigJson !== undefined && (isOwn || tokenizerJson === undefined);
  return decides ? config.get("add_prefix_space") === true : base.addPrefixSpace;
}

/** All tokens that have a role: the known ones, those that a model has of its own, and lists of those without a name. */
function* tokensWithRoles(roles: JsonObject): Generator<JsonValue> {
  for (const role of ROLES) yield* asList(roles.get(role));
  for (const [role, value] of roles) {
    const isToken = typeof value === "string" || value instanceof Map && value.has("content");
    if (role.endsWith("_token") && !ROLES.includes(role) && isToken && value !== "") yield value;
  }
  const further = ROLE_LISTS.map((name) => roles.get(name) ?? []);
  for (const named of further) if (named instanceof Map) yield* named.values();
  for (const listed of further) if (Array.isArray(listed)) yield* listed;
}

function asList(value: JsonValue | undefined): JsonValue[] {
  return value === undefined || value === null ? [] : [value];
}

/** What either kind of file gives. */
interface BaseTokenizer {
  readonly list: TokenList;
  readonly merges: readonly string[];
  readonly addPrefixSpace: boolean;
  /** The token before every text, or its id. */
  readonly beginOfText: string | number | undefined;
  readonly unknown: string | undefined;
}

function readVocabAndMerges(
  { vocabJson = "", mergesText = "" }: TokenizerFiles,
  config: JsonObject,
  path?: string,
): BaseTokenizer {
  const list = new TokenList(parseObject("vocab.json", vocabJson, path), "vocab.json", path);
  // What transformers takes for the roles that nobody names.
  if (list.idOf(END_OF_TEXT) === undefined) list.addSpecial(END_OF_TEXT);
  if (config.get("add_eos_token") === true) {
    throw vocabularyError("add_eos_token adds a token to the end of every text", true, path);
  }
  const begin = config.get("bos_token") ?? END_OF_TEXT;
  const beginOfText = config.get("add_bos_token") === true
    ? readAddedToken(begin, true, path).content
    : undefined;
  if (beginOfText !== undefined) list.addSpecial(beginOfText);
  return {
    list,
    merges: readMergesText(mergesText),
    addPrefixSpace: false,
    beginOfText,
    unknown: undefined,
  };
}

function readTokenizerJson(text: string, path?: string): BaseTokenizer {
  const root = parseObject("tokenizer.json", text, path);
  const settings = readTokenizerJsonSettings(root, path);
  const model = root.get("model") as JsonObject;
  const merges = model.get("merges");
  if (!Array.isArray(merges)) throw vocabularyError("model.merges is not a list", merges, path);
  const list = new TokenList(model.get("vocab"), "model.vocab", path);
  const added = root.get("added_tokens") ?? [];
  if (!Array.isArray(added)) throw vocabularyError("added_tokens is not a list", added, path);
  const entries = added.map((token) => readAddedToken(token, false, path));
  for (const entry of entries.sort((a, b) => Number(a.id) - Number(b.id))) list.add(entry);
  return { list, merges: merges.map((merge, rank) => joinMerge(merge, rank, path)), ...settings };
}

function joinMerge(merge: JsonValue, rank: number, path?: string): string {
  if (typeof merge === "string") return merge;
  if (Array.isArray(merge) && merge.length === 2) return merge.join(" ");
  throw vocabularyError(`merge ${rank} is not two tokens`, merge, path);
}

/** The tokens in the files beside the vocabulary, by their ids. */
function furtherTokens({ addedTokensJson }: TokenizerFiles, config: JsonObject, path?: string) {
  const decoder = config.get("added_tokens_decoder") ?? new Map();
  if (!(decoder instanceof Map)) {
    throw vocabularyError("added_tokens_decoder is not an object", decoder, path);
  }
  const described = Array.from(decoder, ([id, token]) => ({
    ...readAddedToken(token, false, path),
    id: Number(id) as JsonValue,
  }));
  const listed = Array.from(
    parseObject("added_tokens.json", addedTokensJson, path),
    ([content, id]) => ({ content, id, special: false }),
  );
  return [...described, ...listed].sort((a, b) => Number(a.id) - Number(b.id));
}

function requireId(list: TokenList, content: string | number, path?: string): number {
  if (typeof content === "number") return content;
  const id = list.idOf(content);
  if (id !== undefined) return id;
  throw vocabularyError("the token before every text is not in the vocabulary", content, path);
}

/** An empty object for a file that is not there. */
function parseObject(name: string, text: string | undefined, path?: string): JsonObject {
  if (text === undefined) return new Map();
  const value = parseJsonOfWords(
    text,
    (what, found) => vocabularyError(`${name} is ${what}`, found, path),
  );
  if (value instanceof Map) return value;
  throw vocabularyError(`${name} is not a JSON object`, value, path);
}

/** The text of `vocab.json`. */
export function writeVocabJson(tokenizer: WritableTokenizer): string {
  return JSON.stringify(idsByToken(tokenizer)) + "\n";
}

/** The text of `merges.txt`. */
export function writeMergesText({ merges }: WritableTokenizer): string {
  return ["#version: 0.2", ...merges, ""].join("\n");
}

/** The text of `tokenizer.json`. */
export function writeTokenizerJson(tokenizer: WritableTokenizer): string {
  const { tokens, merges, addedTokens, beginOfTextId, addPrefixSpace, unknownId } = tokenizer;
  const byteLevel = { type: "ByteLevel", add_prefix_space: addPrefixSpace, trim_offsets: true };
  const root = {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: addedTokens.map(({ id, content, special, flags }) => ({
      id,
      content,
      single_word: flags.singleWord ?? false,
      lstrip: flags.lstrip ?? false,
      rstrip: flags.rstrip ?? false,
      normalized: flags.normalized ?? false,
      special,
    })),
    normalizer: null,
    pre_tokenizer: { ...byteLevel, use_regex: true },
    post_processor: beginOfTextId === undefined
      ? { ...byteLevel, trim_offsets: false }
      : templateWith(tokens[beginOfTextId], beginOfTextId),
    decoder: byteLevel,
    model: {
      type: "BPE",
      dropout: null,
      unk_token: unknownId === undefined ? null : tokens[unknownId],
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: idsByToken(tokenizer),
      merges,
    },
  };
  return JSON.stringify(root, null, 2) + "\n";
}

/** A post-processor that puts a token before every text. */
function templateWith(token: string, id: number) {
  const special = { SpecialToken: { id: token, type_id: 0 } };
  const text = (id: string, type_id: number) => ({ Sequence: { id, type_id } });
  return {
    type: "TemplateProcessing",
    single: [special, text("A", 0)],
    pair: [special, text("A", 0), text("B", 1)],
    special_tokens: { [token]: { id: token, ids: [id], tokens: [token] } },
  };
}

/** Ids without a text are left out: whoever reads the file finds that they are missing. */
function idsByToken({ tokens, tokenTypes }: WritableTokenizer): Record<string, number> {
  const entries = tokens.map((token, id) => [token, id] as const);
  return Object.fromEntries(entries.filter(([, id]) => tokenTypes[id] !== tokenType.unused));
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
