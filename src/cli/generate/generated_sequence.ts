/**
 * A text as other programs get it.
 *
 * @module
 */
import type { FinishReason, GeneratedToken } from "../../generation/generated_token.ts";

/** A continuation, as JSON has it. */
export interface GeneratedSequence {
  text: string;
  finishReason: FinishReason;
  /** With `--num-beams`. */
  score?: number;
  /** With `--json`. */
  readonly tokens?: SequenceToken[];
}

/** A token of it. */
type SequenceToken = Pick<
  GeneratedToken,
  "id" | "text" | "logProbability" | "topLogProbabilities"
>;

/** Gathers the tokens of the continuations of one prompt. */
export class GeneratedSequences {
  /** The continuations so far. */
  readonly list: GeneratedSequence[];
  #numUnfinished: number;

  /** @param options `withTokens` keeps each token too */
  constructor(
    { numSequences, withTokens }: { numSequences: number; withTokens: boolean },
  ) {
    this.#numUnfinished = numSequences;
    this.list = Array.from({ length: numSequences }, () => ({
      text: "",
      finishReason: "maxNewTokens",
      ...withTokens && { tokens: [] },
    }));
  }

  /** Whether all continuations have ended. */
  get areFinished(): boolean {
    return this.#numUnfinished === 0;
  }

  /** Takes a token. */
  add({ sequence: index, ...token }: GeneratedToken): void {
    const { id, text, logProbability, topLogProbabilities, finishReason, score } = token;
    const sequence = this.list[index];
    sequence.text += text;
    sequence.finishReason = finishReason ?? sequence.finishReason;
    if (score !== undefined) sequence.score = score;
    if (finishReason !== undefined) this.#numUnfinished--;
    sequence.tokens?.push({
      id,
      text,
      logProbability,
      ...topLogProbabilities && {
        topLogProbabilities,
      },
    });
  }
}
