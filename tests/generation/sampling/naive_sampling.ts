/** The filters once more, as their definitions read: sorted lists and `Math.exp`, no matter how slow. */

/** A token that may be chosen. */
export interface Token {
  readonly id: number;
  readonly logit: number;
}

export type NaiveFilter = (tokens: readonly Token[]) => Token[];

export function tokensOf(logits: ArrayLike<number>): Token[] {
  return Array.from(logits, (logit, id) => ({ id, logit }));
}

export function naiveTemperature(temperature: number): NaiveFilter {
  return (tokens) => tokens.map(({ id, logit }) => ({ id, logit: logit / temperature }));
}

export function naiveTopK(k: number): NaiveFilter {
  return (tokens) => {
    const descending = tokens.map(({ logit }) => logit).sort((a, b) => b - a);
    const smallest = descending[Math.min(k, descending.length) - 1];
    return tokens.filter(({ logit }) => logit >= smallest);
  };
}

export function naiveTopP(p: number): NaiveFilter {
  return (tokens) => {
    // Of equal logits, the higher id comes first.
    const ranked = tokens.toSorted((a, b) => b.logit - a.logit || b.id - a.id);
    return inOrderOfIds(untilMass(ranked, p));
  };
}

export function naiveMinP(p: number): NaiveFilter {
  return (tokens) => {
    const probabilities = naiveProbabilities(tokens);
    const best = Math.max(...probabilities);
    return tokens.filter((_, i) => probabilities[i] >= p * best);
  };
}

export function naiveTypicalP(p: number): NaiveFilter {
  return (tokens) => {
    const surprises = naiveProbabilities(tokens).map((probability) => -Math.log(probability));
    let entropy = 0;
    for (const surprise of surprises) {
      if (surprise < Infinity) entropy += Math.exp(-surprise) * surprise;
    }
    const ranked = tokens
      .map((token, i) => ({ ...token, distance: Math.abs(surprises[i] - entropy) }))
      .sort((a, b) => a.distance - b.distance);
    const radius = untilMass(ranked, p).at(-1)!.distance;
    return inOrderOfIds(ranked.filter(({ distance }) => distance <= radius));
  };
}

/** The first tokens of a list that hold a share of its probability, the one that reaches it included. */
function untilMass<T extends Token>(ranked: readonly T[], share: number): T[] {
  const probabilities = naiveProbabilities(ranked);
  let mass = 0;
  let count = 0;
  while (count < ranked.length && (count === 0 || mass < share)) mass += probabilities[count++];
  return ranked.slice(0, count);
}

function inOrderOfIds(tokens: readonly Token[]): Token[] {
  return tokens.map(({ id, logit }) => ({ id, logit })).sort((a, b) => a.id - b.id);
}

export function naiveProbabilities(tokens: readonly Token[]): number[] {
  const max = Math.max(...tokens.map(({ logit }) => logit));
  const weights = tokens.map(({ logit }) => Math.exp(logit - max));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / total);
}
