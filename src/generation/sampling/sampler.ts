/**
 * Chooses the next token from the model's logits.
 *
 * @module
 */

import { Random } from "../../base/random.ts";
import type { LargestTokens } from "../../engine/logits_summary.ts";
import { Candidates } from "./candidates.ts";
import { best, type Filter, minP, temperature, topK, topP, typicalP } from "./filters.ts";
import {
  logitBias,
  type LogitsProcessor,
  noRepeatNgrams,
  presenceAndFrequencyPenalty,
  repetitionPenalty,
} from "./logits_processors.ts";
import {
  type FilterOrder,
  resolveSamplingOptions,
  type SamplingOptions,
  type SamplingSettings,
} from "./sampling_options.ts";
import type { TokenMask } from "./token_mask.ts";

type FilterName = "temperature" | "topK" | "topP" | "minP" | "typicalP";

/** The order in which each program applies the filters. */
export const FILTER_ORDERS: Readonly<Record<FilterOrder, readonly FilterName[]>> = {
  "huggingface": ["temperature", "topK", "topP", "minP", "typicalP"],
  "llama.cpp": ["topK", "typicalP", "topP", "minP", "temperature"],
};

/** What a token is drawn from. */
export interface TokenDistribution {
  /** The tokens that can be drawn, in ascending order. */
  ids: Int32Array;
  /** The probability of each of them; together 1. */
  probabilities: Float64Array;
}

/**
 * Chooses tokens: changes the logits, narrows down the choice, draws. See {@linkcode SamplingOptions} for what can be
 * asked for.
 *
 * A sampler keeps no record of what it chose: the history is an argument. Its only state is its random generator.
 *
 * @example
 * ```ts
 * import { Sampler } from "./sampler.ts";
 *
 * const logits = new Float32Array([1, 4, 2, -1]);
 * const sampler = new Sampler({ topK: 2, seed: 1 }, logits.length);
 * const history = [3];
 * history.push(sampler.sample(logits, history)); // 1 or 2
 * ```
 */
export class Sampler {
  /** What the sampler does, with the defaults filled in; the seed too, so that a run can be repeated. */
  readonly settings: SamplingSettings;

  readonly #vocabSize: number;
  readonly #rules: readonly LogitsProcessor[];
  readonly #processors: readonly LogitsProcessor[];
  readonly #filters: readonly Filter[];
  /** The generator that the streams are forked from, which stream this sampler has, and where it is in that. */
  readonly #randomOfSeed: Random;
  #stream = 0;
  #random: Random;
  /** Made when first needed, and shared among forks: sampling leaves nothing in it. */
  #candidates: Candidates | undefined;

  /**
   * Checks the options and starts the random numbers of the seed.
   *
   * @param options what to do; `{}` for the defaults.
   * @param vocabSize the number of logits that will be given.
   * @param rules what else changes logits, after all that the options ask for.
   * @throws {TypeError} if there is an option that does not exist, or one has the wrong type.
   * @throws {RangeError} if an option is out of its range, or the vocabulary size is not a positive integer.
   */
  constructor(
    options: SamplingOptions,
    vocabSize: number,
    rules: readonly LogitsProcessor[] = [],
  ) {
    if (!Number.isSafeInteger(vocabSize) || vocabSize < 1) {
      throw new RangeError(
        `Cannot sample: the vocabulary size is not a positive integer: received ${vocabSize}. ` +
          "Give the number of tokens that the model knows.",
      );
    }
    this.settings = resolveSamplingOptions(options, vocabSize);
    this.#vocabSize = vocabSize;
    this.#rules = rules;
    this.#processors = [...processorsOf(this.settings, vocabSize), ...rules];
    this.#filters = filtersOf(this.settings);
    this.#randomOfSeed = new Random(this.settings.seed);
    this.#random = this.#randomOfSeed.fork(0);
  }

