/**
 * How the next token is chosen: the options, their defaults and their limits.
 *
 * @module
 */

import { InvalidArgumentError } from "../../base/errors.ts";
import { anything, type OptionRules } from "../../base/check_options.ts";
import { closestName } from "../../base/closest_name.ts";

/**
 * How to choose the next token from the model's logits. The names, the defaults and what each option does are those of
 * Hugging Face's `generate(do_sample=True)`; an option that is left out or `undefined` has its default.
 *
 * First the logits are changed: `logitBias`, `repetitionPenalty`, `presencePenalty` and `frequencyPenalty`,
 * `noRepeatNgramSize`. Then, unless the choice is greedy, `temperature`, `topK`, `topP`, `minP` and `typicalP` narrow
 * down the choice, in the {@linkcode SamplingOptions.order | order} asked for.
 *
 * @example
 * ```ts
 * import type { SamplingOptions } from "@allformers/gpt2";
 *
 * const options: SamplingOptions = { temperature: 0.8, topP: 0.95, seed: 1 };
 * ```
 */
export interface SamplingOptions {
  /** Always takes the likeliest token (after the penalties). The filters and the seed do nothing then. Default: false. */
  greedy?: boolean;
  /** Divides the logits: from 0, which is the same as `greedy`, to any finite number. Default: 1. */
  temperature?: number;
  /** Keeps this many of the likeliest tokens; 0 keeps all. Default: 50. */
  topK?: number;
  /** Keeps the likeliest tokens that hold this much of the probability: above 0, up to 1, which keeps all. Default: 1. */
  topP?: number;
  /** Keeps the tokens that are at least this many times as likely as the best one: from 0, which keeps all, to 1. Default: 0. */
  minP?: number;
  /** Keeps the most typical tokens that hold this much of the probability: above 0, up to 1, which keeps all. Default: 1. */
  typicalP?: number;
  /** Makes tokens of the prompt and of the answer less likely: above 0; 1 changes nothing, more repeats less. Default: 1. */
  repetitionPenalty?: number;
  /** Never repeats a sequence of this many tokens; 0 allows it. Default: 0. */
  noRepeatNgramSize?: number;
  /** Is subtracted from the logit of each token generated before, as OpenAI defines it. Default: 0. */
  presencePenalty?: number;
  /** Is subtracted from the logit of each token as often as it was generated before, as OpenAI defines it. Default: 0. */
  frequencyPenalty?: number;
  /** Is added to the logits of the tokens with these ids; `-Infinity` bans a token. Default: none. */
  logitBias?: Readonly<Record<number, number>> | ReadonlyMap<number, number>;
  /** Any whole number between -2^53 and 2^53: the same seed gives the same tokens. Default: another one each time. */
  seed?: number;
  /**
   * The order of the filters, which gives different results from the same settings. Default: `"huggingface"`.
   *
   * - `"huggingface"`: temperature, top-k, top-p, min-p, typical.
   * - `"llama.cpp"`: top-k, typical, top-p, min-p, temperature.
   */
  order?: FilterOrder;
}

/** The programs whose order of filters can be asked for. */
export type FilterOrder = "huggingface" | "llama.cpp";

/** Sampling options with nothing left open. */
export interface SamplingSettings extends Readonly<Required<Omit<SamplingOptions, "logitBias">>> {
  /** What is added to the logit of which token. */
  readonly logitBias: ReadonlyMap<number, number>;
}

/** What the options are where nothing else is asked for; there is no such value for `logitBias` and `seed`. */
export const defaultSamplingOptions: Readonly<
  Required<Omit<SamplingOptions, "logitBias" | "seed">>
> = Object.freeze({
  greedy: false,
  temperature: 1,
  topK: 50,
  topP: 1,
  minP: 0,
  typicalP: 1,
  repetitionPenalty: 1,
  noRepeatNgramSize: 0,
  presencePenalty: 0,
  frequencyPenalty: 0,
  order: "huggingface",
});

