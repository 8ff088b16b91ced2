/**
 * Trainings that are known to work, by name.
 *
 * @module
 */
import type { TrainerOptions } from "./trainer_options.ts";

/** Sizes of a model that is trained from scratch; the tokenizer decides the vocabulary. */
export interface ModelSizes {
  /** Tokens of a text at most. */
  readonly contextLength: number;
  /** Width of the residual stream. */
  readonly embeddingDim: number;
  /** Attention heads. */
  readonly numHeads: number;
  /** Blocks. */
  readonly numLayers: number;
}

/** A training by name. */
export interface Preset {
  /** What it is, in a line. */
  readonly summary: string;
  /** See {@linkcode ModelSizes}. */
  readonly model: ModelSizes;
  /** What the tokenizer is, as `--tokenizer` has it. */
  readonly tokenizer: string;
  /** How it is trained. */
  readonly training: TrainerOptions;
  /** Whether windows start anywhere, as in nanoGPT, or each token is seen once in an epoch. */
  readonly sampling: "random" | "epochs";
}

/** The name of a preset. */
export type PresetName = "nano" | "nano-large" | "demo" | "small" | "medium";

const sizes = (
  numLayers: number,
  numHeads: number,
  embeddingDim: number,
  contextLength: number,
): ModelSizes => ({ contextLength, embeddingDim, numHeads, numLayers });

/** What nanoGPT trains GPT-2 with (train_gpt2.py), in batches that fit into 16 GB. */
const gpt2Training: TrainerOptions = {
  numSteps: 10_000,
  batchSize: 4,
  accumulation: 8,
  learningRate: 6e-4,
  minLearningRate: 6e-5,
  warmupSteps: 500,
  betas: [0.9, 0.95],
  precision: "auto",
};

/** The presets by name. */
export const presets: Readonly<Record<PresetName, Preset>> = {
  nano: {
    summary: "nanoGPT's character model for a processor: 0.8 M weights, minutes",
    model: sizes(4, 4, 128, 64),
    tokenizer: "char",
    training: {
      numSteps: 2000,
      batchSize: 12,
      learningRate: 3e-3,
      minLearningRate: 3e-4,
      warmupSteps: 100,
    },
    sampling: "random",
  },
  "nano-large": {
    summary: "nanoGPT's character model for a GPU: 10.8 M weights, hours on a processor",
    model: sizes(6, 6, 384, 256),
    tokenizer: "char",
    training: {
      numSteps: 5000,
      batchSize: 64,
      learningRate: 1e-3,
      minLearningRate: 1e-4,
      warmupSteps: 100,
      dropout: 0.2,
      precision: "auto",
    },
    sampling: "random",
  },
  demo: {
    summary: "the demo: 3.5 M weights, a vocabulary of 1,024 of its own",
    model: sizes(4, 4, 256, 256),
    tokenizer: "bpe:1024",
    training: {
      numSteps: 2400,
      batchSize: 16,
      learningRate: 1.5e-3,
      minLearningRate: 3e-5,
      warmupSteps: 100,
      dropout: 0.2,
      precision: "auto",
    },
    sampling: "epochs",
  },
  small: {
    summary: "GPT-2 small: 124 M weights",
    model: sizes(12, 12, 768, 1024),
    tokenizer: "gpt2",
    training: gpt2Training,
    sampling: "epochs",
  },
  medium: {
    summary: "GPT-2 medium: 355 M weights",
    model: sizes(24, 16, 1024, 1024),
    tokenizer: "gpt2",
    training: { ...gpt2Training, learningRate: 3e-4, minLearningRate: 3e-5 },
    sampling: "epochs",
  },
};

/** What a model is fine-tuned with. Small steps: it is good already. */
export const fineTuning: TrainerOptions = { learningRate: 5e-5, numSteps: 500, batchSize: 4 };

/** What an adapter is trained with: it begins at nothing, and takes larger steps (Hu et al., 2021, arXiv:2106.09685, table 11). */
export const adapterTraining: TrainerOptions = {
  ...fineTuning,
  learningRate: 3e-4,
  weightDecay: 0,
};
