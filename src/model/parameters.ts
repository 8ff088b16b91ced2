/**
 * The weights of a GPT-2: how they are named, and which shapes they have.
 *
 * @module
 */
import type { Tensor } from "../tensor/tensor.ts";
import type { Shape } from "../tensor/shape.ts";
import type { GPT2Config } from "./config.ts";

/** What an adapter adds to a weight: `factor * up * down`, a matrix of low rank. */
export interface LowRankUpdate {
  /** (rank in) */
  readonly down: Tensor;
  /** (out rank) */
  readonly up: Tensor;
  /** How much of it is added. */
  readonly factor: number;
  /** What is left out of what `down` multiplies, in training. Default: nothing. */
  readonly drop?: (x: Tensor) => Tensor;
}

/** An affine map. */
export interface Linear {
  /** (out in) */
  readonly weight: Tensor;
  /** (out) */
  readonly bias: Tensor;
  /** What adapters add to the weight. */
  readonly updates?: readonly LowRankUpdate[];
}

/** Scale and shift after a layer normalization. */
export interface LayerNorm {
  /** (embed) */
  readonly weight: Tensor;
  /** (embed) */
  readonly bias: Tensor;
}

/** The weights of one transformer block. */
export interface Block {
  /** Index of the block, from 0 at the input. */
  readonly layer: number;
  /** Normalizes what the attention reads. */
  readonly attentionNorm: LayerNorm;
  /** embed -> three heads head_dim: queries, keys and values at once. */
  readonly qkvProjection: Linear;
  /** heads head_dim -> embed */
  readonly outputProjection: Linear;
  /** Normalizes what the MLP reads. */
  readonly mlpNorm: LayerNorm;
  /** embed -> hidden */
  readonly hiddenProjection: Linear;
  /** hidden -> embed */
  readonly mlpProjection: Linear;
}

/** All weights of a GPT-2. */
export interface GPT2Parameters {
  /** (vocab embed) */
  readonly tokenEmbedding: Tensor;
  /** (context embed) */
  readonly positionEmbedding: Tensor;
  /** The transformer blocks, from the input to the output. */
  readonly blocks: readonly Block[];
  /** Normalizes the residual stream before the vocabulary projection. */
  readonly finalNorm: LayerNorm;
  /**
   * (vocab embed): the token embedding again (weight tying), a copy of it in memory that multiplies faster, or, in the
   * few models that are not tied, a weight of its own. It may have further rows of zeros at its end.
   */
  readonly vocabularyProjection: Tensor;
}

/** What kind of weight it is: decides its initialization and whether it may be quantized. */
export type ParameterKind = "embedding" | "matrix" | "residualMatrix" | "bias" | "scale";

/** What a weight belongs to: a field of {@linkcode GPT2Parameters} or, inside of a block, of {@linkcode Block}. */
export type ParameterPart = Exclude<keyof GPT2Parameters, "blocks"> | Exclude<keyof Block, "layer">;

/** Which weight of a model it is. */
export interface ParameterPath {
  /** Index of its block; nothing for weights outside of the blocks. */
  readonly layer?: number;
  /** See {@linkcode ParameterPart}. */
  readonly part: ParameterPart;
  /** Which of the two fields of its part it is; nothing for a part that is one weight. */
  readonly field?: "weight" | "bias";
}

/** The name, shape and kind of one weight. */
export interface ParameterSpec extends ParameterPath {
  /** Path of the weight: `blocks.0.qkvProjection.weight`. */
  readonly name: string;
  /** Outermost axis first. */
  readonly shape: Shape;
  /** See {@linkcode ParameterKind}. */
  readonly kind: ParameterKind;
}

/** Options of {@linkcode parameterSpecs}. */
export interface ParameterOptions {
  /**
   * Whether the token embedding is the vocabulary projection too, as in every GPT-2 that was published. Default: true.
   * Some files store the projection a second time, in a more precise type, or trained on its own.
   */
  tied?: boolean;
}

