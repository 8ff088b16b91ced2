/**
 * What each step of sampling leaves of the choice.
 *
 * @module
 */
import { FILTER_ORDERS, Sampler, type TokenDistribution } from "./sampler.ts";
import {
  defaultSamplingOptions,
  resolveSamplingOptions,
  type SamplingOptions,
} from "./sampling_options.ts";

/** An option of sampling that changes the choice. */
export type SamplingStageName = Exclude<keyof SamplingOptions, "seed" | "order">;

/** What is left of the choice when this and all stages before have done their work. */
export interface SamplingStage extends TokenDistribution {
  /** Which option does it. */
  readonly name: SamplingStageName;
  /** The value of the option; for `logitBias`, how many tokens it is about. */
  readonly value: number | boolean;
}

/** In the order in which they are applied; what comes after them depends on the options. */
const PROCESSORS = [
  "logitBias",
  "repetitionPenalty",
  "presencePenalty",
  "frequencyPenalty",
  "noRepeatNgramSize",
] as const;

/** What changes nothing. */
const NEUTRAL: SamplingOptions = { ...defaultSamplingOptions, topK: 0, seed: 0 };

/**
 * The stages that sampling options ask for, each with the tokens that can be drawn after it. They are computed by samplers
 * of which each has one option more than the one before: the last gives what {@linkcode Sampler.distribution} gives.
 *
 * @param options what is asked for; options that change nothing are no stages
 * @param logits one per token of the vocabulary
 * @param history the tokens so far
 * @param numPromptTokens how many of them are the prompt
 * @throws {TypeError} if there is an option that does not exist, or one has the wrong type
 * @throws {RangeError} if an option is out of its range
 * @throws {NumericalError} if a logit is not a number, or no token is left
 */
export function samplingStages(
  options: SamplingOptions,
  logits: Float32Array,
  history: ArrayLike<number>,
  numPromptTokens: number,
): SamplingStage[] {
  const settings = resolveSamplingOptions(options, logits.length);
  const isGreedy = settings.greedy || settings.temperature === 0;
  const filters = isGreedy ? ["greedy"] as const : FILTER_ORDERS[settings.order];
  const asked: SamplingOptions = { ...NEUTRAL, order: settings.order };
  const stages: SamplingStage[] = [];
  for (const name of [...PROCESSORS, ...filters]) {
    const value = name === "greedy" ? true : settings[name];
    const isNeutral = typeof value === "object" ? value.size === 0 : value === NEUTRAL[name];
    if (isNeutral) continue;
    Object.assign(asked, { [name]: value });
    const sampler = new Sampler(asked, logits.length);
    stages.push({
      name,
      value: typeof value === "object" ? value.size : value,
      ...sampler.distribution(logits, history, numPromptTokens),
    });
  }
  return stages;
}
