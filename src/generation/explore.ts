/**
 * What may follow a text: a tree of likely continuations.
 *
 * @module
 */
import { abortSignal, checkOptions, integer, type OptionRules } from "../base/check_options.ts";
import { InvalidArgumentError } from "../base/errors.ts";
import type { Engine } from "../engine/engine.ts";
import type { Sequence } from "../engine/sequence.ts";
import { requireMemory } from "../engine/memory_budget.ts";
import { adapterRules, startAdapters } from "../engine/start_adapters.ts";
import type { AdapterOptions } from "../model/adapter.ts";
import type { TokenIds } from "../tokenizer/token_ids.ts";
import { type LikelyToken, likelyTokens } from "../tokenizer/likely_token.ts";
import type { EncodeOptions, Tokenizer } from "../tokenizer/tokenizer.ts";
import { generateRules } from "./generate_options.ts";
import { numLargestLogits } from "./generate.ts";
import { likeliest } from "./sampling/log_probability.ts";

/** Options of `GPT2.explore()`. */
export interface ExploreOptions extends AdapterOptions {
  /** The most continuations of each text by a token. Default: 3. */
  width?: number;
  /** How many tokens follow one another. Default: 4. */
  depth?: number;
  /** How likely a continuation has to be as a whole, from 0 to 1. Default: 0.001. */
  minProbability?: number;
  /** The special tokens to recognize in the prompt, by name, or `"all"`. Default: none. */
  allowSpecial?: EncodeOptions["allowSpecial"];
  /** Stops the work with an `AbortError`. */
  signal?: AbortSignal;
}

/** A token that may follow, and what may follow that. */
export interface Branch extends LikelyToken {
  /** The natural logarithm of the probability of all tokens from the prompt to here together. */
  readonly totalLogProbability: number;
  /** What may follow, the likeliest first. Empty after `depth` tokens, and after a token that ends the text. */
  readonly branches: readonly Branch[];
}

/** What these options must be. */
export const exploreRules: OptionRules<ExploreOptions> = {
  width: integer(1),
  depth: integer(1),
  minProbability: {
    meaning: "a number from 0 to 1",
    isType: (value) => typeof value === "number",
    isInRange: (value) => value as number >= 0 && value as number <= 1,
  },
  allowSpecial: generateRules.allowSpecial,
  signal: abortSignal,
  ...adapterRules,
};

/** A branch that is still growing. */
interface Leaf {
  readonly sequence: Sequence;
  readonly unread: readonly number[];
  readonly totalLogProbability: number;
  readonly branches: Branch[];
}

/** What tokens are to a model. */
interface Tokens {
  /** Tells their texts, where there is one. */
  readonly tokenizer: Tokenizer | undefined;
  /** Those that end a text. */
  readonly endOfTextIds: readonly number[];
}

/**
 * The likely continuations of a prompt by up to `depth` tokens. All that are equally long are computed together, and none
 * is read twice.
 *
 * @throws {RangeError} if an option is out of range, the prompt and `depth` tokens are longer than the context, or there is
 * not enough memory for so many
 * @throws {NumericalError} if the model computes something that is not a number
 * @throws {DOMException} `AbortError` (or the signal's own reason)
 */