/** What a number must fulfil, what it is if it does, and what to do if it does not. */
interface Limit {
  holds(value: number): boolean;
  readonly meaning: string;
  readonly advice: string;
}

const count = (advice: string): Limit => ({
  holds: (value) => Number.isSafeInteger(value) && value >= 0,
  meaning: "a whole number of 0 or more, below 2^53",
  advice,
});

const share = (advice: string): Limit => ({
  holds: (value) => value > 0 && value <= 1,
  meaning: "above 0 and at most 1",
  advice,
});

const penalty: Limit = {
  holds: Number.isFinite,
  meaning: "a finite number",
  advice: "Use 0 for no penalty, or up to 2 for fewer repetitions.",
};

const limits = {
  temperature: {
    holds: (value) => Number.isFinite(value) && value >= 0,
    meaning: "a finite number of 0 or more",
    advice: "Use 0 for greedy decoding, or 1 for the model's own probabilities.",
  },
  topK: count("Use 0 to keep all tokens, or a number such as 50."),
  topP: share("Use 1 to keep all tokens, or a number such as 0.95."),
  minP: {
    holds: (value) => value >= 0 && value <= 1,
    meaning: "from 0 to 1",
    advice: "Use 0 to keep all tokens, or a number such as 0.05.",
  },
  typicalP: share("Use 1 to keep all tokens, or a number such as 0.95."),
  repetitionPenalty: {
    holds: (value) => Number.isFinite(value) && value > 0,
    meaning: "a finite number above 0",
    advice: "Use 1 for no penalty, or a number such as 1.2.",
  },
  noRepeatNgramSize: count("Use 0 to allow repetitions, or a number such as 3."),
  presencePenalty: penalty,
  frequencyPenalty: penalty,
  seed: {
    holds: Number.isSafeInteger,
    meaning: "a whole number between -2^53 and 2^53",
    advice: "Use a number such as 42, or leave it out.",
  },
} satisfies Partial<Record<keyof SamplingOptions, Limit>>;

/** The names of all sampling options. */
export const samplingOptionNames: readonly (keyof SamplingOptions)[] = [
  ...Object.keys(limits) as (keyof typeof limits)[],
  "greedy",
  "logitBias",
  "order",
];

/** That there are sampling options of these names. What their values must be, {@linkcode validateSamplingOptions} tells. */
export const samplingRules = {
  ...Object.fromEntries(samplingOptionNames.map((name) => [name, anything])),
  logitBias: { ...anything, copy: copyBiases },
} as OptionRules<SamplingOptions>;

/** What are no biases is left as it is, to be refused later. */
function copyBiases(biases: unknown): unknown {
  if (biases instanceof Map) return new Map(biases);
  return typeof biases === "object" && biases !== null ? { ...biases } : biases;
}

/** Those of several options that are about sampling. */
export function samplingOptionsOf(options: SamplingOptions): SamplingOptions {
  return Object.fromEntries(samplingOptionNames.map((name) => [name, options[name]]));
}

/**
 * Checks sampling options.
 *
 * @param vocabSize the size of the vocabulary, which the ids in `logitBias` must be below. Without it they are not
 * checked against any, so that options can be checked before there is a model.
 * @throws {TypeError} if there is an option that does not exist, or one has the wrong type.
 * @throws {RangeError} if an option is out of its range.
 */
export function validateSamplingOptions(options: SamplingOptions, vocabSize = Infinity): void {
  if (typeof options !== "object" || options === null) {
    fail(TypeError, "the options", "an object", options, "Give options such as { topP: 0.95 }.");
  }
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined) continue;
    if (Object.hasOwn(limits, name)) checkNumber(name as keyof typeof limits, value);
    else if (name === "greedy") checkGreedy(value);
    else if (name === "order") checkOrder(value);
    else if (name === "logitBias") checkLogitBias(value, vocabSize);
    else refuseName(name);
  }
}

