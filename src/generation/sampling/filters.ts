/**
 * The filters that narrow down which tokens may be chosen, each as Hugging Face transformers defines it.
 *
 * @module
 */

import type { Candidates } from "./candidates.ts";
import { expOfMinus } from "./exp.ts";
import { NearestMass } from "./nearest_mass.ts";

/** One link of the chain: changes which tokens are left, or how probable they are. At least one token is left. */
export type Filter = (candidates: Candidates) => void;

/** Keeps the best token only: greedy decoding. Of several that are equally good, it takes the one with the lowest id. */
export function best(candidates: Candidates): void {
  candidates.keepBest();
}

/** Divides the logits by `value`: below 1 the likely tokens become likelier still, above 1 the others gain. */
export function temperature(value: number): Filter {
  // Kept from overflowing, because the best token has a gap of 0, and 0 * Infinity is not a number.
  const inverse = Math.min(1 / value, 1e300);
  return (candidates) => {
    candidates.inverseTemperature = inverse;
  };
}

/** Keeps the `k` likeliest tokens, and those exactly as likely as the last of them (Fan, Lewis and Dauphin 2018). */
export function topK(k: number): Filter {
  let heap: Float32Array | undefined;
  return (candidates) => {
    if (k < candidates.size) candidates.keepLargest(heap ??= new Float32Array(k));
  };
}

/**
 * Keeps the likeliest tokens until their probabilities add up to `p`, including the one that gets there (nucleus
 * sampling: Holtzman et al. 2020). Where it stops among equally likely tokens, those with higher ids are kept, as in
 * transformers: it drops from the start of a list in ascending order. (Where torch sorts more than 16 numbers on a processor
 * with AVX, equal ones come in no particular order, and which of them transformers keeps is not defined.)
 */
export function topP(p: number): Filter {
  const nucleus = new NearestMass(p);
  return (candidates) => nucleus.keep(candidates, 0, "split ties");
}

/** Keeps the tokens that are at least `p` times as likely as the best one (Nguyen et al. 2024). */
export function minP(p: number): Filter {
  const radius = -Math.log(p);
  return (candidates) => candidates.keepWithin(radius);
}

/**
 * Keeps the tokens whose surprise is nearest to the expected one until their probabilities add up to `p` (locally
 * typical sampling: Meister et al. 2023). This may drop the likeliest token.
 *
 * The surprise of a token is its gap plus the logarithm of the normalizer, and the entropy is the mean of that. So how
 * far they are apart is how far the gap is from the mean gap, and neither has to be computed.
 */
export function typicalP(p: number): Filter {
  const typicalSet = new NearestMass(p);
  return (candidates) => typicalSet.keep(candidates, meanGap(candidates), "keep ties");
}

/** The mean gap, in which each token counts as much as it is probable. */
function meanGap(candidates: Candidates): number {
  const { logits, size, max, inverseTemperature } = candidates;
  let total = 0;
  let weightedGaps = 0;
  for (let i = 0; i < size; i++) {
    const gap = (max - logits[i]) * inverseTemperature;
    const weight = expOfMinus(gap);
    // Without a weight the gap may be infinite, and 0 * Infinity is not a number.
    if (weight > 0) {
      total += weight;
      weightedGaps += weight * gap;
    }
  }
  return weightedGaps / total;
}
