/**
 * What a completion took.
 *
 * @module
 */

/** Numbers of tokens. */
export interface CompletionUsage {
  /** Tokens of the prompts, each counted once. */
  numPromptTokens: number;
  /** How many of them need not be read. */
  numReusedTokens: number;
  /** Also of what was not chosen. */
  numWrittenTokens: number;
}

/** Of a request that has just come. */
export function noUsage(): CompletionUsage {
  return { numPromptTokens: 0, numReusedTokens: 0, numWrittenTokens: 0 };
}
