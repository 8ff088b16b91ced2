/**
 * Beam search: the likeliest texts, not the likeliest tokens.
 *
 * @module
 */
import { withTexts } from "../tokenizer/likely_token.ts";
import type { Engine } from "../engine/engine.ts";
import type { HookedText, Hooks } from "../engine/hooked_text.ts";
import type { Sequence } from "../engine/sequence.ts";
import { requireMemory } from "../engine/memory_budget.ts";
import type { AppliedAdapters } from "../model/applied_adapters.ts";
import type { TokenIds } from "../tokenizer/token_ids.ts";
import { StreamDecoder } from "../tokenizer/stream_decoder.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import { Beams } from "./beams.ts";
import type { Constraint } from "./constraints/constraint.ts";
import { DEFAULT_MAX_NEW_TOKENS, type GenerateOptions } from "./generate_options.ts";
import type { GeneratedToken } from "./generated_token.ts";
import type { LogitsProcessor } from "./sampling/logits_processors.ts";
import { processorsOf } from "./sampling/sampler.ts";
import { resolveSamplingOptions, samplingOptionsOf } from "./sampling/sampling_options.ts";

/** What the search needs to know beside its options. */
export interface BeamSearchContext {
  readonly tokenizer: Tokenizer | undefined;
  /** The tokens that end a text. */
  readonly endOfTextIds: readonly number[];
  readonly constraint: Constraint | undefined;
  /** What changes log-probabilities after all that the options ask for. */
  readonly rules: readonly LogitsProcessor[];
  /** What is added to the model's weights. */
  readonly adapters: AppliedAdapters | null | undefined;
  /** What is changed in the model. */
  readonly hooks: Hooks | undefined;
}

/** The search in one prompt. */
interface Search {
  readonly prompt: number;
  readonly beams: Beams;
  readonly hooked: HookedText | undefined;
  /** What has read each beam, but for its last token. */
  sequences: Sequence[];
  /** What they are to read next. */
  unread: readonly TokenIds[];
}

/**
 * Continues each prompt by the texts that score best. The tokens of a prompt come when its search has ended, those of the
 * best text first; the last of each text has its `score`.
 *
 * @param prompts checked tokens, each at least one
 * @param options checked: see {@linkcode checkBeamOptions}
 * @throws {RangeError} if so many beams would take more memory than there is
 * @throws {NumericalError} if the model computes something that is not a number, or no token may follow
 * @throws {DOMException} `AbortError` (or the signal's own reason)
 */
export async function* beamSearch(
  engine: Engine,
  prompts: readonly TokenIds[],
  options: GenerateOptions & { readonly numBeams: number },
  context: BeamSearchContext,
): AsyncGenerator<GeneratedToken, void, undefined> {
  const { numBeams, batchSize = Infinity, signal, onProgress } = options;
  const { maxNewTokens = DEFAULT_MAX_NEW_TOKENS } = options;
  const { model } = engine;
  const { contextLength } = model.config;
  const numTogether = Math.max(1, Math.floor(batchSize / numBeams));
  const longest = prompts.reduce((most, { length }) => Math.max(most, length), 0);
  const capacity = Math.min(contextLength, longest + maxNewTokens);
  const numTexts = Math.min(prompts.length, numTogether) * numBeams;
  const advice = "Use fewer beams (numBeams) or a smaller batchSize, or write shorter texts.";
  requireMemory(model, numTexts, capacity, undefined, advice);
  context.hooks?.begin("generate", {
    numTexts: prompts.length,
    numTogether: numTexts,
    numRead: longest,
    promptLength: longest,
    length: capacity,
  });
  const beamsOf = beamsBy(engine, options, context);
  if (maxNewTokens === 0) return;

  const open = new Set<Sequence>();
  let active: Search[] = [];
  let numStarted = 0;
  try {
    while (active.length > 0 || numStarted < prompts.length) {
      const room = numTogether - active.length;
      for (const tokens of prompts.slice(numStarted, numStarted + room)) {
        const sequence = engine.open({ reservedLength: capacity, adapters: context.adapters });
        open.add(sequence);
        const beams = beamsOf([...tokens]);
        const hooked = context.hooks?.open(numStarted, tokens.length);
        const prompt = numStarted++;
        active.push({ prompt, beams, hooked, sequences: [sequence], unread: [tokens] });
      }
      const requests = active.flatMap(({ sequences, unread, hooked }) =>
        sequences.map((sequence, i) => ({
          sequence,
          tokens: unread[i],
          logits: "last" as const,
          hooked,
        }))
      );
      await engine.step(requests, { signal, onProgress });
      const copies: Sequence[] = [];
      for (const search of active) {
        search.beams.advance(search.sequences.map(({ logits }) => logits));
        copies.push(...followBeams(engine, search, open));
        if (search.beams.isFinished) yield* writtenTokens(search, options, context);
      }
      active = active.filter(({ beams }) => !beams.isFinished);
      // What waits for a copy would be read apart from the others.
      await Promise.all(copies.map((copy) => engine.whenIdle(copy)));
    }
  } finally {
    for (const sequence of open) sequence[Symbol.dispose]();
  }
}

