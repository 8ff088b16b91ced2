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
import { crossEntropy, IGNORED_TARGET } from "./loss.ts";
import type { Model } from "./model.ts";
import { checkTokens, type TokenIds, toRows } from "./token_ids.ts";

/** Options of `GPT2.forward()`. */
export interface ForwardOptions {
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
  /** Mean cross-entropy of the targets in nats, where targets were given: over all of them, of whichever text. */
  loss?: number;
}

const ACTION = "compute logits";

const RULES: OptionRules<ForwardOptions> = {
  targets: anything,
  logits: oneOf("all", "last", "none"),
  signal: abortSignal,
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
  model: Model,
  tokens: TokenIds | readonly TokenIds[],
  options: ForwardOptions = {},
): Promise<ForwardResult> {
  checkOptions(ACTION, options, RULES);
  const { logits: wanted = "all", signal } = options;
  const { vocabSize } = model.config;
  const texts = toRows(ACTION, "tokens", tokens);
  for (const text of texts) checkText(model, text);
  const targets = options.targets && toRows(ACTION, "targets", options.targets);
  if (targets !== undefined) checkTargets(texts, targets, vocabSize);
  // The loss needs those of all positions, whatever is returned.
  const select = wanted === "last" && targets === undefined ? "last" : "all";
  const seq = texts.reduce((longest, { length }) => Math.max(longest, length), 0);
  if (texts.length * (select === "all" ? seq : 1) * vocabSize > MAX_LOGITS) {
    throw new InvalidArgumentError(
      `Cannot ${ACTION}: there would be more than ${MAX_LOGITS}: received ${texts.length} texts of ` +
        `up to ${seq} tokens. Give fewer at a time, or ask for logits: "last".`,
    );
  }
  const flat = Int32Array.from(texts.flatMap((text) => padded(text, seq, 0)));
  const lengths = select === "last" ? texts.map(({ length }) => length) : undefined;
  const computed = await model.logits(flat, texts.length, seq, { lengths, signal });
  checkFinite(computed, texts, select, vocabSize);
  const loss = targets && crossEntropy(
    computed,
    targets.flatMap((row) => padded(row, seq, IGNORED_TARGET)),
    vocabSize,
  );
  const result = pickWanted(computed, texts, wanted, select, vocabSize);
  return loss === undefined ? result : { ...result, loss };
}

function checkText({ config }: Model, text: TokenIds): void {
  if (text.length < 1 || text.length > config.contextLength) {
    throw new InvalidArgumentError(
      `Cannot read ${text.length} tokens: a text has from 1 to ${config.contextLength} of them`,
    );
  }
  checkTokens(text, config.vocabSize);
}

function checkTargets(
  texts: readonly TokenIds[],
  targets: readonly TokenIds[],
  vocabSize: number,
): void {
  const lengths = (rows: readonly TokenIds[]) => rows.map(({ length }) => length).join(", ");
  if (lengths(texts) !== lengths(targets)) {
    throw new TypeError(
      `Cannot compute the loss: targets must have the shape of the tokens, texts of ` +
        `${lengths(texts)}: received ${lengths(targets)}`,
    );
  }
  for (const row of targets) {
    for (const target of row) {
      if (target === IGNORED_TARGET) continue;
      if (Number.isInteger(target) && target >= 0 && target < vocabSize) continue;
      throw new InvalidArgumentError(
        `Cannot compute the loss: a target must be an integer from 0 to ${vocabSize - 1}, or ` +
          `${IGNORED_TARGET} for none: received ${describe(target)}`,
      );
    }
  }
}

function padded(values: TokenIds, length: number, padding: number): number[] {
  return Array.from({ length }, (_, i) => i < values.length ? values[i] : padding);
}

/** Looks at what was computed for tokens, not at what was for padding. */
function checkFinite(
  logits: Float32Array,
  texts: readonly TokenIds[],
  select: "all" | "last",
  vocabSize: number,
): void {
  const seq = logits.length / texts.length / vocabSize;
  for (const [row, { length }] of texts.entries()) {
    const begin = row * seq * vocabSize;
    const end = begin + (select === "all" ? length : 1) * vocabSize;
    for (let i = begin; i < end; i++) {
      // The difference is 0, or NaN.
      if (logits[i] - logits[i] !== 0) {
        throw new NumericalError(
          `Cannot ${ACTION}: the model computes something that is not a finite number: received ` +
            `${logits[i]} in text ${row}. Check the model's weights.`,
        );
      }
    }
  }
}

/** Of the logits that were computed, those that are wanted. */
function pickWanted(
  computed: Float32Array<ArrayBuffer>,
  texts: readonly TokenIds[],
  wanted: "all" | "last" | "none",
  select: "all" | "last",
  vocabSize: number,
): ForwardResult {
  const batch = texts.length;
  if (wanted === "none") return { logits: new Float32Array(0), shape: [batch, 0, vocabSize] };
  const seq = computed.length / batch / vocabSize;
  if (wanted === "last" && select === "all") {
    const logits = new Float32Array(batch * vocabSize);
    for (const [row, { length }] of texts.entries()) {
      const begin = (row * seq + length - 1) * vocabSize;
      logits.set(computed.subarray(begin, begin + vocabSize), row * vocabSize);
    }
    return { logits, shape: [batch, 1, vocabSize] };
  }
  if (wanted === "all") {
    for (const [row, { length }] of texts.entries()) {
      computed.fill(NaN, (row * seq + length) * vocabSize, (row + 1) * seq * vocabSize);
    }
  }
  return { logits: computed, shape: [batch, seq, vocabSize] };
}
