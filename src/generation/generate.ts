/**
 * Writing on: one token after another, streamed.
 *
 * @module
 */
import { InvalidArgumentError } from "../base/errors.ts";
import { checkOptions } from "../base/check_options.ts";
import type { Engine } from "../engine/engine.ts";
import type { HookedText, Hooks } from "../engine/hooked_text.ts";
import type { StepRequest } from "../engine/reading.ts";
import type { Sequence } from "../engine/sequence.ts";
import { requireMemory } from "../engine/memory_budget.ts";
import { startAdapters } from "../engine/start_adapters.ts";
import { startHooks, wantsHooks } from "../engine/start_hooks.ts";
import type { Model } from "../model/model.ts";
import { checkTokens, type TokenIds } from "../tokenizer/token_ids.ts";
import { canSummarizeLogits } from "../tensor/summarize_logits.ts";
import { firstTokenAdvice } from "../tokenizer/prompts.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import { checkBeamOptions } from "./beam_options.ts";
import { compileConstraint } from "./constraints/compile_constraint.ts";
import type { Constraint } from "./constraints/constraint.ts";
import { Continuation } from "./continuation.ts";
import { DEFAULT_MAX_NEW_TOKENS, type GenerateOptions, generateRules } from "./generate_options.ts";
import type { GeneratedToken } from "./generated_token.ts";
import { firstStreams } from "./first_streams.ts";
import { Sampler } from "./sampling/sampler.ts";
import { samplingOptionsOf } from "./sampling/sampling_options.ts";
import type { Speculation } from "./speculation/speculation.ts";
import { StopMatcher } from "./stop_strings.ts";
import { tokenRules } from "./token_rules.ts";

/** What the generation needs to know of tokens. */
export interface Vocabulary {
  /** Turns them into text. */
  readonly tokenizer: Tokenizer | undefined;
  /** Those that end a text. */
  readonly endOfTextIds: readonly number[];
}

/**
 * Continues each prompt. The tokens of all sequences of a batch come interleaved, in the order in which they are computed.
 *
 * Leaving the loop early frees everything.
 *
 * @param engine what computes the logits
 * @param vocabulary what tokens mean; without a tokenizer, the texts stay empty
 * @param prompts tokens to continue, each at least one
 * @throws {TypeError} if there is no such option, one has the wrong type, or constraints contradict each other
 * @throws {RangeError} if an option is out of range, a token is not in the vocabulary, a constraint cannot be fulfilled or
 * is not supported, or a prompt is longer than the context and `overflow` is not `"crop"`
 * @throws {SyntaxError} if a regular expression does not parse
 * @throws {NumericalError} if the model computes something that is not a number
 * @throws {DOMException} `AbortError` (or the signal's own reason)
 */
export function generate(
  engine: Engine,
  vocabulary: Vocabulary = { tokenizer: undefined, endOfTextIds: [] },
  prompts: readonly TokenIds[],
  options: GenerateOptions = {},
): AsyncGenerator<GeneratedToken, void, undefined> {
  // Copies, made when the call is made: what the caller's objects say later makes no difference.
  options = checkOptions("generate", options, generateRules);
  checkBeamOptions(options);
  return continuePrompts(
    engine,
    vocabulary,
    prompts.map((tokens) => Array.from(tokens)),
    options,
  );
}

