/**
 * How likely a model found the tokens of a text.
 *
 * @module
 */
import type { TokenLogProbability } from "../generation/generated_token.ts";
import type { Text } from "../generation/text.ts";

export interface TokenScore extends TokenLogProbability {
  readonly topLogProbabilities?: readonly TokenLogProbability[];
}

export async function scoreAppended(
  text: Text,
  tokens: readonly number[],
  { numTop, signal }: { numTop: number; signal: AbortSignal },
): Promise<TokenScore[]> {
  const scores: TokenScore[] = [];
  for (const id of tokens) {
    if (text.length === 0) scores.push({ id, logProbability: NaN });
    else {
      const logProbability = (await text.logProbabilities({ signal }))[id];
      scores.push({
        id,
        logProbability,
        topLogProbabilities: numTop > 0 ? await text.likeliest(numTop, { signal }) : undefined,
      });
    }
    await text.append([id], { signal });
  }
  return scores;
}
