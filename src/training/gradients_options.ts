/**
 * How a caller says which gradients are wanted.
 *
 * @module
 */
import { abortSignal, type OptionRule, type OptionRules, texts } from "../base/check_options.ts";
import { type HookOptions, hookRules } from "../engine/hook_options.ts";
import { adapterRules } from "../engine/start_adapters.ts";
import type { AdapterOptions } from "../model/adapter.ts";
import { type TokenIds, toRows } from "../tokenizer/token_ids.ts";

/** What cannot be done otherwise. */
export const GRADIENTS_ACTION: string = "compute gradients";

/** Options of `GPT2.gradients()`. */
export interface GradientsOptions extends HookOptions, AdapterOptions {
  /**
   * Of which activations and weights, by name; `*` stands for any characters: `["blocks.*.residual", "blocks.3.mlpProjection.weight"]`.
   */
  of: readonly string[];
  /**
   * The token that should follow at each position, in the shape of the tokens; -100 where none counts. What changes is then
   * their mean cross-entropy. Default: the tokens that do follow in the text.
   */
  targets?: TokenIds | readonly TokenIds[];
  /** A token, or one for each text: what changes is then its logit, after `position` of each text. */
  answer?: number | readonly number[];
  /** A token, or one for each text, whose logit is subtracted from that of `answer`. Default: none. */
  against?: number | readonly number[];
  /** After which position, or one for each text, counted from the end of each text if negative. Default: the last one. */
  position?: number | readonly number[];
  /** Stops the computation with an `AbortError`. */
  signal?: AbortSignal;
}

/** One for all texts, or one for each. */
const numbers: OptionRule = {
  meaning: "a number, or an array of one for each text",
  isType: (value) => [value].flat().every((each) => typeof each === "number"),
  copy: (value) => typeof value === "number" ? value : Array.from(value as readonly number[]),
};

/** What these options must be. What is in them is checked where the model is known. */
export const gradientsRules: OptionRules<GradientsOptions> = {
  of: texts,
  targets: {
    meaning: "tokens",
    isType: () => true,
    copy: (value) => copyRows("targets", value as TokenIds),
  },
  answer: numbers,
  against: numbers,
  position: numbers,
  signal: abortSignal,
  ...adapterRules,
  ...hookRules,
};

/** Copies of tokens as a caller gives them: what the arrays say later makes no difference. */
export function copyRows(name: string, rows: TokenIds | readonly TokenIds[]): number[][] {
  return toRows(GRADIENTS_ACTION, name, rows).map((row) => Array.from(row));
}
