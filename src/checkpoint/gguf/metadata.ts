/**
 * The metadata of a GGUF file of architecture `gpt2`: sizes and vocabulary.
 *
 * @module
 */
import type { FileFormatError } from "../../base/errors.ts";
import { formatError } from "../../base/describe.ts";
import type { GgufFile } from "../../formats/gguf.ts";
import {
  type GgufValue,
  metadataNumber,
  metadataString,
  metadataStrings,
} from "../../formats/gguf_value.ts";
import { GPT2Config, MAX_LAYERS, MAX_SIZE } from "../../model/config.ts";
import { numParameters } from "../../model/parameters.ts";
import { Tokenizer } from "../../tokenizer/tokenizer.ts";
import { tokenType } from "../../tokenizer/vocabulary.ts";
import { type FileType, fileTypeId } from "../file_types.ts";
import type { Settings } from "../settings.ts";
import { flagsToNumbers, numbersToFlags } from "./added_token_flags.ts";
import { GPT2_VOCAB_SIZE, hasGpt2Vocabulary } from "./recognize_gpt2.ts";
import { settingsMetadata } from "./settings_metadata.ts";

/** GPT-2's way of cutting words; old files do not say, and llama.cpp then takes the first of these. */
const PRE_TOKENIZERS = ["default", "gpt-2", "gpt2"];

/** Keys for what differs from GPT-2; `attention.scale` is one that other architectures have. */
export const VARIANT = {
  activation: "gpt2.activation",
  scale: "gpt2.attention.scale",
  scaleByLayer: "gpt2.attention.scale_by_layer",
} as const;

/** The kind of tokenizer; a file that has none lacks this key. */
export const TOKENIZER_KEY = "tokenizer.ggml.model";

/** The key of the token that ends a text. */
export const END_OF_TEXT_KEY = "tokenizer.ggml.eos_token_id";
const TOKENS_KEY = "tokenizer.ggml.tokens";
const TYPES_KEY = "tokenizer.ggml.token_type";
const MERGES_KEY = "tokenizer.ggml.merges";
const VOCABULARY_KEYS = [TOKENS_KEY, TYPES_KEY, MERGES_KEY];
const ADD_BEGIN_KEY = "tokenizer.ggml.add_bos_token";
const ADD_END_KEY = "tokenizer.ggml.add_eos_token";
/** The token that stands for bytes without one. llama.cpp does not know this key: it leaves such bytes out. */
const UNKNOWN_KEY = "tokenizer.ggml.unknown_byte_token_id";
const ADD_SPACE_KEY = "tokenizer.ggml.add_space_prefix";
/** How some added tokens are recognized, see {@linkcode flagsToNumbers}. llama.cpp does not know this key. */
const FLAGS_KEY = "tokenizer.ggml.added_token_flags";

const QUANTIZATION_VERSION = 2;
const ADVICE = "Convert the model again.";

/** What {@linkcode ggufMetadata} writes down. */
export interface GgufMetadataFields {
  /** What to call the model, for people. */
  readonly name: string;
  /** The sizes. */
  readonly config: GPT2Config;
  /** The vocabulary, with no more tokens than the model has; none for a model that only knows tokens. */
  readonly tokenizer?: Tokenizer;
  /** Whether the vocabulary projection is the token embedding. */
  readonly tied: boolean;
  /** What else came with the model. */
  readonly settings: Settings;
}

/** The metadata of a model that does not come from a GGUF file, without the type of the file. */
export function ggufMetadata(fields: GgufMetadataFields): Map<string, GgufValue> {
  const { name, config, tokenizer, tied, settings } = fields;
  return new Map([
    ["general.architecture", text("gpt2")],
    ["general.type", text("model")],
    ["general.name", text(name)],
    ["general.size_label", text(sizeLabel(config, tied))],
    ["gpt2.block_count", u32(config.numLayers)],
    ["gpt2.context_length", u32(config.contextLength)],
    ["gpt2.embedding_length", u32(config.embeddingDim)],
    ["gpt2.feed_forward_length", u32(config.hiddenDim)],
    ["gpt2.attention.head_count", u32(config.numHeads)],
    ["gpt2.attention.layer_norm_epsilon", { type: "f32", value: config.layerNormEpsilon }],
    ...variantMetadata(config),
    ...(tokenizer === undefined ? [] : tokenizerMetadata(tokenizer, config)),
    ...settingsMetadata(settings, tokenizer, config.vocabSize),
  ]);
}

