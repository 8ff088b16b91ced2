/**
 * How well a model predicts a text.
 *
 * @module
 */
import {
  abortSignal,
  anything,
  callback,
  checkOptions,
  flag,
  type OptionRules,
} from "../base/check_options.ts";
import { InvalidArgumentError } from "../base/errors.ts";
import { scoreTokens } from "../engine/score_tokens.ts";
import { adapterRules, startAdapters } from "../engine/start_adapters.ts";
import type { AdapterOptions } from "../model/adapter.ts";
import { numBytesOf } from "../tokenizer/model_tokens.ts";
import type { Prompt } from "../tokenizer/prompts.ts";
import type { EncodeOptions } from "../tokenizer/tokenizer.ts";
import { endOfTextBefore } from "./end_of_text.ts";
import { engineFor, type EvaluatedModel } from "./evaluated_model.ts";
import { type Estimate, exponential, Mean } from "./estimate.ts";
import { encodeLongText } from "./long_text.ts";
import type { ScoreProgress } from "./score_texts.ts";
import { sideBySide } from "./side_by_side.ts";
import {
  numScoredIn,
  type WindowDefinition,
  windowDefinition,
  type WindowOptions,
  windowRules,
  windowsFor,
} from "./window_options.ts";

/** Options of {@linkcode perplexity}. */
export interface PerplexityOptions extends WindowOptions, AdapterOptions {
  /**
   * Whether the first token counts too: as what follows the token that ends texts. Not with `chunk`, where the first half of
   * the text counts in no case. Default: false.
   */
  afterEndOfText?: boolean;
  /** The special tokens to recognize in a text. Default: none. */
  allowSpecial?: EncodeOptions["allowSpecial"];
  /** Called whenever a window has been read. */
  onProgress?: (progress: ScoreProgress) => void;
  /** Stops the computation with an `AbortError`. */
  signal?: AbortSignal;
}

/** How well a model predicts a text. */
export interface Perplexity {
  /** How the text was read, and whose definition that is. */
  readonly windows: WindowDefinition;
  /** How many windows were read. */
  readonly numWindows: number;
  /** How many tokens the text has. */
  readonly numTokens: number;
  /** How many tokens all windows have together: those of windows that overlap are read several times. */
  readonly numRead: number;
  /** How many tokens of the text count. */
  readonly numScored: number;
  /** How many bytes of UTF-8 those stand for; NaN without a tokenizer. */
  readonly numBytes: number;
  /** The mean negative log-probability of a token, in nats. */
  readonly loss: Estimate;
  /** e to the power of the loss. */
  readonly perplexity: Estimate;
  /** The negative log-probability of what counts, in bits, divided by its bytes: comparable between vocabularies. */
  readonly bitsPerByte: number;
}

const ACTION = "measure the perplexity";

const RULES: OptionRules<PerplexityOptions> = {
  ...windowRules,
  afterEndOfText: flag,
  allowSpecial: anything,
  onProgress: callback,
  signal: abortSignal,
  ...adapterRules,
};

/**
 * The perplexity of a model on a text of any length.
 *
 * ```ts
 * import { GPT2 } from "@allformers/gpt2";
 * import { perplexity } from "@allformers/gpt2/evaluate";
 *
 * using model = await GPT2.fromPretrained("demo");
 * const text = "ROMEO:\nWhat light through yonder window breaks?\n";
 * const { perplexity: { value, error }, bitsPerByte } = await perplexity(model, text);
 * console.log(value, error, bitsPerByte);
 * ```
 *
 * All tokens that count weigh the same. The numbers of Hugging Face's page (https://huggingface.co/docs/transformers/perplexity)
 * and of `llama-perplexity` are those of `stride` and of `chunk`; see {@linkcode WindowOptions}.
 *
 * @param model a `GPT2`
 * @param text a text or its tokens; nothing is put before it unless `afterEndOfText` asks for that
 * @throws {RangeError} if the text is too short, an option is out of range, or a token is not in the vocabulary
 * @throws {TypeError} if it is neither a text nor tokens, or a text is given but the model has no tokenizer
 * @throws {NumericalError} if the model computes something that is not a number
 * @throws {DOMException} `AbortError` (or the signal's own reason)
 */
export async function perplexity(
  model: EvaluatedModel,
  text: Prompt,
  options: PerplexityOptions = {},
): Promise<Perplexity> {
  const engine = engineFor(ACTION, model);
  const { onProgress, signal, afterEndOfText, allowSpecial, adapters: given, ...asked } =
    checkOptions(
      ACTION,
      options,
      RULES,
    );
  const { tokenizer, config: { contextLength, vocabSize }, endOfTextIds } = model;
  const definition = windowDefinition(ACTION, asked, contextLength);
  if (afterEndOfText && definition.definition === "llama.cpp") {
    throw new InvalidArgumentError(
      `Cannot ${ACTION} of the first token: with \`chunk\` it never counts. Leave out one of afterEndOfText and \`chunk\`.`,
    );
  }
  const before = afterEndOfText ? [endOfTextBefore(ACTION, endOfTextIds)] : [];
  const tokens = encodeLongText(ACTION, text, tokenizer, vocabSize, { before, allowSpecial });
  const windows = windowsFor(ACTION, tokens.length, definition, before.length);
  const adapters = await startAdapters(ACTION, engine.model, { adapters: given });
  const numTokens = numScoredIn(windows);
  const scored = sideBySide(windows, ({ start, end }) => end - start, async (window, signal) => {
    const { start, firstScored, end } = window;
    using sequence = engine.open({ reservedLength: end - start, adapters });
    const own = Array.from(tokens.subarray(start, end));
    return await scoreTokens(engine, sequence, own, firstScored - start, { signal });
  }, signal);
  const losses = new Mean();
  let numBytes = 0;
  onProgress?.({ numScoredTokens: 0, numTokens });
  for await (const scores of scored) {
    for (const { logProbability } of scores) losses.add(-logProbability);
    numBytes += numBytesOf(tokenizer, scores.map(({ id }) => id));
    onProgress?.({ numScoredTokens: losses.count, numTokens });
  }
  return {
    windows: definition,
    numWindows: windows.length,
    numTokens: tokens.length - before.length,
    numRead: windows.reduce((sum, { start, end }) => sum + end - start, 0),
    numScored: losses.count,
    numBytes,
    loss: losses.estimate,
    perplexity: exponential(losses.estimate),
    bitsPerByte: losses.sum / Math.LN2 / numBytes,
  };
}
