/**
 * Tokens that may stand in a place, with their texts.
 *
 * @module
 */
import { type ReadableToken, readableToken } from "./readable_token.ts";
import type { Tokenizer } from "./tokenizer.ts";

/** One of the likeliest tokens at a place, and what it says. */
export interface LikelyToken extends ReadableToken {
  /** The natural logarithm of its probability. */
  readonly logProbability: number;
}

/** A token, and how likely it is. */
type Likely = Omit<LikelyToken, "text" | "hex">;

/** Tokens with their texts. */
export function likelyTokens(
  tokenizer: Tokenizer | undefined,
  tokens: readonly Likely[],
): LikelyToken[] {
  return tokens.map(({ id, logProbability }) => ({
    ...readableToken({ tokenizer }, id),
    logProbability,
  }));
}

/** What is said of a place, where the likeliest tokens, if there are any, get their texts. */
export function withTexts<Place extends { readonly topLogProbabilities?: readonly Likely[] }>(
  tokenizer: Tokenizer | undefined,
  { topLogProbabilities, ...place }: Place,
): Omit<Place, "topLogProbabilities"> & {
  readonly topLogProbabilities?: readonly LikelyToken[];
} {
  return topLogProbabilities === undefined
    ? place
    : { ...place, topLogProbabilities: likelyTokens(tokenizer, topLogProbabilities) };
}