async function* continuePrompts(
  engine: Engine,
  vocabulary: Vocabulary,
  prompts: readonly TokenIds[],
  options: GenerateOptions,
): AsyncGenerator<GeneratedToken, void, undefined> {
  const { overflow = "stop", numReturnSequences = 1, batchSize = Infinity } = options;
  const { numBeams = 1 } = options;
  const { maxNewTokens = DEFAULT_MAX_NEW_TOKENS, signal, onProgress } = options;
  const { model } = engine;
  signal?.throwIfAborted();
  checkPrompts(model, prompts, overflow, vocabulary.tokenizer);
  const endOfTextIds = options.ignoreEndOfText ? [] : vocabulary.endOfTextIds;
  const constraint = await compileConstraint(options, vocabulary.tokenizer, endOfTextIds, signal);
  const { tokenizer } = vocabulary;
  const { vocabSize } = model.config;
  const adapters = await startAdapters("generate", model, options);
  const about = { tokenizer, endOfTextIds, vocabSize, maxNewTokens, constraint };
  const rules = tokenRules(options, about);
  if (numBeams > 1) {
    const { beamSearch } = await import("./beam_search.ts");
    const hooks = await hooksBy(options, model);
    return yield* beamSearch(engine, prompts, { ...options, numBeams }, {
      ...about,
      rules,
      adapters,
      hooks,
    });
  }
  const numTogether = Math.ceil(batchSize / numReturnSequences);
  const longest = prompts.reduce((most, { length }) => Math.max(most, length), 0);
  const capacity = overflow === "crop"
    ? model.config.contextLength
    : Math.min(model.config.contextLength, longest + maxNewTokens);
  // What has read a prompt is kept for those that wait.
  requireMemory(model, Math.min(prompts.length * numReturnSequences, batchSize + 1), capacity);
  const hooks = await hooksBy(options, model);
  hooks?.begin("generate", {
    numTexts: prompts.length,
    numTogether: Math.min(prompts.length, numTogether),
    numRead: longest,
    promptLength: Math.min(longest, capacity),
    length: capacity,
  });
  using speculation = await speculationBy(options, model, vocabulary.tokenizer);
  if (maxNewTokens === 0) return;
  const sampler = new Sampler(samplingOptionsOf(options), vocabSize, rules);
  const continuationOf = continuationsBy(options, {
    tokenizer,
    endOfTextIds,
    sampler,
    constraint,
    contextLength: model.config.contextLength,
  });
  const streams = firstStreams(prompts, numReturnSequences);
  // What a constraint allows need not be likely.
  const numDecisive = constraint === undefined ? sampler.numDecisiveLogits : undefined;
  const numLargest = numLargestLogits(model, options, numDecisive);
  const stepOptions = { signal, onProgress, numLargest };

  const open = new Set<Sequence>();
  let active: Continuation[] = [];
  /** What has read prompts of which not all continuations have begun, and how many have. */
  const waiting: { sequence: Sequence; prompt: number; hooked?: HookedText; numBegun: number }[] =
    [];
  let numWaiting = 0;
  let numStarted = 0;
  try {
    while (active.length + numWaiting > 0 || numStarted < prompts.length) {
      const room = Math.max(0, batchSize - active.length - numWaiting);
      const numStarting = Math.min(
        Math.ceil(room / numReturnSequences),
        prompts.length - numStarted,
      );
      const starting = prompts.slice(numStarted, numStarted + numStarting).map((prompt, i) => {
        const sequence = engine.open({ reservedLength: capacity, adapters });
        const tokens = lastTokens(prompt, model.config.contextLength);
        return { sequence, tokens, hooked: hooks?.open(numStarted + i, tokens.length) };
      });
      for (const { sequence } of starting) open.add(sequence);
      await speculation?.draft(active);
      const requests: StepRequest[] = active.map(({ reading }) => reading);
      for (const prompt of starting) requests.push({ ...prompt, logits: "last" });
      await engine.step(requests, stepOptions);

      // A prompt is read once, however many continuations it gets.
      for (const { sequence, hooked } of starting) {
        waiting.push({ sequence, prompt: numStarted++, hooked, numBegun: 0 });
        numWaiting += numReturnSequences;
      }
      for (; numWaiting > 0 && active.length < batchSize; numWaiting--) {
        const { sequence, prompt, hooked } = waiting[0];
        const number = waiting[0].numBegun++;
        const isLast = number === numReturnSequences - 1;
        if (isLast) waiting.shift();
        const own = isLast ? sequence : engine.fork(sequence);
        open.add(own);
        const place = { prompt, sequence: number, stream: streams[prompt] + number };
        const ofOwn = hooked &&
          { ...hooked, record: isLast ? hooked.record : hooked.record.copy() };
        active.push(continuationOf(own, [...prompts[prompt]], place, ofOwn));
      }
      for (const continuation of active) {
        // Not `yield*`, which takes several turns for each token here.
        for (const token of continuation.takeIn(signal)) yield token;
        speculation?.learn(continuation);
        if (!continuation.isFinished) continue;
        continuation.sequence[Symbol.dispose]();
        open.delete(continuation.sequence);
      }
      active = active.filter(({ isFinished }) => !isFinished);
    }
  } finally {
    for (const sequence of open) sequence[Symbol.dispose]();
  }
}

