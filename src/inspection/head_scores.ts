/**
 * What heads do on any text.
 *
 * @module
 */
import { abortSignal, checkOptions, integer, type OptionRules } from "../base/check_options.ts";
import { InvalidArgumentError } from "../base/errors.ts";
import { Random } from "../base/random.ts";
import { attentionPatterns } from "./attention_patterns.ts";
import { engineFor, type InspectableModel } from "./inspectable_model.ts";

/** Options of {@linkcode headScores}. */
export interface HeadScoresOptions {
  /** How many different tokens a text has before it repeats them. Default: 32, or fewer if the model allows only that. */
  numTokens?: number;
  /** Over how many texts the mean is taken. Default: 4. */
  numTexts?: number;
  /** The same seed gives the same texts. Default: 0. */
  seed?: number;
  /** Stops the computation with an `AbortError`. */
  signal?: AbortSignal;
}

/** How much of its attention a head gives to what, from 0 to 1: means over positions and texts. */
export interface HeadScores {
  /** The index of the block. */
  readonly layer: number;
  /** Which head of it. */
  readonly head: number;
  /** To the position before. */
  readonly previousToken: number;
  /** To the first position, where many heads look that find nothing to look for; not counting the first position itself. */
  readonly firstToken: number;
  /** In the repetition: to the same token the first time. */
  readonly duplicateToken: number;
  /** In the repetition: to what followed the same token the first time. Heads that copy it continue what has been there. */
  readonly induction: number;
}

const ACTION = "score heads";
const RULES: OptionRules<HeadScoresOptions> = {
  numTokens: integer(2),
  numTexts: integer(1),
  seed: integer(-Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER),
  signal: abortSignal,
};

/**
 * Finds heads with a known job: on random tokens that are repeated once, how much does each head look at the token before,
 * at the first one, at the same token, and at the one after the same token (Olsson et al., 2022, "In-context Learning and
 * Induction Heads", arXiv:2209.11895)? Random tokens mean nothing, so what is left is what a head does on any text.
 *
 * ```ts
 * import { GPT2 } from "@allformers/gpt2";
 * import { headScores } from "@allformers/gpt2/inspect";
 *
 * using model = await GPT2.fromPretrained("demo");
 * const scores = await headScores(model, { seed: 1 });
 * const [best] = scores.toSorted((a, b) => b.previousToken - a.previousToken);
 * console.log(`block ${best.layer}, head ${best.head}: ${best.previousToken.toFixed(2)} to the token before`);
 * ```
 *
 * TransformerLens (`head_detector`) divides by the number of all positions, this by those that have such a thing to look at:
 * of 2n positions, 2n - 1 have one before, and n are in the repetition.
 *
 * @param model a `GPT2`
 * @param options see {@linkcode HeadScoresOptions}
 * @returns those of all heads, layer by layer
 * @throws {TypeError} if an argument has the wrong type
 * @throws {RangeError} if an option is out of range, or the vocabulary or the context has no room for so many tokens
 * @throws {DOMException} `AbortError` (or the signal's own reason)
 */
export async function headScores(
  model: InspectableModel,
  options: HeadScoresOptions = {},
): Promise<HeadScores[]> {
  engineFor(ACTION, model);
  const { vocabSize, contextLength } = model.config;
  const most = Math.min(vocabSize, Math.floor(contextLength / 2));
  const { numTokens = Math.min(32, most), numTexts = 4, seed = 0, signal } = checkOptions(
    ACTION,
    options,
    RULES,
  );
  if (most < 2) {
    throw new InvalidArgumentError(
      `Cannot ${ACTION}: the model must have 2 different tokens, and a context for 4: received ` +
        `${vocabSize} tokens and a context of ${contextLength}. Take a larger model.`,
    );
  }
  if (numTokens > most) {
    throw new InvalidArgumentError(
      `Cannot ${ACTION}: numTokens must be at most ${most}, as there are ${vocabSize} tokens and each stands ` +
        `twice in the context of ${contextLength}: received ${numTokens}. Take fewer.`,
    );
  }
  const random = new Random(seed);
  const sums: HeadScores[] = [];
  for (let text = 0; text < numTexts; text++) {
    const tokens = differentTokens(numTokens, vocabSize, random);
    const { scores } = await attentionPatterns(model, [...tokens, ...tokens], { top: 0, signal });
    for (const [i, score] of scores.entries()) {
      sums[i] = {
        layer: score.layer,
        head: score.head,
        previousToken: (sums[i]?.previousToken ?? 0) + score.previousToken / numTexts,
        firstToken: (sums[i]?.firstToken ?? 0) + score.firstToken / numTexts,
        duplicateToken: (sums[i]?.duplicateToken ?? 0) + score.sameTokenBefore / numTexts,
        induction: (sums[i]?.induction ?? 0) + score.afterSameTokenBefore / numTexts,
      };
    }
  }
  return sums;
}

/** Random tokens, none of them twice: so each has one earlier position in the repetition, and none before. */
function differentTokens(count: number, vocabSize: number, random: Random): number[] {
  const tokens = new Set<number>();
  while (tokens.size < count) tokens.add(Math.floor(random.next() * vocabSize));
  return [...tokens];
}
