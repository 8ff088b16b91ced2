/**
 * The forward pass over whole texts, from what a caller gives to what a caller wants.
 *
 * @module
 */
import {
  abortSignal,
  anything,
  checkOptions,
  oneOf,
  type OptionRules,
} from "../base/check_options.ts";
import { describe } from "../base/describe.ts";
import { InvalidArgumentError, NumericalError } from "../base/errors.ts";
import type { AdapterOptions } from "../model/adapter.ts";
import type { AppliedAdapters } from "../model/applied_adapters.ts";
import { crossEntropy, IGNORED_TARGET } from "../model/loss.ts";
import { checkTokens, type TokenIds, toRows } from "../tokenizer/token_ids.ts";
import type { CapturedActivations } from "./activation_record.ts";
import type { Engine } from "./engine.ts";
import { type HookOptions, hookRules } from "./hook_options.ts";
import type { HookedText } from "./hooked_text.ts";
import { adapterRules, startAdapters } from "./start_adapters.ts";
import { startHooks, wantsHooks } from "./start_hooks.ts";

/** Options of `GPT2.forward()`. */
export interface ForwardOptions extends HookOptions, AdapterOptions {
  /**
   * The token that should follow at each position, in the shape of the tokens; -100 where none counts. Given these,
   * the result has a loss.
   */
  targets?: TokenIds | readonly TokenIds[];
  /**
   * Which logits to return: those of every position of each text, of its last one, or none (then only the loss is of
   * interest). Default: `"all"`.
   */
  logits?: "all" | "last" | "none";
  /** Stops the computation with an `AbortError`. */
  signal?: AbortSignal;
}

/** What `GPT2.forward()` gives. */
export interface ForwardResult {
  /**
   * (batch seq vocab), row by row. Of texts of different lengths, the shorter ones have NaN behind their end; of
   * `logits: "last"`, seq is 1, and of `"none"` it is 0.
   */
  logits: Float32Array<ArrayBuffer>;
  /** The sizes of the three axes of `logits`. */
  shape: [batch: number, seq: number, vocab: number];
  /** What `capture` asked for, by name. */
  activations?: CapturedActivations;
  /** Mean cross-entropy of the targets in nats, where targets were given: over all of them, of whichever text. */
  loss?: number;
}

const ACTION = "compute logits";

const RULES: OptionRules<ForwardOptions> = {
  targets: anything,
  logits: oneOf("all", "last", "none"),
  signal: abortSignal,
  ...adapterRules,
  ...hookRules,
};

/** The largest result: a typed array that is larger cannot be had everywhere. */
const MAX_LOGITS = 2 ** 30;

/**
 * Computes logits, and the loss if targets are given.
 *
 * @param tokens one text, or several of any lengths: (seq) or (batch seq)
 * @throws {TypeError} if an argument has the wrong type, or the targets another shape than the tokens
 * @throws {RangeError} if a token is not in the vocabulary, there are more than the context length, or the result would be
 * too large
 * @throws {NumericalError} if a logit is not a finite number
 */
export async function forward(
  engine: Engine,
  tokens: TokenIds | readonly TokenIds[],
  options: ForwardOptions = {},
): Promise<ForwardResult> {
  options = checkOptions(ACTION, options, RULES);
  const { logits: wanted = "all", signal } = options;
  const { vocabSize, contextLength } = engine.model.config;
  // Copies: what the caller's arrays say later makes no difference.
  const texts = toRows(ACTION, "tokens", tokens).map((row) => Array.from(row));
  for (const text of texts) checkText(text, contextLength, vocabSize);
  const targets = options.targets === undefined
    ? undefined
    : toRows(ACTION, "targets", options.targets).map((row) => Array.from(row));
  if (targets !== undefined) checkTargets(texts, targets, vocabSize);
  const seq = texts.reduce((longest, { length }) => Math.max(longest, length), 0);
  // The loss needs those of all positions, whatever is returned.
  const numRows = wanted !== "all" && targets === undefined ? 1 : seq;
  if (texts.length * numRows * vocabSize > MAX_LOGITS) {
    throw new InvalidArgumentError(
      `Cannot ${ACTION}: there would be more than ${MAX_LOGITS}: received ${texts.length} texts of ` +
        `up to ${seq} tokens. Give fewer at a time, or ask for logits: "last".`,
    );
  }
  const hooks = wantsHooks(options)
    ? await startHooks(ACTION, options, engine.model.config)
    : undefined;
  const adapters = await startAdapters(ACTION, engine.model, options);
  const numTexts = texts.length;
  const sizes = { numRead: seq, promptLength: seq, length: seq };
  hooks?.begin(ACTION, { numTexts, numTogether: numTexts, ...sizes });
  const hooked = hooks && texts.map(({ length }, text) => hooks.open(text, length));
  const computed = await computeLogits(engine, texts, numRows, { signal, adapters, hooked });
  const loss = targets && crossEntropy(
    computed,
    targets.flatMap((row) => padded(row, seq, IGNORED_TARGET)),
    vocabSize,
  );
  const result = pickWanted(computed, texts, wanted, numRows, vocabSize);
  const activations = hooked && hooks.assemble(hooked);
  return {
    ...result,
    ...loss !== undefined && { loss },
    ...activations !== undefined && { activations },
  };
}

