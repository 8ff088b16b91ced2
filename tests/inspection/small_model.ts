/** A small model with random weights, and three texts for it. */
import { GPT2Config } from "../../src/model/config.ts";
import { createModel } from "../../src/model/create_model.ts";
import type { Model } from "../../src/model/model.ts";

/** Its sizes. */
export const smallConfig = new GPT2Config({
  vocabSize: 131,
  contextLength: 64,
  embeddingDim: 64,
  numHeads: 4,
  numLayers: 2,
});

/** What its weights are drawn with. */
export const SMALL_SEED = 3;

/** Of different lengths. */
export const smallTexts = [[1, 2, 3, 4, 5, 6, 7], [100, 90, 80], [55, 44, 33, 22, 11]];

/** The same each time. */
export function smallModel(): Model {
  return createModel(smallConfig, { seed: SMALL_SEED, threads: 1 });
}

/** The logits of one text of a batch, without those behind its end. */
export function logitsOf(logits: Float32Array, text: number): Float32Array {
  const seq = Math.max(...smallTexts.map(({ length }) => length));
  const begin = text * seq * smallConfig.vocabSize;
  return logits.subarray(begin, begin + smallTexts[text].length * smallConfig.vocabSize);
}
