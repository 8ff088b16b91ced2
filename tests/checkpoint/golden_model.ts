/**
 * Models whose weights follow from their names, so that they need not be stored: what `llama-quantize` makes of them is
 * in `tests/fixtures/checkpoint/llama_quantize.json`.
 *
 * @module
 */
import type { GgufValue } from "../../src/formats/gguf_value.ts";
import { writeGguf } from "../../src/formats/gguf_writer.ts";
import { fileTypeId } from "../../src/checkpoint/file_types.ts";
import { ggufName } from "../../src/checkpoint/weight_layout.ts";
import { GPT2Config } from "../../src/model/config.ts";
import { parameterSpecs } from "../../src/model/parameters.ts";
import { numElements } from "../../src/tensor/shape.ts";

/** A model of the golden test. */
export interface GoldenModel {
  readonly config: GPT2Config;
  /** Whether it has a vocabulary projection of its own. */
  readonly tied: boolean;
}

/** One model for each way in which widths decide about types. */
export const goldenModels: Readonly<Record<string, GoldenModel>> = {
  /** All rows are whole blocks of 256; four layers, two of which get more bits in mixed types. */
  wide: {
    config: new GPT2Config({
      vocabSize: 72,
      contextLength: 16,
      embeddingDim: 256,
      numHeads: 4,
      numLayers: 4,
      hiddenDim: 512,
    }),
    tied: true,
  },
  /** Only the rows of the second MLP matrix are blocks of 256, the others, as GPT-2 XL's, blocks of 32. */
  narrow: {
    config: new GPT2Config({
      vocabSize: 40,
      contextLength: 16,
      embeddingDim: 160,
      numHeads: 5,
      numLayers: 3,
      hiddenDim: 256,
    }),
    tied: true,
  },
  /** Rows that are no blocks at all, and a projection that is stored apart from the embedding. */
  odd: {
    config: new GPT2Config({
      vocabSize: 24,
      contextLength: 16,
      embeddingDim: 48,
      numHeads: 3,
      numLayers: 1,
      hiddenDim: 64,
    }),
    tied: false,
  },
};

/** A smaller one, of one layer, in which every type occurs too. */
export const quickModel: GoldenModel = {
  config: new GPT2Config({
    vocabSize: 40,
    contextLength: 16,
    embeddingDim: 256,
    numHeads: 4,
    numLayers: 1,
    hiddenDim: 256,
  }),
  tied: true,
};

/** The weights of `name`: bell-shaped with a few outliers, as in trained models. Exact in half precision. */
export function goldenWeights(name: string, count: number): Float32Array<ArrayBuffer> {
  let state = 0x9e3779b9;
  for (const character of name) state = Math.imul(state ^ character.codePointAt(0)!, 0x01000193);
  const next = () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return (state >>> 8) / 2 ** 24 - 0.5;
  };
  return Float32Array.from({ length: count }, () => {
    const value = 0.1 * (next() + next() + next() + next());
    return Math.f16round(next() > 0.495 ? 8 * value : value);
  });
}

/** Writes a golden model as an F32 GGUF file. */
export async function writeGoldenModel(path: string, { config, tied }: GoldenModel): Promise<void> {
  const u32 = (value: number): GgufValue => ({ type: "u32", value });
  const metadata = new Map<string, GgufValue>([
    ["general.architecture", { type: "string", value: "gpt2" }],
    ["general.file_type", u32(fileTypeId("f32"))],
    ["gpt2.block_count", u32(config.numLayers)],
    ["gpt2.context_length", u32(config.contextLength)],
    ["gpt2.embedding_length", u32(config.embeddingDim)],
    ["gpt2.feed_forward_length", u32(config.hiddenDim)],
    ["gpt2.attention.head_count", u32(config.numHeads)],
    ["gpt2.attention.layer_norm_epsilon", { type: "f32", value: config.layerNormEpsilon }],
    ["tokenizer.ggml.model", { type: "string", value: "gpt2" }],
    ["tokenizer.ggml.tokens", {
      type: "string[]",
      value: Array.from({ length: config.vocabSize }, (_, id) => String.fromCharCode(0x21 + id)),
    }],
    ["tokenizer.ggml.merges", { type: "string[]", value: [] }],
  ]);
  const tensors = parameterSpecs(config, { tied }).map((spec) => ({
    name: ggufName(spec),
    shape: spec.shape,
    type: "f32" as const,
    produce: () => new Uint8Array(goldenWeights(spec.name, numElements(spec.shape)).buffer),
  }));
  await writeGguf(path, { metadata, tensors });
}
