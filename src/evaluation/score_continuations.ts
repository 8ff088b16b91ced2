/**
 * How likely several continuations of one prompt are.
 *
 * @module
 */
import {
  abortSignal,
  anything,
  checkOptions,
  integer,
  type OptionRules,
} from "../base/check_options.ts";
import { InvalidArgumentError } from "../base/errors.ts";
import { doInTurns } from "../base/event_loop.ts";
import { scoreTokens } from "../engine/score_tokens.ts";
import { adapterRules, startAdapters } from "../engine/start_adapters.ts";
import type { AdapterOptions } from "../model/adapter.ts";
import type { TokenScore } from "../engine/target_scores.ts";
import { numBytesOf } from "../tokenizer/model_tokens.ts";
import { encodePrompts, firstTokenAdvice, type Prompt } from "../tokenizer/prompts.ts";
import { type LikelyToken, withTexts } from "../tokenizer/likely_token.ts";
import type { EncodeOptions, Tokenizer } from "../tokenizer/tokenizer.ts";
import type { Scorer } from "./scorer.ts";
import { sideBySide } from "./side_by_side.ts";

/** Options of `GPT2.scoreContinuations()`. */
export interface ScoreContinuationsOptions extends AdapterOptions {
  /** How many of the likeliest tokens at each place are wanted. Default: 0. */
  topLogProbabilities?: number;
  /** The special tokens to recognize in texts. Default: none. */
  allowSpecial?: EncodeOptions["allowSpecial"];
  /** Stops the computation with an `AbortError`. */
  signal?: AbortSignal;
}

/** How likely a continuation is. */
export interface ContinuationScore {
  /** Its tokens. */
  readonly tokens: readonly TokenScore<LikelyToken>[];
  /** The natural logarithm of its probability: the sum of those of its tokens. */
  readonly logProbability: number;
  /** The mean of its tokens. */
  readonly logProbabilityPerToken: number;
  /** The sum, divided by the number of bytes that its tokens stand for. NaN without a tokenizer. */
  readonly logProbabilityPerByte: number;
  /** Whether each of its tokens is the likeliest where it stands: whether greedy decoding would write it. */
  readonly isGreedy: boolean;
  /** How many tokens precede it, of the prompt. */
  readonly numPromptTokens: number;
  /** How many tokens at the beginning of the prompt were left out, since the context has no room for them. */
  readonly numLeftOut: number;
}

const ACTION = "score";

const RULES: OptionRules<ScoreContinuationsOptions> = {
  topLogProbabilities: integer(0),
  allowSpecial: anything,
  signal: abortSignal,
  ...adapterRules,
};

/**
 * Scores each continuation of a prompt, which is read once.
 *
 * Texts are divided into tokens together with the prompt, as lm-evaluation-harness does it: a continuation has the tokens
 * of both together behind as many as the prompt has alone, and spaces at the end of the prompt belong to it. Of a prompt
 * that is too long, the end counts.
 *
 * @param prompt a text or its tokens, which do not change; an empty text stands for the beginning of one
 * @param continuations texts or tokens, at least one token each
 * @throws {TypeError} if one is neither a text nor tokens, or a text is given but the model has no tokenizer
 * @throws {RangeError} if a continuation has no token, or more than the context
 * @throws {NumericalError} if the model computes something that is not a number
 * @throws {DOMException} `AbortError` (or the signal's own reason)
 */
export async function scoreContinuations(
  { engine, tokenizer }: Scorer,
  prompt: Prompt,
  continuations: readonly Prompt[],
  options: ScoreContinuationsOptions = {},
): Promise<ContinuationScore[]> {
  const { topLogProbabilities: numTop, allowSpecial, signal, ...reading } = checkOptions(
    ACTION,
    options,
    RULES,
  );
  const adapters = await startAdapters(ACTION, engine.model, reading);
  const { contextLength } = engine.model.config;
  const texts: JoinedText[] = [];
  // Many long texts take seconds.
  const encoded = continuations.values().map((continuation) =>
    texts.push(joined(tokenizer, prompt, continuation, allowSpecial, contextLength))
  );
  await doInTurns(encoded, signal);
  const numRows = texts.reduce((most, { tokens }) => Math.max(most, tokens.length), 0);
  using shared = engine.open({ reservedLength: numRows, adapters });
  const tokens = sharedBeginning(texts);
  await engine.step([{ sequence: shared, tokens, logits: "none" }], { signal });
  const scored = sideBySide(texts, () => numRows, async ({ tokens, begin }, signal) => {
    using sequence = engine.fork(shared);
    return await scoreTokens(engine, sequence, tokens, begin, { numTop, signal });
  }, signal);
  return await Array.fromAsync(scored, (tokens, i) => summarize(tokens, texts[i], tokenizer));
}

