/**
 * How a text that is longer than the context is read.
 *
 * @module
 */

/** Some tokens of a text that are read at once, and of which the last ones are scored. */
export interface Window {
  /** Its first token. */
  readonly start: number;
  /** The first token that is scored here. */
  readonly firstScored: number;
  /** Behind its last token. */
  readonly end: number;
}

/**
 * Windows that overlap, as Hugging Face defines the perplexity of texts of any length: each begins `stride` tokens after the
 * one before, and scores what that has not. So each token but those of the first window is scored after at least
 * `length - stride` others. The first token of the text has nothing before it, and no score. See
 * https://huggingface.co/docs/transformers/perplexity.
 *
 * @param numTokens of the text
 * @param length of a window, at most
 * @param stride from 1 to `length`
 */
export function* slidingWindows(
  numTokens: number,
  length: number,
  stride: number,
): Generator<Window, void> {
  let firstScored = 0;
  for (let start = 0; firstScored < numTokens; start += stride) {
    const end = Math.min(start + length, numTokens);
    yield { start, firstScored, end };
    firstScored = end;
  }
}

/**
 * Chunks that follow one another, of whose tokens only those behind the middle are scored, as llama.cpp defines perplexity:
 * each after more than half a chunk of others. What is left at the end of the text and fills no chunk is left out. See
 * `perplexity()` in its tools/perplexity/perplexity.cpp.
 *
 * @param numTokens of the text
 * @param length of a chunk, at least 3; `--ctx-size` there
 */
export function* halfScoredChunks(numTokens: number, length: number): Generator<Window, void> {
  for (let start = 0; start + length <= numTokens; start += length) {
    // The logits from the middle on count, and so the tokens behind it.
    yield { start, firstScored: start + Math.floor(length / 2) + 1, end: start + length };
  }
}