/** Makes the beams of a prompt as the options ask for. */
function beamsBy(
  { model: { config: { vocabSize, contextLength } } }: Engine,
  options: GenerateOptions & { readonly numBeams: number },
  { endOfTextIds, constraint, rules }: BeamSearchContext,
) {
  const settings = resolveSamplingOptions(samplingOptionsOf(options), vocabSize);
  const {
    numBeams,
    lengthPenalty = 1,
    earlyStopping = false,
    maxNewTokens = DEFAULT_MAX_NEW_TOKENS,
    topLogProbabilities = 0,
  } = options;
  const processors = [...processorsOf(settings, vocabSize), ...rules];
  return (prompt: readonly number[]) =>
    new Beams(prompt, {
      numBeams,
      lengthPenalty,
      earlyStopping,
      endOfText: new Set(endOfTextIds),
      maxNewTokens,
      contextLength,
      processors,
      constraint: constraint?.start(),
      topLogProbabilities,
    });
}

/**
 * Gives each beam a sequence: the first child of a beam goes on in that of its parent, the others in copies.
 *
 * @returns the copies, which are still to be made
 */
function followBeams(engine: Engine, search: Search, open: Set<Sequence>): Sequence[] {
  const { sequences, beams } = search;
  const running = beams.isFinished ? [] : beams.running;
  const isParent = new Set(running.map(({ parent }) => parent));
  // Before copies are made, so that these find room.
  for (const [index, sequence] of sequences.entries()) {
    if (isParent.has(index)) continue;
    sequence[Symbol.dispose]();
    open.delete(sequence);
  }
  const copies: Sequence[] = [];
  const isTaken = new Set<number>();
  search.sequences = running.map(({ parent }) => {
    if (!isTaken.has(parent)) {
      isTaken.add(parent);
      return sequences[parent];
    }
    const copy = engine.fork(sequences[parent]);
    open.add(copy);
    copies.push(copy);
    return copy;
  });
  search.unread = running.map(({ newTokens }) => [newTokens.at(-1)!.id]);
  return copies;
}

/** The best texts, one after the other. */
function* writtenTokens(
  { prompt, beams }: Search,
  { numReturnSequences = 1, logProbabilities = true }: GenerateOptions,
  { tokenizer, endOfTextIds }: BeamSearchContext,
): Generator<GeneratedToken, void, undefined> {
  const best = beams.finished.slice(0, numReturnSequences);
  for (const [sequence, { newTokens, finishReason, score }] of best.entries()) {
    const decoder = tokenizer && new StreamDecoder(tokenizer);
    for (const [index, token] of newTokens.entries()) {
      const isLast = index === newTokens.length - 1;
      const text = endOfTextIds.includes(token.id) ? "" : decoder?.push(token.id) ?? "";
      yield {
        prompt,
        sequence,
        ...withTexts(tokenizer, token),
        text: isLast ? text + (decoder?.flush() ?? "") : text,
        logProbability: logProbabilities ? token.logProbability : NaN,
        finishReason: isLast ? finishReason : undefined,
        ...isLast && { score },
      };
    }
  }
}