  /**
   * How many of the largest logits decide which tokens can be drawn; `undefined` if any of them may. Where it is a number,
   * the others make no difference, and may be given as -Infinity or not at all; but not where only some tokens are allowed.
   */
  get numDecisiveLogits(): number | undefined {
    if (this.#processors.length > 0) return undefined;
    const { greedy, temperature, topK } = this.settings;
    if (greedy || temperature === 0) return 1;
    // Whatever comes before top-k in either order keeps the order of the logits.
    return topK > 0 ? topK : undefined;
  }

  /**
   * Chooses the next token.
   *
   * @param logits one per token of the vocabulary, or the largest where {@linkcode Sampler.numDecisiveLogits} says that
   * they decide, one more than that; they are not changed.
   * @param history the tokens so far, the prompt first, for the penalties.
   * @param numPromptTokens how many of them are the prompt, to which `presencePenalty` and `frequencyPenalty` do not apply.
   * @param allowed the only tokens to choose from, at least one; all others are as if their logits were -Infinity. Default: all.
   * @returns the id of the token.
   * @throws {TypeError} if the number of logits is not the vocabulary size.
   * @throws {NumericalError} if a logit is NaN or `Infinity`, or no token has a logit above `-Infinity`: no token is
   * invented then.
   */
  sample(
    logits: Float32Array | LargestTokens,
    history: ArrayLike<number>,
    numPromptTokens = 0,
    allowed?: TokenMask,
  ): number {
    return this.#narrowDown(logits, history, numPromptTokens, allowed).draw(this.#random);
  }

  /**
   * Computes what {@linkcode Sampler.sample} would draw from, without drawing. The parameters and errors are the same.
   *
   * @returns the tokens that may be chosen and their probabilities.
   */
  distribution(
    logits: Float32Array,
    history: ArrayLike<number>,
    numPromptTokens = 0,
    allowed?: TokenMask,
  ): TokenDistribution {
    const candidates = this.#narrowDown(logits, history, numPromptTokens, allowed);
    const probabilities = candidates.probabilities();
    return {
      ids: candidates.ids.slice(0, candidates.size).filter((_id, i) => probabilities[i] > 0),
      probabilities: probabilities.filter((probability) => probability > 0),
    };
  }

  /** Starts the random numbers over, so that the same logits give the same tokens again. */
  reset(): void {
    this.#random = this.#randomOfSeed.fork(this.#stream);
  }

  /**
   * Makes a sampler with the same settings and random numbers of its own, for one sequence of several. Stream 0 has the
   * random numbers of a new sampler, so the first of several sequences is the one that would be generated alone.
   *
   * @param stream which random numbers: an integer from 0 to 2^32 - 1.
   * @returns the sampler of that stream.
   * @throws {RangeError} if the stream is not such an integer.
   */
  fork(stream: number): Sampler {
    const fork = new Sampler(this.settings, this.#vocabSize, this.#rules);
    fork.#stream = stream;
    fork.#candidates = this.#candidates ??= new Candidates(this.#vocabSize);
    fork.reset();
    return fork;
  }

  /** Goes on with the random numbers that another sampler is about to draw, which draws them all the same. */
  follow(other: Sampler): void {
    this.#random = other.#random.copy();
  }

  #narrowDown(
    logits: Float32Array | LargestTokens,
    history: ArrayLike<number>,
    numPromptTokens: number,
    allowed: TokenMask | undefined,
  ): Candidates {
    const candidates = this.#candidates ??= new Candidates(this.#vocabSize);
    if (!(logits instanceof Float32Array)) {
      this.#checkEnough(logits, allowed);
      candidates.loadSome(logits.ids, logits.logits);
    } else {
      this.#checkAll(logits);
      if (this.#processors.length === 0) {
        candidates.load(logits);
      } else {
        const copy = candidates.loadCopy(logits);
        for (const process of this.#processors) process(copy, history, numPromptTokens);
      }
      if (allowed !== undefined) candidates.keepAllowed(allowed);
    }
    for (const filter of this.#filters) filter(candidates);
    return candidates;
  }

  #checkAll({ length }: Float32Array): void {
    if (length === this.#vocabSize) return;
    throw new TypeError(
      `Cannot sample: there are not as many logits as tokens in the vocabulary, ${this.#vocabSize}: received ` +
        `${length}. Cut off the logits of padded rows, and give those of one position.`,
    );
  }

  #checkEnough({ ids: { length } }: LargestTokens, allowed: TokenMask | undefined): void {
    const needed = allowed === undefined ? this.numDecisiveLogits : undefined;
    if (needed !== undefined && length > needed) return;
    throw new TypeError(
      `Cannot sample: ${
        needed === undefined ? "all" : needed + 1
      } logits are needed: received the ` +
        `${length} largest. Give the logits of all tokens.`,
    );
  }
}

/** The processors that the settings ask for. Hugging Face and llama.cpp agree on their order. */
export function processorsOf(settings: SamplingSettings, vocabSize: number): LogitsProcessor[] {
  const { presencePenalty, frequencyPenalty, noRepeatNgramSize } = settings;
  const processors: LogitsProcessor[] = [];
  if (settings.logitBias.size > 0) processors.push(logitBias(settings.logitBias));
  if (settings.repetitionPenalty !== 1) {
    processors.push(repetitionPenalty(settings.repetitionPenalty, vocabSize));
  }
  if (presencePenalty !== 0 || frequencyPenalty !== 0) {
    processors.push(presenceAndFrequencyPenalty(presencePenalty, frequencyPenalty, vocabSize));
  }
  if (noRepeatNgramSize > 0) processors.push(noRepeatNgrams(noRepeatNgramSize));
  return processors;
}

/** The filters that the settings ask for, in the order that they ask for. */
function filtersOf(settings: SamplingSettings): Filter[] {
  if (settings.greedy || settings.temperature === 0) return [best];
  const filters: Partial<Record<FilterName, Filter>> = {};
  if (settings.temperature !== 1) filters.temperature = temperature(settings.temperature);
  if (settings.topK > 0) filters.topK = topK(settings.topK);
  if (settings.topP < 1) filters.topP = topP(settings.topP);
  if (settings.minP > 0) filters.minP = minP(settings.minP);
  if (settings.typicalP < 1) filters.typicalP = typicalP(settings.typicalP);
  return FILTER_ORDERS[settings.order].flatMap((name) => filters[name] ?? []);
}
