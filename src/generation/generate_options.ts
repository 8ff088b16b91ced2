/**
 * How texts are to be continued.
 *
 * @module
 */
import {
  abortSignal,
  callback,
  flag,
  integer,
  oneOf,
  type OptionRules,
  texts,
} from "../base/check_options.ts";
import { type HookOptions, hookRules } from "../engine/hook_options.ts";
import type { ReadProgress } from "../engine/reading.ts";
import { adapterRules } from "../engine/start_adapters.ts";
import type { AdapterOptions } from "../model/adapter.ts";
import { type EncodeOptions, encodeRules } from "../tokenizer/tokenizer.ts";
import { type BeamOptions, beamRules } from "./beam_options.ts";
import { type ConstraintOptions, constraintRules } from "./constraints/constraint_options.ts";
import { type DraftModel, isDraftModel } from "./speculation/draft_models.ts";
import type { DraftResult } from "./speculation/speculation.ts";
import { type SamplingOptions, samplingRules } from "./sampling/sampling_options.ts";
import { type TokenRuleOptions, tokenRuleRules } from "./token_rules.ts";

/** Options of `GPT2.generate()`. Those for sampling have Hugging Face's names and defaults. */
export interface GenerateOptions
  extends
    SamplingOptions,
    TokenRuleOptions,
    ConstraintOptions,
    BeamOptions,
    AdapterOptions,
    HookOptions {
  /** The most tokens to write. Default: 128. */
  maxNewTokens?: number;
  /** Texts that end the generation. They are not part of the result. */
  stop?: string | readonly string[];
  /**
   * How many continuations of each prompt to write, side by side, at most 100,000. Not together with `greedy`, which would
   * write the same text each time. Default: 1.
   */
  numReturnSequences?: number;
  /**
   * What happens when a text has as many tokens as the model has positions. `"stop"`, the default, ends it with the
   * reason `contextLength`. `"crop"` goes on: the last half of the text is read again from position 0, since learned
   * positions cannot be shifted.
   */
  overflow?: "stop" | "crop";
  /** Whether the tokens that end a text are written like any others. Default: false. */
  ignoreEndOfText?: boolean;
  /** Whether to compute the log-probability of each token, which takes about as long as choosing it. Default: true. */
  logProbabilities?: boolean;
  /** How many of the likeliest tokens to name beside each chosen one, 0 to 100. Default: 0. */
  topLogProbabilities?: number;
  /**
   * Writes several tokens in one pass where it can be guessed what comes next: `"lookup"` from what followed the last tokens
   * when they occurred in the text before. The text is the same, and comes faster where it repeats itself.
   */
  speculate?: "lookup";
  /** As `speculate`, with guesses of a smaller model that has the same tokenizer. */
  draft?: DraftModel;
  /** Called when drafted tokens were checked: with how many there were, and how many of them are in the text. */
  onDraft?: (result: DraftResult) => void;
  /**
   * The special tokens to recognize in prompts that are texts, by name, or `"all"`. Default: none: `<|endoftext|>` in a
   * prompt is thirteen characters like any other.
   */
  allowSpecial?: EncodeOptions["allowSpecial"];
  /**
   * The most texts that are computed side by side: it bounds the memory, and the others wait until those before have ended.
   * What is written does not depend on it. Default: all.
   */
  batchSize?: number;
  /** Called while prompts are read, which may take long: before each part, and at the end. */
  onProgress?: (progress: ReadProgress) => void;
  /** Stops the generation with an `AbortError`. */
  signal?: AbortSignal;
}

/** How many tokens are written if nobody says otherwise. */
export const DEFAULT_MAX_NEW_TOKENS = 128;

const MAX_TOP_LOG_PROBABILITIES = 100;

/** More are never wanted, and of a number that was mistyped the writing would not end. */
const MAX_RETURN_SEQUENCES = 100_000;

/** What these options must be. */
export const generateRules: OptionRules<GenerateOptions> = {
  ...samplingRules,
  ...tokenRuleRules,
  ...constraintRules,
  ...beamRules,
  ...adapterRules,
  ...hookRules,
  maxNewTokens: {
    ...integer(0),
    advice: "To go on until the context is full, give the model's contextLength.",
  },
  stop: {
    meaning: "a text, or an array of texts, none of them empty",
    isType: (value) => typeof value === "string" || texts.isType(value),
    isInRange: (value) => ![value].flat().includes(""),
    copy: (value) => typeof value === "string" ? value : texts.copy!(value),
  },
  numReturnSequences: integer(1, MAX_RETURN_SEQUENCES),
  overflow: oneOf("stop", "crop"),
  ignoreEndOfText: flag,
  logProbabilities: flag,
  topLogProbabilities: integer(0, MAX_TOP_LOG_PROBABILITIES),
  speculate: oneOf("lookup"),
  draft: { meaning: "a GPT2", isType: isDraftModel },
  onDraft: callback,
  ...encodeRules,
  batchSize: integer(1),
  onProgress: callback,
  signal: abortSignal,
};