/**
 * In what a model differs from GPT-2: nothing is written for GPT-2 itself. llama.cpp does not know these keys, and computes
 * such a model as if it were one.
 */
function variantMetadata(config: GPT2Config): [string, GgufValue][] {
  const entries: [string, GgufValue][] = [];
  if (config.activation !== "gelu_tanh") {
    entries.push([VARIANT.activation, text(config.activation)]);
  }
  if (!config.scaleAttention) entries.push([VARIANT.scale, { type: "f32", value: 1 }]);
  if (config.scaleAttentionByLayer) {
    entries.push([VARIANT.scaleByLayer, { type: "bool", value: true }]);
  }
  return entries;
}

function tokenizerMetadata(
  tokenizer: Tokenizer,
  { vocabSize }: GPT2Config,
): [string, GgufValue][] {
  const { tokens, tokenTypes, merges, addedTokens } = tokenizer;
  const { beginOfTextId, addPrefixSpace, unknownId } = tokenizer;
  const entries: [string, GgufValue][] = [];
  if (beginOfTextId !== undefined) entries.push([ADD_BEGIN_KEY, { type: "bool", value: true }]);
  if (addPrefixSpace) entries.push([ADD_SPACE_KEY, { type: "bool", value: true }]);
  if (unknownId !== undefined) entries.push([UNKNOWN_KEY, u32(unknownId)]);
  const flags = flagsToNumbers(addedTokens);
  if (flags.length > 0) {
    entries.push([FLAGS_KEY, { type: "u32[]", value: Uint32Array.from(flags) }]);
  }
  // Such files have a token for every row; rows beyond the vocabulary are ids without a text.
  const labels = Array.from({ length: vocabSize }, (_, id) => labelOf(tokens[id] ?? "", id));
  const types = new Int32Array(vocabSize).fill(tokenType.unused);
  types.set(tokenTypes);
  return [
    [TOKENIZER_KEY, text("gpt2")],
    ["tokenizer.ggml.pre", text("gpt-2")],
    [TOKENS_KEY, { type: "string[]", value: labels }],
    [TYPES_KEY, { type: "i32[]", value: types }],
    [MERGES_KEY, { type: "string[]", value: merges }],
    ...entries,
  ];
}

/** What a file says beside its vocabulary, which is large, and which the tokenizer knows. */
export function withoutVocabulary(
  metadata: ReadonlyMap<string, GgufValue>,
): ReadonlyMap<string, GgufValue> {
  return new Map(metadata.entries().filter(([key]) => !VOCABULARY_KEYS.includes(key)));
}

/** A token as such files write it: every id has a label of its own, also one that has no text. */
function labelOf(token: string, id: number): string {
  return token === "" ? `[PAD${id}]` : token;
}

function text(value: string): GgufValue {
  return { type: "string", value };
}

function u32(value: number): GgufValue {
  return { type: "u32", value };
}

/**
 * The metadata of a file that holds the model described by `metadata` in another type.
 *
 * @param type nothing if the mixture of types has no name
 */
export function withFileType(
  metadata: ReadonlyMap<string, GgufValue>,
  type: FileType | undefined,
): Map<string, GgufValue> {
  const changed = new Map(metadata);
  // How the old file was laid out says nothing about the new one.
  for (const key of metadata.keys()) {
    if (key === "general.alignment" || key.startsWith("split.")) changed.delete(key);
  }
  changed.set("general.quantization_version", u32(QUANTIZATION_VERSION));
  if (type === undefined) changed.delete("general.file_type");
  else changed.set("general.file_type", u32(fileTypeId(type)));
  return changed;
}

