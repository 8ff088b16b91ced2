/**
 * How likely texts are, token by token.
 *
 * @module
 */
import {
  abortSignal,
  anything,
  callback,
  checkOptions,
  flag,
  integer,
  type OptionRules,
} from "../base/check_options.ts";
import { describe } from "../base/describe.ts";
import { InvalidArgumentError } from "../base/errors.ts";
import { scoreTokens } from "../engine/score_tokens.ts";
import { adapterRules, startAdapters } from "../engine/start_adapters.ts";
import type { AdapterOptions } from "../model/adapter.ts";
import type { TokenScore } from "../engine/target_scores.ts";
import { encodePrompts, isPrompt, type Prompt } from "../tokenizer/prompts.ts";
import { type LikelyToken, withTexts } from "../tokenizer/likely_token.ts";
import type { EncodeOptions, Tokenizer } from "../tokenizer/tokenizer.ts";
import { endOfTextBefore } from "./end_of_text.ts";
import type { Scorer } from "./scorer.ts";
import { sideBySide } from "./side_by_side.ts";
import { type TextPlace, textPlaces } from "./text_places.ts";
import { slidingWindows } from "./windows.ts";

/** How far scoring is. */
export interface ScoreProgress {
  /** How many tokens have been scored. */
  readonly numScoredTokens: number;
  /** How many there are, of the texts that are known so far. */
  readonly numTokens: number;
}

/** Options of `GPT2.score()`. */
export interface ScoreOptions extends AdapterOptions {
  /** How many of the likeliest tokens at each place are wanted. Default: 0. */
  topLogProbabilities?: number;
  /**
   * Whether the first token of a text is scored too: as what follows the token that ends texts, which GPT-2 was trained to
   * begin others after. Otherwise nothing precedes it, and its numbers are NaN. Default: false. Where the tokenizer puts a
   * token before each text, the first one is scored as what follows that.
   */
  afterEndOfText?: boolean;
  /**
   * How many tokens the windows are apart in which a text is read that is longer than the context: the smaller, the more
   * precedes each token, and the longer it takes. From 1 to the context length. Default: half of the context length.
   */
  stride?: number;
  /** The special tokens to recognize in texts. Default: none. */
  allowSpecial?: EncodeOptions["allowSpecial"];
  /** Called whenever a part of a text has been scored. */
  onProgress?: (progress: ScoreProgress) => void;
  /** Stops the computation with an `AbortError`. */
  signal?: AbortSignal;
}

/** A token of a text, where it stands, and how likely it is there. */
export interface ScoredToken extends TokenScore<LikelyToken>, TextPlace {}

/** How likely a text is. What is said of all tokens is said of those that have a score: all, or all but the first. */
export interface TextScore {
  /** All tokens. */
  readonly tokens: readonly ScoredToken[];
  /** How many of them have a score. */
  readonly numScored: number;
  /** The natural logarithm of the text's probability: the sum of those of its tokens. */
  readonly logProbability: number;
  /** e to the power of the mean negative log-probability of a token; NaN if no token has a score. */
  readonly perplexity: number;
  /** The negative log-probability in bits, divided by the number of bytes; NaN without a tokenizer. */
  readonly bitsPerByte: number;
}

const ACTION = "score";

const RULES: OptionRules<ScoreOptions> = {
  topLogProbabilities: integer(0),
  afterEndOfText: flag,
  stride: integer(1),
  allowSpecial: anything,
  onProgress: callback,
  signal: abortSignal,
  ...adapterRules,
};

/**
 * Scores texts, several at once.
 *
 * @param texts texts or their tokens, of any lengths, asked for when there is room for them
 * @returns their scores, in their order
 * @throws {TypeError} if one is neither a text nor tokens, or a text is given but the model has no tokenizer
 * @throws {RangeError} if an option is out of range, or a token not in the vocabulary
 * @throws {NumericalError} if the model computes something that is not a number
 * @throws {DOMException} `AbortError` (or the signal's own reason)
 */
export function scoreTexts(
  scorer: Scorer,
  texts: Iterable<Prompt> | AsyncIterable<Prompt>,
  options: ScoreOptions = {},
): AsyncGenerator<TextScore, void, undefined> {
  // At once: what the caller's objects say later makes no difference.
  const checked = checkOptions(ACTION, options, RULES);
  requireIterable(texts);
  const { contextLength } = scorer.engine.model.config;
  if (checked.stride !== undefined && checked.stride > contextLength) {
    throw new InvalidArgumentError(
      `Cannot ${ACTION}: stride must be at most the context length, ${contextLength}: received ${checked.stride}.`,
    );
  }
  return scoreInOrder(scorer, texts, checked);
}

