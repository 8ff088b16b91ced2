/**
 * What may come next, and what sampling leaves of it.
 *
 * @module
 */
import {
  type SamplingStageName,
  samplingStages,
} from "../../generation/sampling/sampling_stages.ts";
import type { SamplingOptions } from "../../generation/sampling/sampling_options.ts";
import type { InspectableModel } from "../../inspection/inspectable_model.ts";
import { type ReadableToken, readableToken } from "../../tokenizer/readable_token.ts";

/** A token that may come next. */
export interface Candidate extends ReadableToken {
  /** As the model has it, from 0 to 1. */
  readonly probability: number;
  /** How many tokens the model finds likelier. */
  readonly rank: number;
  /** After each stage of sampling; 0 from where it cannot be drawn any more. */
  readonly afterStages: readonly number[];
}

/** A stage of sampling. */
export interface CandidateStage {
  /** The option that asks for it. */
  readonly name: SamplingStageName;
  /** Its value. */
  readonly value: number | boolean;
  /** How many tokens can be drawn after it. */
  readonly numTokens: number;
  /** How much probability the model gives to these together. */
  readonly modelProbability: number;
}

/** What may come next. */
export interface Candidates {
  /** The likeliest tokens, by the model and by what sampling makes of it; those first that the model finds likeliest. */
  readonly tokens: readonly Candidate[];
  /** In the order in which they are applied. */
  readonly stages: readonly CandidateStage[];
}

/**
 * The tokens that may come next.
 *
 * @param about the logits of what follows and the log-probabilities that they are, (vocab) both
 * @param history the tokens so far, all of them a prompt
 * @param top how many of the likeliest before and after sampling
 */
export function nextCandidates(
  model: InspectableModel,
  { logits, logProbabilities }: {
    readonly logits: Float32Array;
    readonly logProbabilities: Float64Array;
  },
  history: readonly number[],
  options: SamplingOptions,
  top: number,
): Candidates {
  const probabilities = logProbabilities.map(Math.exp);
  const ranks = new Int32Array(logits.length);
  const sorted = [...logits.keys()].sort((a, b) => logits[b] - logits[a] || a - b);
  sorted.forEach((id, rank) => ranks[id] = rank);
  const stages = samplingStages(options, logits, history, history.length);
  const left = stages.map(({ ids, probabilities }) =>
    new Map(Array.from(ids, (id, i) => [id, probabilities[i]]))
  );
  const last = left.at(-1) ?? new Map<number, number>();
  const drawn = [...last].sort(([, a], [, b]) => b - a).slice(0, top).map(([id]) => id);
  const ids = new Set([...sorted.slice(0, top), ...drawn]);
  return {
    tokens: [...ids].sort((a, b) => ranks[a] - ranks[b]).map((id) => ({
      ...readableToken(model, id),
      probability: probabilities[id],
      rank: ranks[id],
      afterStages: left.map((stage) => stage.get(id) ?? 0),
    })),
    stages: stages.map(({ name, value, ids }) => ({
      name,
      value,
      numTokens: ids.length,
      modelProbability: ids.reduce((sum, id) => sum + probabilities[id], 0),
    })),
  };
}