/** The number of parameters as people say it: `124M`, `1.6B`. */
export function sizeLabel(config: GPT2Config, tied: boolean): string {
  const count = numParameters(config, { tied });
  const [unit, suffix] = count > 1e9 ? [1e9, "B"] : count > 1e6 ? [1e6, "M"] : [1e3, "K"];
  const scaled = count / unit;
  return scaled.toFixed(scaled < 9.5 ? 1 : 0) + suffix;
}

/**
 * The sizes that a GGUF file gives.
 *
 * @throws {FileFormatError} if it is of another architecture, or says what cannot be
 */
export function parseGgufConfig(file: GgufFile): GPT2Config {
  const architecture = metadataString(file, "general.architecture");
  if (architecture !== "gpt2") {
    throw error(
      file,
      "its architecture must be gpt2",
      architecture,
      "Only GPT-2 models run here.",
    );
  }
  if (metadataString(file, "general.type") === "adapter") {
    throw error(
      file,
      "it is an adapter for a model",
      "no model",
      "Pass the model, and this with --adapter.",
    );
  }
  const embeddingDim = size(file, "gpt2.embedding_length");
  const numHeads = size(file, "gpt2.attention.head_count");
  if (embeddingDim % numHeads !== 0) {
    throw error(
      file,
      `gpt2.attention.head_count must divide gpt2.embedding_length, which is ${embeddingDim}`,
      numHeads,
    );
  }
  const keyValueHeads = metadataNumber(file, "gpt2.attention.head_count_kv") ?? numHeads;
  if (keyValueHeads !== numHeads) {
    throw error(
      file,
      `gpt2.attention.head_count_kv must be the number of heads, ${numHeads}`,
      keyValueHeads,
    );
  }
  const activation = metadataString(file, VARIANT.activation) ?? "gelu_tanh";
  if (activation !== "gelu_tanh" && activation !== "gelu") {
    throw error(file, `${VARIANT.activation} must be gelu_tanh or gelu`, activation);
  }
  return new GPT2Config({
    activation,
    scaleAttention: scalesAttention(file, embeddingDim / numHeads),
    scaleAttentionByLayer: flagOf(file, VARIANT.scaleByLayer),
    vocabSize: vocabSize(file),
    contextLength: size(file, "gpt2.context_length"),
    embeddingDim,
    numHeads,
    numLayers: size(file, "gpt2.block_count", MAX_LAYERS),
    hiddenDim: size(file, "gpt2.feed_forward_length"),
    layerNormEpsilon: epsilon(file),
  });
}

/**
 * The tokenizer that a GGUF file holds; nothing if it holds none.
 *
 * @throws {FileFormatError} if it is not GPT-2's kind, damaged, or not of the model's size
 */
export async function readGgufTokenizer(
  file: GgufFile,
  { vocabSize }: GPT2Config,
): Promise<Tokenizer | undefined> {
  const model = metadataString(file, "tokenizer.ggml.model");
  if (model === undefined) return undefined;
  if (model !== "gpt2") throw error(file, "tokenizer.ggml.model must be gpt2", model);
  const pre = metadataString(file, "tokenizer.ggml.pre") ?? PRE_TOKENIZERS[0];
  if (!PRE_TOKENIZERS.includes(pre)) {
    throw error(file, `tokenizer.ggml.pre must be one of ${PRE_TOKENIZERS.join(" ")}`, pre);
  }
  if (flagOf(file, ADD_END_KEY)) {
    throw error(file, `${ADD_END_KEY} adds a token to the end of every text`, true);
  }
  if (vocabSize === GPT2_VOCAB_SIZE && isPlain(file) && await hasGpt2Vocabulary(file)) {
    return await Tokenizer.gpt2();
  }
  const tokens = metadataStrings(file, TOKENS_KEY);
  const merges = metadataStrings(file, MERGES_KEY);
  if (tokens?.length !== vocabSize) {
    throw error(
      file,
      `tokenizer.ggml.tokens must have the ${vocabSize} tokens of token_embd.weight`,
      tokens?.length,
    );
  }
  if (merges === undefined) throw error(file, "tokenizer.ggml.merges must be there", merges);
  const types = file.metadata.get(TYPES_KEY);
  if (types !== undefined && types.type !== "i32[]" && types.type !== "u32[]") {
    throw error(file, "tokenizer.ggml.token_type must be an array of i32", types.type);
  }
  return new Tokenizer({
    tokens,
    merges,
    tokenTypes: types?.value,
    addedTokenFlags: numbersToFlags(file.metadata.get(FLAGS_KEY)),
    endOfTextId: metadataNumber(file, END_OF_TEXT_KEY),
    beginOfTextId: beginOfTextId(file),
    addPrefixSpace: flagOf(file, ADD_SPACE_KEY),
    unknownId: metadataNumber(file, UNKNOWN_KEY),
    path: file.path,
  });
}

