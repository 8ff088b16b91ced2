/**
 * Writing on: one token after another, streamed.
 *
 * @module
 */
import { InvalidArgumentError } from "../base/errors.ts";
import {
  abortSignal,
  callback,
  checkOptions,
  flag,
  integer,
  oneOf,
  type OptionRules,
} from "../base/check_options.ts";
import { eventLoopTurn } from "../base/event_loop.ts";
import { type ReadProgress, requireSessionMemory, Session } from "../engine/session.ts";
import type { Model } from "../model/model.ts";
import { checkTokens, type TokenIds } from "../model/token_ids.ts";
import { type EncodeOptions, encodeRules, type Tokenizer } from "../tokenizer/tokenizer.ts";
import { StreamDecoder } from "../tokenizer/stream_decoder.ts";
import { compileConstraint } from "./constraints/compile_constraint.ts";
import type { Constraint, ConstraintState } from "./constraints/constraint.ts";
import { type ConstraintOptions, constraintRules } from "./constraints/constraint_options.ts";
import { firstStreams } from "./prompts.ts";
import { likeliest, logProbability as logProbabilityOf } from "./sampling/log_probability.ts";
import { Sampler } from "./sampling/sampler.ts";
import {
  type SamplingOptions,
  samplingOptionsOf,
  samplingRules,
} from "./sampling/sampling_options.ts";
import { StopMatcher } from "./stop_strings.ts";

/** A token, and how likely the model itself finds it. */
export interface TokenLogProbability {
  /** The token. */
  readonly id: number;
  /** The natural logarithm of its probability. */
  readonly logProbability: number;
}

/**
 * Why a text ended: `endOfText` by a token that ends texts, or because a constraint lets nothing follow; `stop` before a
 * stop text; `maxNewTokens` and `contextLength` because there was no more room.
 */
export type FinishReason = "endOfText" | "stop" | "maxNewTokens" | "contextLength";

