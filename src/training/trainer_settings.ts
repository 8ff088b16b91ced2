/**
 * What a model is trained with, where nothing else is said.
 *
 * @module
 */
import type { Precision } from "../tensor/recorder.ts";
import type { TrainerOptions } from "./trainer_options.ts";

/** The options with their defaults. */
export type TrainerSettings =
  & Required<
    Omit<
      TrainerOptions,
      | "signal"
      | "adapter"
      | "validation"
      | "capture"
      | "intervene"
      | "captureGradients"
      | "precision"
    >
  >
  & {
    /** How exactly matrices are multiplied. */
    readonly precision: Precision;
  };

/** The same, where it may be open which precision is the faster one. */
export type OpenSettings =
  & Omit<TrainerSettings, "precision">
  & Required<Pick<TrainerOptions, "precision">>;

/** Fills in what is not given. */
export function withDefaults(
  options: Partial<OpenSettings>,
  contextLength: number,
): OpenSettings {
  const { numSteps = 2000, learningRate = 1e-3 } = options;
  return {
    numSteps,
    batchSize: options.batchSize ?? 12,
    seqLength: options.seqLength ?? contextLength,
    accumulation: options.accumulation ?? 1,
    learningRate,
    minLearningRate: options.minLearningRate ?? learningRate / 10,
    warmupSteps: options.warmupSteps ?? Math.min(100, Math.floor(numSteps / 10)),
    schedule: options.schedule ?? "cosine",
    betas: options.betas ?? [0.9, 0.99],
    epsilon: options.epsilon ?? 1e-8,
    weightDecay: options.weightDecay ?? 0.1,
    gradientClip: options.gradientClip ?? 1,
    dropout: options.dropout ?? 0,
    adapterDropout: options.adapterDropout ?? 0,
    precision: options.precision ?? "f32",
    freeze: options.freeze ?? [],
    seed: options.seed ?? 0,
  };
}
