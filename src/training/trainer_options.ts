/**
 * How a model is trained.
 *
 * @module
 */
import {
  abortSignal,
  integer,
  number,
  oneOf,
  type OptionRule,
  type OptionRules,
  share,
  texts,
} from "../base/check_options.ts";
import { type HookOptions, hookRules } from "../engine/hook_options.ts";
import type { Adapter } from "../model/adapter.ts";
import { ModelAdapter } from "../model/model_adapter.ts";
import type { Precision } from "../tensor/recorder.ts";
import { atLeastZero, type ScheduleKind, scheduleRules } from "./learning_rate.ts";
import type { Batch } from "./training_graph.ts";

/**
 * Options of `Trainer`. What is captured is in `step.activations`; what is changed is so in training only, with its gradients.
 * The texts of a step are those of all its batches.
 */
export interface TrainerOptions extends HookOptions {
  /** Steps in all: the schedule ends with the last one. Default: 2000. */
  numSteps?: number;
  /** Texts in a batch. Default: 12. */
  batchSize?: number;
  /** Tokens of a text. Default: the context of the model. */
  seqLength?: number;
  /** Batches whose gradients are added up for a step. Default: 1. */
  accumulation?: number;
  /** The largest learning rate. Default: 1e-3. */
  learningRate?: number;
  /** The learning rate at the end. Default: a tenth of the largest. */
  minLearningRate?: number;
  /** Steps in which the learning rate rises. Default: 100, or a tenth of all steps if they are fewer than 1000. */
  warmupSteps?: number;
  /** How the learning rate falls after that. Default: `"cosine"`. */
  schedule?: ScheduleKind;
  /** AdamW's beta1 and beta2. Default: 0.9 and 0.99. */
  betas?: readonly [number, number];
  /** AdamW's epsilon. Default: 1e-8. */
  epsilon?: number;
  /** AdamW's decoupled weight decay, of matrices and embeddings only. Default: 0.1. */
  weightDecay?: number;
  /** The largest length of the gradients as one vector: longer ones are shortened to it. 0 for any. Default: 1. */
  gradientClip?: number;
  /** The share of activations that are left out at random, as in GPT-2: after the embedding, attention, MLP. Default: 0. */
  dropout?: number;
  /**
   * How exactly matrices are multiplied; weights and sums are F32 in any case. `"auto"` is BF16 where the processor multiplies
   * that, which is faster there, and F32 elsewhere; `settings` of the trainer say which. Default: `"f32"`.
   */
  precision?: Precision | "auto";
  /** Names of weights that stay as they are; `*` stands for any characters: `["blocks.0.*", "*Embedding"]`. */
  freeze?: readonly string[];
  /** What is trained instead of the weights of the model: one of its adapters. */
  adapter?: Adapter;
  /** What `evaluate()` measures: batches of texts of `seqLength` tokens, gone through anew each time. See `validationWindows()`. */
  validation?: Iterable<Batch>;
  /** The share of what an adapter reads that is left out at random, before its first matrix: PEFT's `lora_dropout`. Default: 0. */
  adapterDropout?: number;
  /** The activations whose gradients are wanted, in `step.gradients`; `*` stands for any characters: `["blocks.*.residual"]`. */
  captureGradients?: readonly string[];
  /** Decides the order of the data, and what dropout leaves out. Default: 0. */
  seed?: number;
  /** Stops training with an `AbortError`, between two steps: the model is as the last one has left it. */
  signal?: AbortSignal;
}

/** Batches of texts, which are checked when they are read. */
export const batches: OptionRule = {
  meaning: "batches: an array of them, or another object that can be gone through",
  isType: (value) =>
    typeof value === "object" &&
    typeof (value as Iterable<Batch>)?.[Symbol.iterator] === "function",
};

/** What these options must be. */
export const trainerRules: OptionRules<TrainerOptions> = {
  numSteps: scheduleRules.numSteps,
  batchSize: integer(1, 1e6),
  seqLength: integer(1),
  accumulation: integer(1, 1e6),
  learningRate: scheduleRules.learningRate,
  minLearningRate: scheduleRules.minLearningRate,
  warmupSteps: scheduleRules.warmupSteps,
  schedule: scheduleRules.kind,
  betas: {
    meaning: "two numbers from 0 to less than 1",
    isType: (value) =>
      Array.isArray(value) && value.length === 2 && value.every((beta) => typeof beta === "number"),
    isInRange: (value) => (value as number[]).every((beta) => beta >= 0 && beta < 1),
    copy: (value) => Array.from(value as readonly number[]),
  },
  epsilon: number(1e-30, 1, "a number from 1e-30 to 1"),
  weightDecay: atLeastZero,
  gradientClip: atLeastZero,
  dropout: share,
  adapterDropout: share,
  precision: oneOf<Precision | "auto">("auto", "f32", "bf16"),
  freeze: texts,
  adapter: { meaning: "an adapter of the model", isType: (value) => value instanceof ModelAdapter },
  validation: batches,
  captureGradients: texts,
  seed: integer(0, 2 ** 32 - 1),
  signal: abortSignal,
  ...hookRules,
};