function requireIterable(texts: unknown): void {
  // The characters of a text are no texts, and tokens are one.
  const isOne = isPrompt(texts) && texts.length > 0 || ArrayBuffer.isView(texts);
  const isSource = !isOne && typeof texts === "object" && texts !== null &&
    (Symbol.iterator in texts || Symbol.asyncIterator in texts);
  if (isSource) return;
  throw new TypeError(
    `Cannot ${ACTION}: something to iterate over is needed, which gives texts or tokens: received ${
      describe(texts)
    }.${isOne ? " Put a single one in an array." : ""}`,
  );
}

async function* scoreInOrder(
  scorer: Scorer,
  texts: Iterable<Prompt> | AsyncIterable<Prompt>,
  options: ScoreOptions,
): AsyncGenerator<TextScore, void, undefined> {
  const { engine, tokenizer } = scorer;
  const { topLogProbabilities: numTop, onProgress, signal } = options;
  const adapters = await startAdapters(ACTION, engine.model, options);
  let numTokens = 0;
  let numScoredTokens = 0;
  const cut = async function* () {
    for await (const text of texts) {
      const readable = readableText(scorer, text, options);
      numTokens += readable.tokens.length - readable.numBefore;
      const own = typeof text === "string" ? text : undefined;
      yield* windowsOf(readable, own, engine.model.config.contextLength, options.stride);
    }
  };
  const scored = sideBySide(cut(), ({ tokens }) => tokens.length, async (part, signal) => {
    using sequence = engine.open({ reservedLength: part.tokens.length, adapters });
    const scores = await scoreTokens(engine, sequence, part.tokens, part.begin, { numTop, signal });
    numScoredTokens += scores.length;
    onProgress?.({ numScoredTokens, numTokens });
    return { part, scores };
  }, signal);
  let scores: TokenScore[] = [];
  for await (const { part, scores: more } of scored) {
    scores.push(...more);
    if (!part.endsText) continue;
    yield summarize(scores, tokenizer, part.text);
    scores = [];
  }
}

/** The tokens of a text, with those that are put before it. */
interface ReadableText {
  readonly tokens: readonly number[];
  /** How many of them are not of the text itself. */
  readonly numBefore: number;
}

function readableText(
  { tokenizer, endOfTextIds }: Scorer,
  text: Prompt,
  { afterEndOfText, allowSpecial }: ScoreOptions,
): ReadableText {
  const isText = typeof text === "string" && tokenizer !== undefined;
  // A text that tokenizers begin themselves: what they put before it is none of its tokens.
  const beginId = isText && text !== "" ? tokenizer.beginOfTextId : undefined;
  const own = text === ""
    ? []
    // Not the token that stands for an empty prompt: here there is nothing to score.
    : isText
    ? tokenizer.encode(text, { allowSpecial })
    : encodePrompts(tokenizer, [text], allowSpecial, ACTION)[0];
  if (beginId !== undefined) return { tokens: [beginId, ...own], numBefore: 1 };
  if (!afterEndOfText) return { tokens: Array.from(own), numBefore: 0 };
  const before = endOfTextBefore(ACTION, endOfTextIds);
  return { tokens: [before, ...Array.from(own)], numBefore: 1 };
}

/** A part of a text that is read at once. */
interface Part {
  readonly tokens: readonly number[];
  /** From here on they are scored. */
  readonly begin: number;
  readonly endsText: boolean;
  /** The whole text, if it was not given as tokens. */
  readonly text: string | undefined;
}

function* windowsOf(
  { tokens, numBefore }: ReadableText,
  text: string | undefined,
  contextLength: number,
  stride = Math.ceil(contextLength / 2),
): Generator<Part, void> {
  // Also of a text without tokens something is said, once.
  if (tokens.length === numBefore) {
    return yield { tokens: [], begin: 0, endsText: true, text };
  }
  for (const { start, firstScored, end } of slidingWindows(tokens.length, contextLength, stride)) {
    yield {
      tokens: tokens.slice(start, end),
      begin: Math.max(firstScored, numBefore) - start,
      endsText: end === tokens.length,
      text,
    };
  }
}

function summarize(
  scores: readonly TokenScore[],
  tokenizer: Tokenizer | undefined,
  text: string | undefined,
): TextScore {
  const places = textPlaces(tokenizer, scores.map(({ id }) => id), text);
  const tokens = scores.map((score, i): ScoredToken => ({
    ...withTexts(tokenizer, score),
    ...places[i],
  }));
  let [numScored, numBytes, logProbability] = [0, 0, 0];
  for (const token of tokens) {
    if (Number.isNaN(token.logProbability)) continue;
    numScored++;
    numBytes += token.numBytes;
    logProbability += token.logProbability;
  }
  return {
    tokens,
    numScored,
    logProbability,
    perplexity: Math.exp(-logProbability / numScored),
    bitsPerByte: numBytes > 0 ? -logProbability / Math.LN2 / numBytes : NaN,
  };
}
