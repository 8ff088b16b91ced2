/**
 * Tokens that must be written, and those that must not.
 *
 * @module
 */
import { integer, type OptionRule, type OptionRules } from "../base/check_options.ts";
import { describe, quote } from "../base/describe.ts";
import { InvalidArgumentError } from "../base/errors.ts";
import { isTokenIds, type TokenIds } from "../tokenizer/token_ids.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import type { Constraint } from "./constraints/constraint.ts";
import { copyPrompt, isPrompt, type Prompt } from "../tokenizer/prompts.ts";
import {
  banSequences,
  banUntil,
  forceStart,
  type LogitsProcessor,
} from "./sampling/logits_processors.ts";

/** Tokens that must be written, and those that must not, whatever the model and the sampling options say. */
export interface TokenRuleOptions {
  /**
   * Texts or sequences of tokens that are not written: after its other tokens, the last one of each is banned. A text is the
   * tokens that encode it, so that `"word"` and `" word"` are two. One that is just a token that ends texts counts for
   * nothing, as in Hugging Face's `bad_words_ids`. Default: none.
   */
  badWords?: readonly Prompt[];
  /** Tokens that are never written. Default: none. */
  suppressTokens?: TokenIds;
  /** How many tokens are written before one that ends the text may be. Default: 0. */
  minNewTokens?: number;
  /**
   * A text or tokens that the new text begins with. They are new tokens like others, and written even if other rules ban
   * them. Default: none.
   */
  forcedStart?: Prompt;
}

const tokens: OptionRule = {
  meaning: "an array of token ids",
  isType: isTokenIds,
  copy: (value) => copyPrompt(value as TokenIds),
};

const prompt: OptionRule = {
  meaning: "a text or an array of token ids",
  isType: isPrompt,
  copy: (value) => copyPrompt(value as Prompt),
};

/** What the options must be. */
export const tokenRuleRules: OptionRules<TokenRuleOptions> = {
  badWords: {
    meaning: "an array of texts and of arrays of token ids",
    isType: (value) => Array.isArray(value) && Array.from(value).every(isPrompt),
    copy: (value) => Array.from(value as readonly Prompt[], copyPrompt),
  },
  suppressTokens: tokens,
  minNewTokens: integer(0),
  forcedStart: prompt,
};

/** What the options are about. */
export interface TokenRuleContext {
  readonly tokenizer: Tokenizer | undefined;
  /** The tokens that end a text. */
  readonly endOfTextIds: readonly number[];
  readonly vocabSize: number;
  readonly maxNewTokens: number;
  /** What is forced must be allowed by it. */
  readonly constraint: Constraint | undefined;
}

/**
 * What keeps logits to the rules, to be applied in this order after everything else that changes logits.
 *
 * @param options checked by their rules already; others may be among them
 * @throws {TypeError} if there is a text but no tokenizer, or a token is not a number
 * @throws {RangeError} if a token is not in the vocabulary, a bad word is empty, there can be fewer tokens than there must
 * be, or the constraint forbids what is forced
 */
export function tokenRules(
  { badWords = [], suppressTokens = [], minNewTokens = 0, forcedStart = [] }: TokenRuleOptions,
  { tokenizer, endOfTextIds, vocabSize, maxNewTokens, constraint }: TokenRuleContext,
): LogitsProcessor[] {
  const tokensOf = (name: string, value: Prompt): number[] => {
    const ids = typeof value === "string"
      ? encode(name, value, tokenizer)
      : Array.from<number>(value);
    checkIds(name, ids, vocabSize);
    return ids;
  };
  const sequences = badWords.map((word) => tokensOf("badWords", word));
  if (sequences.some(({ length }) => length === 0)) {
    throw new InvalidArgumentError(
      "Cannot generate: one of badWords has no token: received an empty one. Leave it out.",
    );
  }
  const banned = sequences.filter((ids) => ids.length > 1 || !endOfTextIds.includes(ids[0]));
  const suppressed = tokensOf("suppressTokens", suppressTokens);
  const start = tokensOf("forcedStart", forcedStart);
  if (minNewTokens > maxNewTokens) {
    throw new InvalidArgumentError(
      `Cannot generate: minNewTokens must be at most maxNewTokens, ${maxNewTokens}: received ${minNewTokens}. Raise maxNewTokens, or lower minNewTokens.`,
    );
  }
  requireAllowed(constraint, start);
  const rules: LogitsProcessor[] = [];
  if (banned.length > 0) rules.push(banSequences(banned));
  if (minNewTokens > 0) rules.push(banUntil(minNewTokens, endOfTextIds));
  if (suppressed.length > 0) rules.push(banUntil(Infinity, suppressed));
  if (start.length > 0) rules.push(forceStart(start));
  return rules;
}

function encode(name: string, text: string, tokenizer: Tokenizer | undefined): number[] {
  if (tokenizer !== undefined) return tokenizer.encode(text);
  throw new TypeError(
    `Cannot generate: ${name} needs a tokenizer for ${
      quote(text)
    }: the model has none. Give tokens.`,
  );
}

function checkIds(name: string, ids: readonly unknown[], vocabSize: number): void {
  for (const id of ids) {
    if (Number.isInteger(id) && id as number >= 0 && id as number < vocabSize) continue;
    const ErrorClass = typeof id === "number" ? InvalidArgumentError : TypeError;
    throw new ErrorClass(
      `Cannot generate: a token of ${name} must be an integer from 0 to ${
        vocabSize - 1
      }: received ${describe(id)}. Name the model's own tokens by their ids.`,
    );
  }
}

function requireAllowed(constraint: Constraint | undefined, start: readonly number[]): void {
  let state = constraint?.start();
  for (const id of start) {
    try {
      state = state?.after(id);
    } catch (error) {
      throw new InvalidArgumentError(
        `Cannot generate: the constraint forbids what forcedStart demands: received ${
          describe(start)
        }, where token ${id} cannot be. Force what the constraint allows.`,
        { cause: error },
      );
    }
  }
}
