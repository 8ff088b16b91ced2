/**
 * The sizes of a GPT-2.
 *
 * @module
 */
import {
  checkOptions,
  flag,
  integer,
  oneOf,
  type OptionRule,
  type OptionRules,
} from "../base/check_options.ts";
import { InvalidArgumentError } from "../base/errors.ts";
import type { Activation } from "../tensor/activations.ts";

/** The fields of {@linkcode GPT2Config}; everything but `embeddingDim`, `numHeads` and `numLayers` has GPT-2's value by default. */
export interface GPT2ConfigFields {
  /** Number of tokens in the vocabulary. Default: 50257. */
  vocabSize?: number;
  /** The longest sequence, in tokens; positions are learned, so there is no going beyond it. Default: 1024. */
  contextLength?: number;
  /** Width of the residual stream. */
  embeddingDim: number;
  /** Number of attention heads; divides `embeddingDim`. */
  numHeads: number;
  /** Number of transformer blocks. */
  numLayers: number;
  /** Width of the hidden layer of each MLP. Default: `4 * embeddingDim`. */
  hiddenDim?: number;
  /** Added to the variance in each layer normalization. Default: 1e-5. */
  layerNormEpsilon?: number;
  /** Probability of dropping an activation in training. Default: 0.1. */
  dropout?: number;
  /** What bends the hidden layer of each MLP. Default: `"gelu_tanh"`, GPT-2's. */
  activation?: Activation;
  /** Whether attention scores are divided by the square root of the head's width. Default: true. */
  scaleAttention?: boolean;
  /** Whether attention scores are divided by the number of the layer as well, from 1. Default: false. */
  scaleAttentionByLayer?: boolean;
}

/** The largest size that is taken seriously; far beyond any GPT-2, small enough that products stay exact. */
export const MAX_SIZE = 2 ** 24;
/** The largest number of layers that is taken seriously. */
export const MAX_LAYERS = 1000;

const ACTION = "configure GPT-2";

const size = integer(1, MAX_SIZE);

const fraction: OptionRule = {
  meaning: "at least 0 and below 1",
  isType: (value) => typeof value === "number",
  isInRange: (value) => (value as number) >= 0 && (value as number) < 1,
};

/** What the fields must be. */
const RULES: OptionRules<GPT2ConfigFields> = {
  vocabSize: size,
  contextLength: size,
  embeddingDim: size,
  numHeads: size,
  numLayers: integer(1, MAX_LAYERS),
  hiddenDim: size,
  layerNormEpsilon: fraction,
  dropout: fraction,
  activation: oneOf<Activation>("gelu_tanh", "gelu"),
  scaleAttention: flag,
  scaleAttentionByLayer: flag,
};

/**
 * The sizes of a GPT-2 (Radford et al., 2019, "Language Models are Unsupervised Multitask Learners", table 2).
 *
 * ```ts
 * import { GPT2Config } from "@allformers/gpt2";
 *
 * const config = new GPT2Config({ embeddingDim: 96, numHeads: 6, numLayers: 4, contextLength: 256 });
 * console.log(config.headDim); // 16
 * ```
 */
export class GPT2Config {
  /** Number of tokens in the vocabulary. */
  readonly vocabSize: number;
  /** The longest sequence, in tokens. */
  readonly contextLength: number;
  /** Width of the residual stream. */
  readonly embeddingDim: number;
  /** Number of attention heads. */
  readonly numHeads: number;
  /** Number of transformer blocks. */
  readonly numLayers: number;
  /** Width of the hidden layer of each MLP. */
  readonly hiddenDim: number;
  /** Added to the variance in each layer normalization. */
  readonly layerNormEpsilon: number;
  /** Probability of dropping an activation in training. */
  readonly dropout: number;
  /** What bends the hidden layer of each MLP. */
  readonly activation: Activation;
  /** Whether attention scores are divided by the square root of the head's width. */
  readonly scaleAttention: boolean;
  /** Whether attention scores are divided by the number of the layer as well, from 1. */
  readonly scaleAttentionByLayer: boolean;