/** Makes continuations as the options ask for. */
export function continuationsBy(
  options: GenerateOptions,
  { tokenizer, endOfTextIds, sampler, constraint, contextLength }: Vocabulary & {
    readonly sampler: Sampler;
    readonly constraint: Constraint | undefined;
    readonly contextLength: number;
  },
) {
  const {
    maxNewTokens = DEFAULT_MAX_NEW_TOKENS,
    overflow = "stop",
    stop = [],
    logProbabilities = true,
    topLogProbabilities = 0,
  } = options;
  const endOfText = new Set(endOfTextIds);
  new StopMatcher(stop); // Not only when the prompt has been read it turns out that there cannot be such.
  return (
    own: Sequence,
    tokens: number[],
    { prompt, sequence, stream }: { prompt: number; sequence: number; stream: number },
    hooked?: HookedText,
  ) =>
    new Continuation(own, tokens, {
      prompt,
      sequence,
      sampler: sampler.fork(stream),
      tokenizer,
      stop,
      constraint: constraint?.start(),
      endOfText,
      maxNewTokens,
      contextLength,
      overflow,
      logProbabilities,
      topLogProbabilities,
      hooked,
    });
}

/** Who captures and changes nothing does not wait for what does it. */
export async function hooksBy(
  options: GenerateOptions,
  { config }: Model,
): Promise<Hooks | undefined> {
  if (!wantsHooks(options)) return undefined;
  const { capture, speculate, draft, numBeams = 1 } = options;
  const other = numBeams > 1
    ? "numBeams"
    : speculate !== undefined
    ? "speculate"
    : draft !== undefined
    ? "draft"
    : undefined;
  if (capture !== undefined && other !== undefined) {
    throw new TypeError(
      `Cannot generate: capture and ${other} cannot be combined: which of the tokens that are read ` +
        "stay in the text shows only later. Generate first, and capture in forward().",
    );
  }
  return await startHooks("generate", options, config);
}

/** Who does not speculate does not wait for what does. */
export async function speculationBy(
  options: GenerateOptions,
  model: Model,
  tokenizer: Tokenizer | undefined,
): Promise<Speculation | undefined> {
  if (options.speculate === undefined && options.draft === undefined) return undefined;
  const { startSpeculation } = await import("./speculation/start_speculation.ts");
  return startSpeculation(model, tokenizer, options);
}

/**
 * How many of the largest logits decide, 0 for all; nothing where there is nothing to be saved: where the processor itself
 * has computed the logits, and cannot tell what they add up to.
 */
export function numLargestLogits(
  { backend }: Model,
  { logProbabilities = true, topLogProbabilities = 0 }: GenerateOptions = {},
  numDecisive?: number,
): number | undefined {
  if (canSummarizeLogits(backend)) {
    return numDecisive === undefined ? 0 : Math.max(numDecisive, topLogProbabilities);
  }
  const chooses = backend.usesDevices && !logProbabilities && topLogProbabilities === 0;
  return chooses ? numDecisive : undefined;
}

/** The end of a text, as far as it fits into a context. */
function lastTokens(tokens: TokenIds, contextLength: number): number[] {
  return Array.prototype.slice.call(tokens, -contextLength);
}

function checkPrompts(
  { config: { contextLength, vocabSize } }: Model,
  prompts: readonly TokenIds[],
  overflow: "stop" | "crop",
  tokenizer: Tokenizer | undefined,
): void {
  prompts.forEach((tokens, index) => {
    const prompt = prompts.length === 1 ? "the prompt" : `prompt ${index}`;
    if (tokens.length === 0) {
      throw new InvalidArgumentError(
        `Cannot generate: ${prompt} has no token: received nothing. ${firstTokenAdvice(tokenizer)}`,
      );
    }
    if (tokens.length > contextLength && overflow !== "crop") {
      throw new InvalidArgumentError(
        `Cannot generate: ${prompt} is longer than the context: ` +
          `received ${tokens.length} tokens for ${contextLength} positions. ` +
          `Shorten it, or pass overflow "crop" to read only its end.`,
      );
    }
    checkTokens(tokens, vocabSize);
  });
}
