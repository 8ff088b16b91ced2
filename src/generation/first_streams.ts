/**
 * Which random numbers each of several prompts gets.
 *
 * @module
 */
import type { TokenIds } from "../tokenizer/token_ids.ts";

/**
 * Which random stream each prompt begins with: 0, but for a prompt that was given before in the same call, the streams
 * after those of its first occurrence. So a prompt gives in a batch what it gives alone, and yet not the same text twice.
 *
 * @param perPrompt how many streams each prompt uses
 */
export function firstStreams(prompts: readonly TokenIds[], perPrompt: number): number[] {
  const numSeen = new Map<string, number>();
  return prompts.map((tokens) => {
    const key = tokens.join();
    const seen = numSeen.get(key) ?? 0;
    numSeen.set(key, seen + 1);
    return seen * perPrompt;
  });
}
