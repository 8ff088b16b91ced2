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