/**
 * Checks sampling options and fills in what they leave open.
 *
 * @param vocabSize the size of the vocabulary.
 * @returns the settings to sample with.
 * @throws {TypeError | RangeError} as {@linkcode validateSamplingOptions} does.
 */
export function resolveSamplingOptions(
  options: SamplingOptions,
  vocabSize: number,
): SamplingSettings {
  validateSamplingOptions(options, vocabSize);
  const given = Object.fromEntries(
    Object.entries(options).filter(([_name, value]) => value !== undefined),
  ) as SamplingOptions;
  return {
    ...defaultSamplingOptions,
    seed: crypto.getRandomValues(new Uint32Array(1))[0],
    ...given,
    logitBias: new Map(biasEntries(given.logitBias ?? {})),
  };
}

function biasEntries(biases: NonNullable<SamplingOptions["logitBias"]>): [number, number][] {
  if (biases instanceof Map) return [...biases];
  // Number() would make a token id of "" or " 7", too.
  return Object.entries(biases).map(([id, bias]) => [/^\d+$/.test(id) ? Number(id) : NaN, bias]);
}

function checkNumber(name: keyof typeof limits, value: unknown): void {
  const { holds, meaning, advice } = limits[name];
  if (typeof value !== "number") fail(TypeError, name, "a number", value, advice);
  if (!holds(value)) fail(InvalidArgumentError, name, meaning, value, advice);
}

function checkGreedy(value: unknown): void {
  if (typeof value === "boolean") return;
  fail(TypeError, "greedy", "true or false", value, "Use true to always take the likeliest token.");
}

function checkOrder(value: unknown): void {
  if (value === "huggingface" || value === "llama.cpp") return;
  const ErrorClass = typeof value === "string" ? InvalidArgumentError : TypeError;
  fail(
    ErrorClass,
    "order",
    "the name of a known order",
    value,
    'Use "huggingface" or "llama.cpp".',
  );
}

function checkLogitBias(biases: unknown, vocabSize: number): void {
  const advice = "Give an object or a Map from token ids to numbers, such as { 50256: -Infinity }.";
  if (typeof biases !== "object" || biases === null) {
    fail(TypeError, "logitBias", "an object or a Map", biases, advice);
  }
  for (const [id, bias] of biasEntries(biases as Record<number, number>)) {
    if (!Number.isInteger(id) || id < 0 || id >= vocabSize) {
      const meaning = vocabSize === Infinity ? "a token id" : `a token id below ${vocabSize}`;
      fail(
        InvalidArgumentError,
        "a token of logitBias",
        meaning,
        id,
        "Name the model's own tokens by their ids.",
      );
    }
    if (typeof bias !== "number") fail(TypeError, `logitBias[${id}]`, "a number", bias, advice);
    if (!Number.isFinite(bias) && bias !== -Infinity) {
      fail(
        InvalidArgumentError,
        `logitBias[${id}]`,
        "a finite number or -Infinity",
        bias,
        "Use -Infinity to ban a token.",
      );
    }
  }
}

function refuseName(name: string): never {
  const closest = closestName(name, samplingOptionNames);
  throw new TypeError(
    `Cannot sample: there is no such option: received ${quote(name)}. ` +
      (closest ? `Did you mean ${closest}?` : `The options are ${samplingOptionNames.join(", ")}.`),
  );
}

function fail(
  ErrorClass: new (message: string) => Error,
  name: string,
  meaning: string,
  value: unknown,
  advice: string,
): never {
  throw new ErrorClass(
    `Cannot sample: ${name} is not ${meaning}: received ${quote(value)}. ${advice}`,
  );
}

/** Shows a value in a message: strings in quotes, objects by their kind, nothing at length. */
function quote(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.slice(0, 80));
  if (typeof value === "object" && value !== null) {
    return `an ${Array.isArray(value) ? "array" : "object"}`;
  }
  if (typeof value === "function") return "a function";
  return String(value);
}