/** Whether the tokenizer does nothing that GPT-2's does not. */
function isPlain({ metadata }: GgufFile): boolean {
  return ![ADD_BEGIN_KEY, ADD_SPACE_KEY, UNKNOWN_KEY, FLAGS_KEY].some((key) =>
    metadata.has(key) && metadata.get(key)!.value !== false
  );
}

function size(file: GgufFile, key: string, max = MAX_SIZE): number {
  const value = metadataNumber(file, key);
  if (value === undefined || !Number.isInteger(value) || value < 1 || value > max) {
    throw error(file, `${key} must be an integer from 1 to ${max}`, value);
  }
  return value;
}

/** The number of tokens, which nothing but the embedding itself tells. */
function vocabSize(file: GgufFile): number {
  const rows = file.tensors.get("token_embd.weight")?.shape[0];
  if (rows === undefined || rows > MAX_SIZE) {
    throw error(file, `token_embd.weight must have from 1 to ${MAX_SIZE} rows`, rows);
  }
  return rows;
}

function epsilon(file: GgufFile): number {
  const key = "gpt2.attention.layer_norm_epsilon";
  const value = metadataNumber(file, key);
  if (value === undefined || !(value >= 0 && value < 1)) {
    throw error(file, `${key} must be at least 0 and below 1`, value);
  }
  // 1e-5, not 0.000009999999747378752: the shortest number that is the same in single precision.
  const short = Number(value.toPrecision(7));
  return Math.fround(short) === Math.fround(value) ? short : value;
}

/** Whether scores are divided by the square root of the head's width: so they are unless the file has a factor of 1. */
function scalesAttention(file: GgufFile, headDim: number): boolean {
  const usual = 1 / Math.sqrt(headDim);
  const factor = metadataNumber(file, VARIANT.scale) ?? usual;
  if (Math.fround(factor) === Math.fround(usual)) return true;
  if (factor === 1) return false;
  throw error(file, `${VARIANT.scale} must be 1 or ${usual}`, factor);
}

function flagOf(file: GgufFile, key: string): boolean {
  const value = file.metadata.get(key);
  if (value === undefined) return false;
  if (value.type !== "bool") throw error(file, `${key} must be a bool`, value.type);
  return value.value;
}

/** The token that is put before every prompt, if the file asks for it. */
function beginOfTextId(file: GgufFile): number | undefined {
  if (!flagOf(file, ADD_BEGIN_KEY)) return undefined;
  const id = metadataNumber(file, "tokenizer.ggml.bos_token_id") ??
    metadataNumber(file, END_OF_TEXT_KEY);
  if (id === undefined) throw error(file, `${ADD_BEGIN_KEY} needs tokenizer.ggml.bos_token_id`, id);
  return id;
}

function error(file: GgufFile, what: string, received: unknown, advice = ADVICE): FileFormatError {
  return formatError("a GPT-2 model", file.path, what, received, advice);
}