/** Options of `GPT2.generate()`. Those for sampling have Hugging Face's names and defaults. */
export interface GenerateOptions extends SamplingOptions, ConstraintOptions {
  /** The most tokens to write. Default: 128. */
  maxNewTokens?: number;
  /** Texts that end the generation. They are not part of the result. */
  stop?: string | readonly string[];
  /** How many continuations of each prompt to write, side by side. Default: 1. */
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

/** One new token, and the text it added. */
export interface GeneratedToken {
  /** Which prompt it continues, from 0. */
  readonly prompt: number;
  /** Which continuation of that prompt it belongs to, from 0. */
  readonly sequence: number;
  /** The token. */
  readonly id: number;
  /**
   * The text that became certain with this token. Empty while a character or a possible stop text is incomplete, and for
   * the token that ends the text.
   */
  readonly text: string;
  /**
   * The natural logarithm of the probability that the model itself, without sampling options, gave this token;
   * NaN if `logProbabilities` is false.
   */
  readonly logProbability: number;
  /** The likeliest tokens at this place, the likeliest first, if `topLogProbabilities` asks for them. */
  readonly topLogProbabilities?: readonly TokenLogProbability[];
  /** Set on the last token of a sequence. */
  readonly finishReason?: FinishReason;
}

/** What the generation needs to know of tokens. */
export interface Vocabulary {
  /** Turns them into text. */
  readonly tokenizer: Tokenizer | undefined;
  /** Those that end a text. */
  readonly endOfTextIds: readonly number[];
}

/** What the generation needs to know of each sequence. */
interface Sequence {
  readonly prompt: number;
  readonly sequence: number;
  /** Prompt and new tokens. */
  readonly tokens: number[];
  readonly sampler: Sampler;
  readonly decoder: StreamDecoder | undefined;
  readonly stop: StopMatcher;
  /** Where it is in the constraint, if there is one. */
  constraint: ConstraintState | undefined;
  readonly numPromptTokens: number;
  numNewTokens: number;
  isFinished: boolean;
}

/** How many tokens are written if nobody says otherwise. */
export const DEFAULT_MAX_NEW_TOKENS = 128;

const MAX_TOP_LOG_PROBABILITIES = 100;

const RULES: OptionRules<GenerateOptions> = {
  ...samplingRules,
  ...constraintRules,
  maxNewTokens: integer(0),
  stop: {
    meaning: "a text, or an array of texts",
    isType: (value) => typeof value === "string" || Array.isArray(value),
  },
  numReturnSequences: integer(1),
  overflow: oneOf("stop", "crop"),
  ignoreEndOfText: flag,
  logProbabilities: flag,
  topLogProbabilities: integer(0, MAX_TOP_LOG_PROBABILITIES),
  ...encodeRules,
  batchSize: integer(1),
  onProgress: callback,
  signal: abortSignal,
};

/**
 * Continues each prompt. The tokens of all sequences of a batch come interleaved, in the order in which they are computed.
 *
 * Leaving the loop early frees everything.
 *
 * @param model what computes the logits
 * @param vocabulary what tokens mean; without a tokenizer, the texts stay empty
 * @param prompts tokens to continue, each at least one
 * @throws {TypeError} if there is no such option, one has the wrong type, or constraints contradict each other
 * @throws {RangeError} if an option is out of range, a token is not in the vocabulary, a constraint cannot be fulfilled or
 * is not supported, or a prompt is longer than the context and `overflow` is not `"crop"`
 * @throws {SyntaxError} if a regular expression does not parse
 * @throws {NumericalError} if the model computes something that is not a number
 * @throws {DOMException} `AbortError` (or the signal's own reason)
 */
export async function* generate(
  model: Model,
  vocabulary: Vocabulary = { tokenizer: undefined, endOfTextIds: [] },
  prompts: readonly TokenIds[],
  options: GenerateOptions = {},
): AsyncGenerator<GeneratedToken, void, undefined> {
  checkOptions("generate", options, RULES);
  const { overflow = "stop", numReturnSequences = 1, batchSize = Infinity } = options;
  checkPrompts(model, prompts, overflow);
  const endOfTextIds = options.ignoreEndOfText ? [] : vocabulary.endOfTextIds;
  const constraint = await compileConstraint(options, vocabulary.tokenizer, endOfTextIds);
  const streams = firstStreams(prompts, numReturnSequences);
  const numTogether = Math.max(1, Math.floor(batchSize / numReturnSequences));
  for (let start = 0; start < prompts.length; start += numTogether) {
    const starts = prompts.slice(start, start + numTogether)
      .map((tokens, i) => ({ prompt: start + i, tokens, stream: streams[start + i] }));
    yield* generateTogether(model, { ...vocabulary, endOfTextIds }, starts, options, constraint);
  }
}

/** A prompt, and the random stream that it begins with. */
interface Start {
  readonly prompt: number;
  readonly tokens: TokenIds;
  readonly stream: number;
}

/** Continues prompts side by side. */
async function* generateTogether(
  model: Model,
  { tokenizer, endOfTextIds }: Vocabulary,
  starts: readonly Start[],
  options: GenerateOptions,
  constraint: Constraint | undefined,
): AsyncGenerator<GeneratedToken, void, undefined> {
  const { maxNewTokens = DEFAULT_MAX_NEW_TOKENS, overflow = "stop", signal } = options;
  const { logProbabilities = true, topLogProbabilities = 0, numReturnSequences = 1 } = options;
  const { contextLength, vocabSize } = model.config;
  const longest = starts.reduce((most, { tokens }) => Math.max(most, tokens.length), 0);
  const batch = starts.length * numReturnSequences;
  const capacity = overflow === "crop"
    ? contextLength
    : Math.min(contextLength, longest + maxNewTokens);
  requireSessionMemory(model, batch, capacity);
  if (maxNewTokens === 0) return;
  const sequences = startSequences(model, tokenizer, starts, options, constraint);
  signal?.throwIfAborted();

  using session = new Session(model, {
    batch,
    capacity,
    // On the processor itself there is nothing to be saved; what a constraint allows need not be likely.
    numLogits: model.backend.usesDevices && !logProbabilities && topLogProbabilities === 0 &&
        constraint === undefined
      ? sequences[0].sampler.numDecisiveLogits
      : undefined,
  });
  const endOfText = new Set(endOfTextIds);

  let added: number[][] = sequences.map(({ tokens }) => tokens.slice(-contextLength));
  while (true) {
    const logits = await session.append(added, signal, options.onProgress);
    added = sequences.map(() => []);
    for (const [row, sequence] of sequences.entries()) {
      if (sequence.isFinished) continue;
      const rowLogits = logits.subarray(row * vocabSize, (row + 1) * vocabSize);
      const { tokens, numPromptTokens, constraint } = sequence;
      const id = sequence.sampler.sample(rowLogits, tokens, numPromptTokens, constraint?.allowed);
      sequence.constraint = constraint?.after(id);
      sequence.tokens.push(id);
      sequence.numNewTokens++;

      let finishReason: FinishReason | undefined;
      if (endOfText.has(id)) finishReason = "endOfText";
      let text = endOfText.has(id) ? "" : sequence.stop.push(sequence.decoder?.push(id) ?? "");
      if (finishReason === undefined && sequence.stop.isStopped) finishReason = "stop";
      if (finishReason === undefined && sequence.constraint?.isFinished) finishReason = "endOfText";
      if (finishReason === undefined && sequence.numNewTokens === maxNewTokens) {
        finishReason = "maxNewTokens";
      }
      const isFull = session.lengths[row] === contextLength;
      if (finishReason === undefined && isFull && overflow === "stop") {
        finishReason = "contextLength";
      }

      if (finishReason !== undefined) {
        sequence.isFinished = true;
        if (finishReason !== "stop") {
          text += sequence.stop.push(sequence.decoder?.flush() ?? "") + sequence.stop.flush();
        }
      } else if (isFull) {
        session.truncate(row, 0);
        added[row] = sequence.tokens.slice(-Math.ceil(contextLength / 2));
      } else {
        added[row] = [id];
      }
      const { prompt, sequence: index } = sequence;
      const logProbability = logProbabilities ? logProbabilityOf(rowLogits, id) : NaN;
      const token = { prompt, sequence: index, id, text, logProbability, finishReason };
      yield topLogProbabilities === 0
        ? token
        : { ...token, topLogProbabilities: likeliest(rowLogits, topLogProbabilities) };
    }
    if (sequences.every(({ isFinished }) => isFinished)) return;
    await eventLoopTurn();
    signal?.throwIfAborted();
  }
}

function startSequences(
  model: Model,
  tokenizer: Tokenizer | undefined,
  starts: readonly Start[],
  options: GenerateOptions,
  constraint: Constraint | undefined,
): Sequence[] {
  const { numReturnSequences = 1, stop = [] } = options;
  const sampler = new Sampler(samplingOptionsOf(options), model.config.vocabSize);
  return starts.flatMap(({ prompt, tokens, stream }) =>
    Array.from({ length: numReturnSequences }, (_, sequence) => ({
      prompt,
      sequence,
      tokens: Array.from(tokens),
      sampler: sampler.fork(stream + sequence),
      decoder: tokenizer && new StreamDecoder(tokenizer),
      stop: new StopMatcher(stop),
      constraint: constraint?.start(),
      numPromptTokens: tokens.length,
      numNewTokens: 0,
      isFinished: false,
    }))
  );
}

function checkPrompts(
  { config: { contextLength, vocabSize } }: Model,
  prompts: readonly TokenIds[],
  overflow: "stop" | "crop",
): void {
  prompts.forEach((tokens, index) => {
    const prompt = prompts.length === 1 ? "the prompt" : `prompt ${index}`;
    if (tokens.length === 0) {
      throw new InvalidArgumentError(
        `Cannot generate: ${prompt} has no token: start from <|endoftext|>, as an empty text does`,
      );
    }
    if (tokens.length > contextLength && overflow !== "crop") {
      throw new InvalidArgumentError(
        `Cannot generate: ${prompt} is longer than the context: ` +
          `received ${tokens.length} tokens for ${contextLength} positions: ` +
          `shorten it, or pass overflow "crop" to read only its end`,
      );
    }
    checkTokens(tokens, vocabSize);
  });
}