/** Every weight of a model of this size, in the order in which the forward pass meets them. */
export function parameterSpecs(
  config: GPT2Config,
  { tied = true }: ParameterOptions = {},
): ParameterSpec[] {
  const { vocabSize, contextLength, embeddingDim, hiddenDim, numLayers } = config;
  const whole = (part: ParameterPart, rows: number, kind: ParameterKind): ParameterSpec => ({
    name: part,
    part,
    shape: [rows, embeddingDim],
    kind,
  });
  const pair = (
    part: ParameterPart,
    weight: Pick<ParameterSpec, "shape" | "kind">,
    layer?: number,
  ): ParameterSpec[] => {
    const path = layer === undefined ? part : `blocks.${layer}.${part}`;
    return [
      { name: `${path}.weight`, layer, part, field: "weight", ...weight },
      { name: `${path}.bias`, layer, part, field: "bias", shape: [weight.shape[0]], kind: "bias" },
    ];
  };
  const scale: Pick<ParameterSpec, "shape" | "kind"> = { shape: [embeddingDim], kind: "scale" };
  const matrix = (rows: number, columns: number, kind: ParameterKind = "matrix") => ({
    shape: [rows, columns],
    kind,
  });
  const block = (layer: number): ParameterSpec[] => [
    ...pair("attentionNorm", scale, layer),
    ...pair("qkvProjection", matrix(3 * embeddingDim, embeddingDim), layer),
    ...pair("outputProjection", matrix(embeddingDim, embeddingDim, "residualMatrix"), layer),
    ...pair("mlpNorm", scale, layer),
    ...pair("hiddenProjection", matrix(hiddenDim, embeddingDim), layer),
    ...pair("mlpProjection", matrix(embeddingDim, hiddenDim, "residualMatrix"), layer),
  ];
  return [
    whole("tokenEmbedding", vocabSize, "embedding"),
    whole("positionEmbedding", contextLength, "embedding"),
    ...Array.from({ length: numLayers }, (_, layer) => block(layer)).flat(),
    ...pair("finalNorm", scale),
    ...(tied ? [] : [whole("vocabularyProjection", vocabSize, "matrix")]),
  ];
}

/** The number of weights; the vocabulary projection shares those of the token embedding. */
export function numParameters(
  config: GPT2Config,
  options: ParameterOptions & { nonEmbedding?: boolean } = {},
): number {
  let count = 0;
  for (const { part, shape } of parameterSpecs(config, options)) {
    // As nanoGPT counts: the token embedding stays in, since it is the vocabulary projection too.
    if (options.nonEmbedding && part === "positionEmbedding") continue;
    count += shape.reduce((product, size) => product * size, 1);
  }
  return count;
}

/**
 * Arranges weights by name into the structure that the forward pass reads.
 *
 * @param config sizes of the model
 * @param tensor gives the weight of a name
 * @param vocabularyProjection a copy of the token embedding in faster memory or a weight of its own, where there is one
 */
export function arrangeParameters(
  config: GPT2Config,
  tensor: (name: string) => Tensor,
  vocabularyProjection?: Tensor,
): GPT2Parameters {
  const pair = (name: string) => ({
    weight: tensor(`${name}.weight`),
    bias: tensor(`${name}.bias`),
  });
  const tokenEmbedding = tensor("tokenEmbedding");
  return {
    tokenEmbedding,
    positionEmbedding: tensor("positionEmbedding"),
    blocks: Array.from({ length: config.numLayers }, (_, i) => ({
      layer: i,
      attentionNorm: pair(`blocks.${i}.attentionNorm`),
      qkvProjection: pair(`blocks.${i}.qkvProjection`),
      outputProjection: pair(`blocks.${i}.outputProjection`),
      mlpNorm: pair(`blocks.${i}.mlpNorm`),
      hiddenProjection: pair(`blocks.${i}.hiddenProjection`),
      mlpProjection: pair(`blocks.${i}.mlpProjection`),
    })),
    finalNorm: pair("finalNorm"),
    vocabularyProjection: vocabularyProjection ?? tokenEmbedding,
  };
}