/**
 * Reads texts, each by itself.
 *
 * @param numRows the positions of each in the result: as many as the longest has, or 1 for the last one
 * @returns (texts numRows vocab), NaN where a text has no position
 */
async function computeLogits(
  engine: Engine,
  texts: readonly TokenIds[],
  numRows: number,
  { signal, adapters, hooked }: {
    readonly signal: AbortSignal | undefined;
    readonly adapters: AppliedAdapters | null | undefined;
    readonly hooked: readonly HookedText[] | undefined;
  },
): Promise<Float32Array<ArrayBuffer>> {
  const { vocabSize } = engine.model.config;
  const computed = new Float32Array(texts.length * numRows * vocabSize).fill(NaN);
  using sequences = new DisposableStack();
  const requests = texts.map((tokens, text) => {
    const begin = text * numRows * vocabSize;
    const numWanted = Math.min(tokens.length, numRows);
    return {
      sequence: sequences.use(engine.open({ reservedLength: tokens.length, adapters })),
      tokens,
      logits: numRows === 1 ? "last" as const : "all" as const,
      into: computed.subarray(begin, begin + numWanted * vocabSize),
      hooked: hooked?.[text],
    };
  });
  await engine.step(requests, { signal });
  for (const [text, { into }] of requests.entries()) checkFinite(into, text);
  return computed;
}

/**
 * Checks a text.
 *
 * @throws {RangeError} if it has no token or too many, or one is not in the vocabulary
 */
export function checkText(text: TokenIds, contextLength: number, vocabSize: number): void {
  if (text.length < 1 || text.length > contextLength) {
    throw new InvalidArgumentError(
      `Cannot read ${text.length} tokens: a text has from 1 to ${contextLength} of them. Leave some out, or give at least one.`,
    );
  }
  checkTokens(text, vocabSize);
}

/**
 * Checks targets of texts.
 *
 * @throws {TypeError} if there are not as many as tokens
 * @throws {RangeError} if one is not in the vocabulary
 */
export function checkTargets(
  texts: readonly TokenIds[],
  targets: readonly TokenIds[],
  vocabSize: number,
): void {
  const lengths = (rows: readonly TokenIds[]) => rows.map(({ length }) => length).join(", ");
  if (lengths(texts) !== lengths(targets)) {
    throw new TypeError(
      `Cannot compute the loss: targets must have the shape of the tokens, texts of ` +
        `${lengths(texts)}: received ${lengths(targets)}.`,
    );
  }
  for (const row of targets) {
    for (const target of row) {
      if (target === IGNORED_TARGET) continue;
      if (Number.isInteger(target) && target >= 0 && target < vocabSize) continue;
      throw new InvalidArgumentError(
        `Cannot compute the loss: a target must be an integer from 0 to ${vocabSize - 1}, or ` +
          `${IGNORED_TARGET} for none: received ${describe(target)}.`,
      );
    }
  }
}

function padded(values: TokenIds, length: number, padding: number): number[] {
  return Array.from({ length }, (_, i) => i < values.length ? values[i] : padding);
}

function checkFinite(logits: Float32Array, text: number): void {
  for (let i = 0; i < logits.length; i++) {
    // The difference is 0, or NaN.
    if (logits[i] - logits[i] === 0) continue;
    throw new NumericalError(
      `Cannot ${ACTION}: the model computes something that is not a finite number: received ` +
        `${
          logits[i]
        } in text ${text}. Check the model's weights, and what intervene makes of them.`,
    );
  }
}

/** Of the logits that were computed, those that are wanted. */
function pickWanted(
  computed: Float32Array<ArrayBuffer>,
  texts: readonly TokenIds[],
  wanted: "all" | "last" | "none",
  numRows: number,
  vocabSize: number,
): ForwardResult {
  const batch = texts.length;
  if (wanted === "none") return { logits: new Float32Array(0), shape: [batch, 0, vocabSize] };
  if (wanted === "all" || numRows === 1) {
    return { logits: computed, shape: [batch, numRows, vocabSize] };
  }
  const logits = new Float32Array(batch * vocabSize);
  for (const [row, { length }] of texts.entries()) {
    const begin = (row * numRows + length - 1) * vocabSize;
    logits.set(computed.subarray(begin, begin + vocabSize), row * vocabSize);
  }
  return { logits, shape: [batch, 1, vocabSize] };
}
