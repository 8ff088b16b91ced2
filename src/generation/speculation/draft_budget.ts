/**
 * How many tokens it pays to draft.
 *
 * A pass over a few more tokens takes a little longer, and each drafted token that is right saves a pass. What is decided
 * here depends on the texts alone and not on measured times: the same call reads the same tokens in the same passes.
 *
 * @module
 */

/** The most tokens that are drafted of one text. */
export const MAX_DRAFT = 7;

/**
 * How many tokens are drafted of all texts together. There are few sizes because each needs a graph of its own, which
 * takes as long to build as a pass.
 */
const SIZES = [0, 3, 7, 15, 31];

/**
 * How long a pass over some tokens takes, as a multiple of one over a single token: reading the weights takes most of the time at
 * first, then computing does. Measured with GPT-2 small in Q8_0: 1.12, 1.36, 2.1 and 4.0 for 2, 4, 8 and 16 tokens with AVX-512,
 * 2.3 and 7.2 for 8 and 32 with AVX2.
 */
function passTime(numTokens: number): number {
  return 1 + 0.12 * (Math.min(numTokens, 4) - 1) + 0.2 * Math.max(numTokens - 4, 0);
}

/**
 * What is believed of drafts before there were any: enough for a few tokens to be tried, unless a dozen texts share a pass.
 * Whoever gives a draft model has reason to believe in it.
 */
export const BELIEF_IN_LOOKUP = 0.6;
export const BELIEF_IN_MODEL = 0.8;

/** As much as so many drafted tokens does that count. */
const BELIEF_WEIGHT = 1;

/** Of what was seen, so much counts still after the next draft, and after a pass without one. */
const MEMORY = 0.9;
const MEMORY_AT_REST = 0.995;

/** How often drafted tokens of a text turned out right lately. */
export class Acceptance {
  readonly #belief: number;
  #numTried = 0;
  #numAccepted = 0;

  /** @param belief the probability before anything was tried */
  constructor(belief: number) {
    this.#belief = belief;
  }

  /** How probable it is that a drafted token is right, if those before it are. */
  get probability(): number {
    return (this.#belief * BELIEF_WEIGHT + this.#numAccepted) / (BELIEF_WEIGHT + this.#numTried);
  }

  /** Takes in what became of a draft. Behind the first wrong token nothing was tried. */
  learn(numDrafted: number, numAccepted: number): void {
    this.#fade(MEMORY);
    this.#numTried += Math.min(numDrafted, numAccepted + 1);
    this.#numAccepted += numAccepted;
  }

  /** A draft was not tried: what was seen counts for less, so that one is tried again some time. */
  rest(): void {
    this.#fade(MEMORY_AT_REST);
  }

  #fade(memory: number): void {
    this.#numTried *= memory;
    this.#numAccepted *= memory;
  }
}

/** A text of which something may be drafted. */
export interface Draftable {
  /** See {@linkcode Acceptance.probability}. */
  readonly probability: number;
  /** The most tokens that can be drafted. */
  readonly most: number;
}

/**
 * How many tokens to draft of each text, so that the most tokens are written in a time.
 *
 * @param draftCost what drafting a token takes, as a share of a pass over one token
 */
export function allotDrafts(texts: readonly Draftable[], draftCost: number): number[] {
  // The n-th token of a draft is of use only if those before it are right too; so it never comes before them here.
  const gains = texts.flatMap(({ probability, most }, text) =>
    Array.from({ length: most }, (_, i) => ({ text, gain: probability ** (i + 1) }))
  ).sort((a, b) => b.gain - a.gain);
  const best = { size: 0, speed: 0 };
  let numWritten = texts.length;
  let numTaken = 0;
  for (const size of SIZES) {
    if (size > gains.length) break;
    for (; numTaken < size; numTaken++) numWritten += gains[numTaken].gain;
    const time = passTime(texts.length + size) + draftCost * size;
    const speed = numWritten / time;
    if (speed > best.speed) Object.assign(best, { size, speed });
  }
  const counts = texts.map(() => 0);
  for (const { text } of gains.slice(0, best.size)) counts[text]++;
  return counts;
}