  /**
   * Checks and completes the sizes.
   *
   * @param fields see {@linkcode GPT2ConfigFields}
   * @throws {TypeError} if there is no such field, one is missing, or has another type
   * @throws {RangeError} if a size is not a positive integer, the heads do not divide the width, or there is no such
   * activation
   */
  constructor(fields: GPT2ConfigFields) {
    fields = checkOptions(ACTION, fields, RULES);
    for (const name of ["embeddingDim", "numHeads", "numLayers"] as const) {
      if (fields[name] !== undefined) continue;
      throw new TypeError(
        `Cannot ${ACTION}: ${name} must be ${RULES[name].meaning}: received nothing.`,
      );
    }
    this.embeddingDim = fields.embeddingDim;
    this.numHeads = fields.numHeads;
    this.numLayers = fields.numLayers;
    this.vocabSize = fields.vocabSize ?? 50257;
    this.contextLength = fields.contextLength ?? 1024;
    this.hiddenDim = fields.hiddenDim ?? 4 * this.embeddingDim;
    this.layerNormEpsilon = fields.layerNormEpsilon ?? 1e-5;
    this.dropout = fields.dropout ?? 0.1;
    this.activation = fields.activation ?? "gelu_tanh";
    this.scaleAttention = fields.scaleAttention ?? true;
    this.scaleAttentionByLayer = fields.scaleAttentionByLayer ?? false;
    if (this.embeddingDim % this.numHeads !== 0) {
      throw new InvalidArgumentError(
        `Cannot ${ACTION}: numHeads must divide embeddingDim: ` +
          `received ${this.numHeads} heads for ${this.embeddingDim} dims. Change one of them.`,
      );
    }
    // A model that is in use has these sizes, whatever somebody does to them.
    Object.freeze(this);
  }

  /** Width of one attention head. */
  get headDim(): number {
    return this.embeddingDim / this.numHeads;
  }

  /**
   * What the attention scores of a layer are multiplied with: `1 / sqrt(headDim)` (Vaswani et al., 2017, section 3.2.1),
   * and in some models `1 / (layer + 1)` too, which keeps scores in the range of half precision (Stanford's Mistral).
   */
  attentionScale(layer: number): number {
    return (this.scaleAttention ? 1 / Math.sqrt(this.headDim) : 1) /
      (this.scaleAttentionByLayer ? layer + 1 : 1);
  }

  /** 2 layers, 4 heads, 64 dims, 1000 tokens, context 128: for tests and experiments. */
  static tiny(): GPT2Config {
    return new GPT2Config({
      vocabSize: 1000,
      contextLength: 128,
      embeddingDim: 64,
      numHeads: 4,
      numLayers: 2,
    });
  }

  /** `gpt2`: 12 layers, 12 heads, 768 dims; 124,439,808 parameters. */
  static gpt2Small(): GPT2Config {
    return new GPT2Config({ embeddingDim: 768, numHeads: 12, numLayers: 12 });
  }

  /** `gpt2-medium`: 24 layers, 16 heads, 1024 dims; 354,823,168 parameters. */
  static gpt2Medium(): GPT2Config {
    return new GPT2Config({ embeddingDim: 1024, numHeads: 16, numLayers: 24 });
  }

  /** `gpt2-large`: 36 layers, 20 heads, 1280 dims; 774,030,080 parameters. */
  static gpt2Large(): GPT2Config {
    return new GPT2Config({ embeddingDim: 1280, numHeads: 20, numLayers: 36 });
  }

  /** `gpt2-xl`: 48 layers, 25 heads, 1600 dims; 1,557,611,200 parameters. */
  static gpt2Xl(): GPT2Config {
    return new GPT2Config({ embeddingDim: 1600, numHeads: 25, numLayers: 48 });
  }
}
