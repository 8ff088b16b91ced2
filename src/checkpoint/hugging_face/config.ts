/**
 * The `config.json` of Hugging Face's GPT-2 checkpoints.
 *
 * @module
 */
import type { FileFormatError } from "../../base/errors.ts";
import { formatError } from "../../base/describe.ts";
import { type JsonObject, type JsonValue, readJsonFile } from "../../base/strict_json.ts";
import { GPT2Config } from "../../model/config.ts";

/** What a configuration of Hugging Face says beside the sizes. */
export interface HuggingFaceConfigOptions {
  /** The id of the token that ends a text; none if the vocabulary has none. */
  endOfTextId?: number;
  /** Whether the vocabulary projection is the token embedding. Default: true. */
  tied?: boolean;
}

/** A configuration as read from a file. */
export interface HuggingFaceConfig {
  /** The sizes. */
  readonly config: GPT2Config;
  /** The id of the token that ends a text, where it is a token of this vocabulary. */
  readonly endOfTextId?: number;
}

/** The three names that transformers has for the tanh approximation of GELU. */
const TANH_GELUS = ["gelu_new", "gelu_pytorch_tanh", "gelu_fast"];

const MAX_CONFIG_BYTES = 2 ** 20;
const MAX_SIZE = 2 ** 24;
const MAX_LAYERS = 1000;

const ADVICE = "Use the unchanged config.json of a GPT-2 checkpoint.";

/**
 * Reads a `config.json` as transformers does: absent keys have the same defaults, keys that do not change what the model
 * computes are ignored.
 *
 * @throws {FileFormatError} if it is not the configuration of a GPT-2 that this package can compute
 * @throws {Deno.errors.NotFound} if there is no regular file at `path`
 */
export function readHuggingFaceConfig(path: string): HuggingFaceConfig {
  return parseHuggingFaceConfig(readJsonFile(path, { maxBytes: MAX_CONFIG_BYTES }), path);
}

/**
 * Does what {@linkcode readHuggingFaceConfig} does, from JSON that was parsed already.
 *
 * @param path where it comes from, for messages
 */
export function parseHuggingFaceConfig(json: JsonValue, path: string): HuggingFaceConfig {
  const keys = new ConfigKeys(json, path);
  keys.requireValue("model_type", ["gpt2"]);
  keys.requireValue("activation_function", TANH_GELUS);
  keys.requireValue("scale_attn_weights", [true]);
  keys.requireValue("scale_attn_by_inverse_layer_idx", [false]);
  keys.requireValue("add_cross_attention", [false]);
  const embeddingDim = keys.size("n_embd");
  const numHeads = keys.size("n_head");
  if (embeddingDim % numHeads !== 0) {
    throw keys.error(`n_head must divide n_embd, which is ${embeddingDim}`, numHeads);
  }
  const config = new GPT2Config({
    vocabSize: keys.size("vocab_size", 50257),
    contextLength: keys.size("n_positions", keys.size("n_ctx", 1024)),
    embeddingDim,
    numHeads,
    numLayers: keys.size("n_layer", undefined, MAX_LAYERS),
    hiddenDim: keys.size("n_inner", 4 * embeddingDim),
    layerNormEpsilon: keys.fraction("layer_norm_epsilon", 1e-5),
    dropout: keys.fraction("resid_pdrop", 0.1),
  });
  return { config, endOfTextId: keys.tokenId("eos_token_id", config.vocabSize) };
}

/** The configuration that lets transformers load a model of this size. */
export function toHuggingFaceConfig(
  config: GPT2Config,
  options: HuggingFaceConfigOptions = {},
): Record<string, unknown> {
  const { endOfTextId = null, tied = true } = options;
  return {
    architectures: ["GPT2LMHeadModel"],
    model_type: "gpt2",
    activation_function: "gelu_new",
    attn_pdrop: config.dropout,
    embd_pdrop: config.dropout,
    resid_pdrop: config.dropout,
    bos_token_id: endOfTextId,
    eos_token_id: endOfTextId,
    dtype: "float32",
    initializer_range: 0.02,
    layer_norm_epsilon: config.layerNormEpsilon,
    n_ctx: config.contextLength,
    n_embd: config.embeddingDim,
    n_head: config.numHeads,
    n_inner: config.hiddenDim === 4 * config.embeddingDim ? null : config.hiddenDim,
    n_layer: config.numLayers,
    n_positions: config.contextLength,
    tie_word_embeddings: tied,
    use_cache: true,
    vocab_size: config.vocabSize,
  };
}

/** The keys of one configuration, checked as they are asked for. */
class ConfigKeys {
  readonly #path: string;
  readonly #values: JsonObject;

  constructor(json: JsonValue, path: string) {
    this.#path = path;
    if (!(json instanceof Map)) throw this.error("it must hold a JSON object", json);
    this.#values = json;
  }

  error(what: string, received: unknown): FileFormatError {
    return formatError("a GPT-2 configuration", this.#path, what, received, ADVICE);
  }

  /** A positive integer; `fallback` if the key is absent or null. */
  size(key: string, fallback?: number, max = MAX_SIZE): number {
    const value = this.#values.get(key) ?? fallback;
    if (typeof value !== "number" || !Number.isInteger(value) || value < 1 || value > max) {
      throw this.error(`${key} must be an integer from 1 to ${max}`, value);
    }
    return value;
  }

  /** A number of at least 0 and below 1; `fallback` if the key is absent or null. */
  fraction(key: string, fallback: number): number {
    const value = this.#values.get(key) ?? fallback;
    if (typeof value !== "number" || !(value >= 0 && value < 1)) {
      throw this.error(`${key} must be at least 0 and below 1`, value);
    }
    return value;
  }

  /** Refuses a value that would make it another model; the first of `accepted` is the default. */
  requireValue(key: string, accepted: readonly JsonValue[]): void {
    const value = this.#values.get(key) ?? accepted[0];
    if (accepted.includes(value)) return;
    const expected = accepted.map((each) => JSON.stringify(each)).join(" or ");
    throw this.error(`${key} must be ${expected}: nothing else is supported`, value);
  }

  /** A token id; nothing if the key is absent, null, or beyond the vocabulary, as in many small test models. */
  tokenId(key: string, vocabSize: number): number | undefined {
    const value = this.#values.get(key) ?? undefined;
    if (value === undefined) return undefined;
    if (typeof value !== "number" || !Number.isInteger(value) || value < 0) {
      throw this.error(`${key} must be the id of a token`, value);
    }
    return value < vocabSize ? value : undefined;
  }
}
