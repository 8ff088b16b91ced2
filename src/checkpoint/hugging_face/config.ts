/**
 * The `config.json` of Hugging Face's GPT-2 checkpoints.
 *
 * @module
 */
import { type JsonValue, readJsonFile } from "../../base/strict_json.ts";
import { GPT2Config, MAX_LAYERS, MAX_SIZE } from "../../model/config.ts";
import type { Activation } from "../../tensor/activations.ts";
import { MAX_SETTINGS_BYTES } from "../settings.ts";
import { ConfigKeys } from "./config_keys.ts";
import { oneOrList, readTokenIds } from "./token_ids.ts";
import { float, type JsonRecord } from "./written_json.ts";

/** What a configuration of Hugging Face says beside the sizes. */
export interface HuggingFaceConfigOptions {
  /** The ids of the tokens that end a text. Default: none. */
  endOfTextIds?: readonly number[];
  /** The id of the token that begins a text. Default: the first of those that end one. */
  beginOfTextId?: number;
  /** The id of the token that fills up a text. Default: none. */
  paddingId?: number;
  /** Whether the vocabulary projection is the token embedding. Default: true. */
  tied?: boolean;
  /** The configuration that the model came with: what says nothing about the sizes stays as it was there, ids too. */
  original?: JsonRecord;
}

/** A configuration as read from a file. */
export interface HuggingFaceConfig {
  /** The sizes. */
  readonly config: GPT2Config;
  /** The ids of the tokens that end a text; undefined if the file does not say. */
  readonly endOfTextIds: readonly number[] | undefined;
  /** Whether the vocabulary projection may be missing, because it is the token embedding. */
  readonly tied: boolean;
}

/** The names that transformers has for functions in the MLP, and what they are here. */
const ACTIVATIONS: Readonly<Record<string, Activation>> = {
  gelu_new: "gelu_tanh",
  gelu_pytorch_tanh: "gelu_tanh",
  gelu_python_tanh: "gelu_tanh",
  gelu_accurate: "gelu_tanh",
  gelu_fast: "gelu_tanh",
  gelu: "gelu",
  gelu_python: "gelu",
};

/** The name under which a function is written. */
const ACTIVATION_NAMES: Readonly<Record<Activation, string>> = {
  gelu_tanh: "gelu_new",
  gelu: "gelu",
};

/** Further names that transformers takes for a size. */
const ALIASES: Readonly<Record<string, string>> = {
  hidden_size: "n_embd",
  max_position_embeddings: "n_positions",
  num_attention_heads: "n_head",
  num_hidden_layers: "n_layer",
};

/**
 * Reads a `config.json` as transformers does: absent keys have the same defaults, keys that do not change what the model
 * computes are ignored.
 *
 * @throws {FileFormatError} if it is not the configuration of a GPT-2 that this package can compute
 * @throws {Deno.errors.NotFound} if there is no regular file at `path`
 */
export function readHuggingFaceConfig(path: string): HuggingFaceConfig {
  return parseHuggingFaceConfig(readJsonFile(path, { maxBytes: MAX_SETTINGS_BYTES }), path);
}

/**
 * Does what {@linkcode readHuggingFaceConfig} does, from JSON that was parsed already.
 *
 * @param path where it comes from, for messages
 */
export function parseHuggingFaceConfig(json: JsonValue, path: string): HuggingFaceConfig {
  const keys = new ConfigKeys(json, path, ALIASES);
  keys.choice("model_type", { gpt2: true });
  keys.choice("add_cross_attention", { false: true });
  const embeddingDim = keys.size("n_embd", 768, MAX_SIZE);
  const numHeads = keys.size("n_head", 12, MAX_SIZE);
  if (embeddingDim % numHeads !== 0) {
    throw keys.error(`n_head must divide n_embd, which is ${embeddingDim}`, numHeads);
  }
  const config = new GPT2Config({
    vocabSize: keys.size("vocab_size", 50257, MAX_SIZE),
    contextLength: keys.size("n_positions", keys.size("n_ctx", 1024, MAX_SIZE), MAX_SIZE),
    embeddingDim,
    numHeads,
    numLayers: keys.size("n_layer", 12, MAX_LAYERS),
    hiddenDim: keys.size("n_inner", 4 * embeddingDim, MAX_SIZE),
    layerNormEpsilon: keys.fraction("layer_norm_epsilon", 1e-5),
    dropout: keys.fraction("resid_pdrop", 0.1),
    activation: keys.choice("activation_function", ACTIVATIONS),
    scaleAttention: keys.flag("scale_attn_weights", true),
    scaleAttentionByLayer: keys.flag("scale_attn_by_inverse_layer_idx", false),
  });
  return {
    config,
    endOfTextIds: readTokenIds(keys, "eos_token_id"),
    tied: keys.flag("tie_word_embeddings", true),
  };
}

/** The configuration that lets transformers load a model of this size. */
export function toHuggingFaceConfig(
  config: GPT2Config,
  options: HuggingFaceConfigOptions = {},
): JsonRecord {
  const { endOfTextIds = [], beginOfTextId, paddingId, tied = true, original = {} } = options;
  const dropout = float(config.dropout);
  return {
    attn_pdrop: dropout,
    embd_pdrop: dropout,
    resid_pdrop: dropout,
    bos_token_id: beginOfTextId ?? endOfTextIds[0] ?? null,
    eos_token_id: oneOrList(endOfTextIds),
    ...(paddingId !== undefined && { pad_token_id: paddingId }),
    initializer_range: 0.02,
    use_cache: true,
    ...withoutOtherNames(original),
    architectures: ["GPT2LMHeadModel"],
    model_type: "gpt2",
    activation_function: ACTIVATION_NAMES[config.activation],
    dtype: "float32",
    layer_norm_epsilon: float(config.layerNormEpsilon),
    n_ctx: config.contextLength,
    n_embd: config.embeddingDim,
    n_head: config.numHeads,
    n_inner: config.hiddenDim === 4 * config.embeddingDim ? null : config.hiddenDim,
    n_layer: config.numLayers,
    n_positions: config.contextLength,
    scale_attn_by_inverse_layer_idx: config.scaleAttentionByLayer,
    scale_attn_weights: config.scaleAttention,
    tie_word_embeddings: tied,
    vocab_size: config.vocabSize,
  };
}

/** Leaves out other names of what is written, which could contradict it. */
function withoutOtherNames(original: JsonRecord): JsonRecord {
  const kept = { ...original };
  for (const name of [...Object.keys(ALIASES), "torch_dtype"]) delete kept[name];
  return kept;
}