/** A prompt with a continuation, and where that begins. */
interface JoinedText {
  readonly tokens: readonly number[];
  readonly begin: number;
  /** How many tokens of the prompt are left out. */
  readonly numLeftOut: number;
}

/**
 * How many tokens a continuation has behind a prompt, as {@linkcode scoreContinuations} divides them.
 *
 * @throws {TypeError} if a text is given but the model has no tokenizer
 * @throws {RangeError} if the prompt has no token, or the tokenizer does not know a character
 */
export function numContinuationTokens(
  tokenizer: Tokenizer | undefined,
  prompt: Prompt,
  continuation: Prompt,
  allowSpecial: EncodeOptions["allowSpecial"],
): number {
  const { tokens, begin } = encodeBoth(tokenizer, prompt, continuation, allowSpecial);
  return tokens.length - begin;
}

function joined(
  tokenizer: Tokenizer | undefined,
  prompt: Prompt,
  continuation: Prompt,
  allowSpecial: EncodeOptions["allowSpecial"],
  contextLength: number,
): JoinedText {
  const { tokens, begin } = encodeBoth(tokenizer, prompt, continuation, allowSpecial);
  const count = tokens.length - begin;
  if (count < 1 || count > contextLength) {
    const joins = count === 0 && continuation.length > 0
      ? ". It is one token together with the end of the prompt: give both as tokens"
      : "";
    throw new InvalidArgumentError(
      `Cannot ${ACTION} a continuation of ${count} tokens: it has from 1 to ${contextLength} of them${joins}.`,
    );
  }
  // The last token is not read, so there may be one more.
  const numLeftOut = Math.max(0, tokens.length - contextLength - 1);
  return { tokens: tokens.slice(numLeftOut), begin: begin - numLeftOut, numLeftOut };
}

function encodeBoth(
  tokenizer: Tokenizer | undefined,
  prompt: Prompt,
  continuation: Prompt,
  allowSpecial: EncodeOptions["allowSpecial"],
): Omit<JoinedText, "numLeftOut"> {
  const encode = (text: Prompt) => encodePrompts(tokenizer, [text], allowSpecial, ACTION)[0];
  const areTexts = typeof prompt === "string" && typeof continuation === "string";
  if (areTexts && prompt.trimEnd() !== "") {
    const before = encode(prompt.trimEnd());
    const both = encode(prompt + continuation);
    return { tokens: [...before, ...both.slice(before.length)], begin: before.length };
  }
  // Spaces alone belong to the continuation, too.
  if (areTexts) continuation = prompt + continuation;
  const before = encode(areTexts ? "" : prompt);
  if (before.length === 0) {
    throw new InvalidArgumentError(
      `Cannot ${ACTION} a continuation of nothing: the prompt has no token. ${
        firstTokenAdvice(tokenizer)
      }`,
    );
  }
  const after = typeof continuation === "string" && tokenizer !== undefined
    ? tokenizer.encode(continuation, { allowSpecial })
    : encode(continuation);
  return { tokens: [...before, ...after], begin: before.length };
}

/** What all texts begin with, without the last token of the prompt: what follows that is wanted of each. */
function sharedBeginning(texts: readonly JoinedText[]): readonly number[] {
  if (texts.length < 2) return [];
  const [{ tokens }] = texts;
  let length = texts.reduce((least, { begin }) => Math.min(least, begin - 1), Infinity);
  for (const other of texts) {
    const end = other.tokens.findIndex((id, i) => i >= length || id !== tokens[i]);
    if (end >= 0) length = Math.min(length, end);
  }
  return tokens.slice(0, length);
}

function summarize(
  tokens: readonly TokenScore[],
  { begin, numLeftOut }: JoinedText,
  tokenizer: Tokenizer | undefined,
): ContinuationScore {
  const logProbability = tokens.reduce((sum, { logProbability }) => sum + logProbability, 0);
  const numBytes = numBytesOf(tokenizer, tokens.map(({ id }) => id));
  return {
    tokens: tokens.map((token) => withTexts(tokenizer, token)),
    logProbability,
    logProbabilityPerToken: logProbability / tokens.length,
    logProbabilityPerByte: logProbability / numBytes,
    isGreedy: tokens.every(({ rank }) => rank === 1),
    numPromptTokens: begin,
    numLeftOut,
  };
}
