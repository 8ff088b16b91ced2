/**
 * The options of what is done with a `Text`.
 *
 * @module
 */
import type { OptionRules } from "../base/check_options.ts";
import { type HookOptions, hookRules } from "../engine/hook_options.ts";
import { adapterRules } from "../engine/start_adapters.ts";
import type { AdapterOptions } from "../model/adapter.ts";
import type { ReadProgress } from "../engine/reading.ts";
import type { BeamOptions } from "./beam_options.ts";
import { type GenerateOptions, generateRules } from "./generate_options.ts";

/** Options of `Text.append()`. */
export interface AppendOptions
  extends Pick<GenerateOptions, "allowSpecial" | "signal">, HookOptions {
  /** Called while the text is read, which may take long: before each part, and at the end. */
  onProgress?: (progress: ReadProgress) => void;
}

/** Options of `GPT2.open()`. A text is read with the same adapters from its first token to its last. */
export interface OpenOptions extends AppendOptions, AdapterOptions {}

/** Options of `GPT2.restore()`: the adapters must be those with which the text was read. */
export interface RestoreOptions extends Pick<AppendOptions, "signal">, AdapterOptions {}

/** Options of `Text.generate()`: those of `GPT2.generate()` that are about one text. */
export type TextGenerateOptions = Omit<
  GenerateOptions,
  | "numReturnSequences"
  | "batchSize"
  | "overflow"
  | "allowSpecial"
  | keyof BeamOptions
  | keyof AdapterOptions
>;

/** Options of `Text.score()`. */
export interface TextScoreOptions extends Omit<AppendOptions, keyof HookOptions> {
  /** How many of the likeliest tokens at each place are wanted. Default: 0. */
  topLogProbabilities?: number;
}

/** Those of what only reads. */
export const readRules: OptionRules<Pick<AppendOptions, "signal">> = {
  signal: generateRules.signal,
};

const addRules: OptionRules<Omit<AppendOptions, keyof HookOptions>> = {
  allowSpecial: generateRules.allowSpecial,
  onProgress: generateRules.onProgress,
  ...readRules,
};

/** Those of `append()`. */
export const appendRules: OptionRules<AppendOptions> = { ...addRules, ...hookRules };

/** Those of `GPT2.open()`. */
export const openRules: OptionRules<OpenOptions> = { ...appendRules, ...adapterRules };

/** Those of `GPT2.restore()`. */
export const restoreRules: OptionRules<RestoreOptions> = { ...readRules, ...adapterRules };

/** Those of `score()`. */
export const scoreRules: OptionRules<TextScoreOptions> = {
  topLogProbabilities: generateRules.topLogProbabilities,
  ...addRules,
};

const {
  numReturnSequences: _numReturnSequences,
  batchSize: _batchSize,
  overflow: _overflow,
  allowSpecial: _allowSpecial,
  numBeams: _numBeams,
  lengthPenalty: _lengthPenalty,
  earlyStopping: _earlyStopping,
  adapters: _adapters,
  ...rest
} = generateRules;

/** Those of `generate()`. */
export const textGenerateRules: OptionRules<TextGenerateOptions> = rest;