export async function explore(
  engine: Engine,
  prompt: TokenIds,
  { tokenizer, endOfTextIds }: Tokens,
  options: ExploreOptions,
): Promise<readonly Branch[]> {
  const { width = 3, depth = 4, minProbability = 0.001, signal, ...reading } = checkOptions(
    "explore",
    options,
    exploreRules,
  );
  const { model } = engine;
  const { contextLength, vocabSize } = model.config;
  checkPrompt(prompt.length, depth, contextLength);
  if (minProbability === 0) {
    const numGoingOn = Math.min(width, vocabSize) - endOfTextIds.length;
    checkNumBranches(leastBranches(numGoingOn, depth));
  }
  const adapters = await startAdapters("explore", model, reading);
  const roots: Branch[] = [];
  let numBranches = 0;
  const open = new Set<Sequence>();
  const first = engine.open({ reservedLength: prompt.length + depth - 1, adapters });
  open.add(first);
  let leaves: Leaf[] = [
    { sequence: first, unread: Array.from(prompt), totalLogProbability: 0, branches: roots },
  ];
  const numLargest = numLargestLogits(model, {}, width);
  let shrinking: Promise<void> | undefined;
  try {
    for (let level = 1; level <= depth && leaves.length > 0; level++) {
      await engine.step(
        leaves.map(({ sequence, unread: tokens }) => ({ sequence, tokens, logits: "last" })),
        { signal, numLargest },
      );
      let numLeaves = 0;
      const grownOf = leaves.map(({ sequence, totalLogProbability, branches }) => {
        const grown: Omit<Leaf, "sequence">[] = [];
        const found = likeliest(sequence.logits, width, sequence.summary);
        for (const token of likelyTokens(tokenizer, found)) {
          const { id, logProbability } = token;
          const total = totalLogProbability + logProbability;
          if (Math.exp(total) < minProbability) break;
          const own: Branch[] = [];
          branches.push({ ...token, totalLogProbability: total, branches: own });
          if (level === depth || endOfTextIds.includes(id)) continue;
          grown.push({ unread: [id], totalLogProbability: total, branches: own });
        }
        numBranches += branches.length;
        numLeaves += grown.length;
        checkNumBranches(numBranches);
        requireMemory(model, numLeaves, prompt.length + level, undefined, ADVICE);
        return grown;
      });
      leaves = leaves.flatMap(({ sequence }, leaf) => {
        const grown = grownOf[leaf];
        // The first goes on where its parent was, the others in copies.
        const next = grown.map((each, i) => ({
          ...each,
          sequence: i === 0 ? sequence : engine.fork(sequence),
        }));
        for (const { sequence } of next) open.add(sequence);
        if (next.length === 0) {
          sequence[Symbol.dispose]();
          open.delete(sequence);
        }
        return next;
      });
    }
  } finally {
    for (const sequence of open) sequence[Symbol.dispose]();
    // Who is told that something failed does not wait for that, nor is told of it.
    shrinking = engine.shrink();
    shrinking.catch(() => {});
  }
  await shrinking;
  return roots;
}

/** Enough for each token of GPT-2's vocabulary. A tree of many more would take minutes, and memory that nobody counts. */
const MAX_BRANCHES = 2 ** 16;

function checkPrompt(numTokens: number, depth: number, contextLength: number): void {
  if (numTokens === 0) {
    throw new InvalidArgumentError(
      "Cannot explore: the prompt has no token. Give one at least.",
    );
  }
  // The last ones are not read.
  if (numTokens + depth - 1 <= contextLength) return;
  throw new InvalidArgumentError(
    `Cannot explore: the model has ${contextLength} positions: received a prompt of ${numTokens} tokens and a depth of ` +
      `${depth}. Choose a shorter prompt or a smaller depth.`,
  );
}

/** How many branches a tree has at least in which each text goes on with so many tokens, so that it is not begun in vain. */
function leastBranches(numGoingOn: number, depth: number): number {
  let [sum, numLeaves] = [0, 1];
  for (let level = 1; level <= depth && sum <= MAX_BRANCHES && numLeaves > 0; level++) {
    numLeaves *= Math.max(numGoingOn, 0);
    sum += numLeaves;
  }
  return sum;
}

function checkNumBranches(numBranches: number): void {
  if (numBranches <= MAX_BRANCHES) return;
  throw new InvalidArgumentError(
    `Cannot explore: the tree would have too many branches: received more than ${MAX_BRANCHES}. ${ADVICE}`,
  );
}

const ADVICE = "Choose a smaller width or depth, or a larger minProbability.";
