/**
 * How beam search is asked for.
 *
 * @module
 */
import { integer, type OptionRules } from "../base/check_options.ts";
import { describe } from "../base/describe.ts";
import { InvalidArgumentError } from "../base/errors.ts";
import {
  defaultSamplingOptions,
  samplingOptionNames,
  type SamplingOptions,
} from "./sampling/sampling_options.ts";

/** Options of beam search, with Hugging Face's names and defaults. */
export interface BeamOptions {
  /**
   * How many beginnings of a text are followed side by side: the likeliest ones, as wholes. More than 1 is beam search, in
   * which nothing is drawn. The tokens come when a text is known to be among the best: sequence by sequence. Default: 1.
   */
  numBeams?: number;
  /**
   * A text's score is the sum of its log-probabilities divided by its number of tokens to the power of this: 1 is their
   * mean, more favors long texts, less short ones; 0 is the plain sum. Default: 1.
   */
  lengthPenalty?: number;
  /**
   * When the search ends. `true`: when there are `numBeams` complete texts. `false`: when the best beginning, as long as it
   * is now, scores less than the worst of these. `"never"`: when none can become better at any length. Default: false.
   */
  earlyStopping?: boolean | "never";
}

/** Powers of lengths up to a million are finite then, and none is 0. */
const MAX_LENGTH_PENALTY = 50;

/** What the options must be. */
export const beamRules: OptionRules<BeamOptions> = {
  numBeams: integer(1),
  lengthPenalty: {
    meaning: `a number from -${MAX_LENGTH_PENALTY} to ${MAX_LENGTH_PENALTY}`,
    isType: (value) => typeof value === "number",
    isInRange: (value) => Math.abs(value as number) <= MAX_LENGTH_PENALTY,
  },
  earlyStopping: {
    meaning: 'true, false or "never"',
    isType: (value) => typeof value === "boolean" || typeof value === "string",
    isInRange: (value) => typeof value === "boolean" || value === "never",
  },
};

/** Sampling options that change what a beam may go on with, or do nothing where nothing is drawn. */
const FITTING: ReadonlySet<keyof SamplingOptions> = new Set([
  "greedy",
  "seed",
  "repetitionPenalty",
  "noRepeatNgramSize",
  "presencePenalty",
  "frequencyPenalty",
  "logitBias",
]);

/** What else has a say in whether these options fit. */
export interface OtherOptions extends SamplingOptions {
  readonly numReturnSequences?: number;
  readonly stop?: string | readonly string[];
  readonly overflow?: "stop" | "crop";
  readonly speculate?: unknown;
  readonly draft?: unknown;
}

/**
 * Refuses options that do not go together with beam search, or need it.
 *
 * @param options checked by their rules already
 * @throws {RangeError} with the name of one
 */
export function checkBeamOptions(options: BeamOptions & OtherOptions): void {
  const { numBeams = 1, numReturnSequences = 1, stop, overflow = "stop" } = options;
  if (numBeams === 1) {
    for (const name of ["lengthPenalty", "earlyStopping"] as const) {
      if (options[name] === undefined) continue;
      throw refusal(name, options[name], "needs numBeams above 1", "Leave it out, or add beams");
    }
    if (numReturnSequences > 1 && (options.greedy || options.temperature === 0)) {
      throw refusal(
        "numReturnSequences",
        numReturnSequences,
        "above 1 would be the same text each time with `greedy` or a `temperature` of 0",
        "Leave one of them out, or add numBeams for the likeliest texts",
      );
    }
    return;
  }
  if (numReturnSequences > numBeams) {
    throw new InvalidArgumentError(
      `Cannot generate: numReturnSequences must be at most numBeams, ${numBeams}: received ${numReturnSequences}.`,
    );
  }
  const { speculate, draft } = options;
  const unfit: Record<string, unknown> = {};
  if (speculate !== undefined) unfit.speculate = speculate;
  if (draft !== undefined) unfit.draft = draft;
  if (typeof stop === "string" || stop?.length) unfit.stop = stop;
  if (overflow !== "stop") unfit.overflow = overflow;
  const defaults: SamplingOptions = defaultSamplingOptions;
  for (const name of samplingOptionNames) {
    const isDefault = options[name] === undefined || options[name] === defaults[name];
    if (!FITTING.has(name) && !isDefault) unfit[name] = options[name];
  }
  for (const [name, value] of Object.entries(unfit)) {
    throw refusal(name, value, "does not go together with numBeams", "Leave one of them out");
  }
}

function refusal(name: string, value: unknown, why: string, advice: string): InvalidArgumentError {
  return new InvalidArgumentError(
    `Cannot generate: ${name} ${why}: received ${describe(value)}. ${advice}.`,
  );
}
