/**
 * Finds what a misspelt name was meant to be.
 *
 * @param name the name that is not known, in camelCase, snake_case or kebab-case.
 * @param knownNames the names there are.
 * @returns the known name that takes the fewest letters to be changed, of several the first that begins with the name; where
 *   none is similar, the only one that begins with it, as `--output` does with `--out`; or `undefined`.
 */
export function closestName(name: string, knownNames: readonly string[]): string | undefined {
  const letters = lettersOf(name);
  const distances = knownNames.map((known) => editDistance(letters, lettersOf(known)));
  const smallest = Math.min(...distances);
  const isSimilar = smallest <= Math.max(1, letters.length / 3);
  if (!isSimilar) {
    const longer = knownNames.filter((known) => lettersOf(known).startsWith(letters));
    return letters.length > 1 && longer.length === 1 ? longer[0] : undefined;
  }
  const closest = knownNames.filter((_, index) => distances[index] === smallest);
  return closest.find((known) => lettersOf(known).startsWith(letters)) ?? closest[0];
}

/** What is left to compare where `topK`, `top_k` and `--top-k` are the same. Names longer than any of ours are cut. */
function lettersOf(name: string): string {
  return name.toLowerCase().replace(/[-_]/g, "").slice(0, 64);
}

/**
 * How many letters have to be inserted, removed, replaced or swapped with their neighbour to make one word of the other
 * (the optimal string alignment distance).
 */
function editDistance(from: string, to: string): number {
  // distances[j] is that between the first i letters of `from` and the first j of `to`; before, for one letter less.
  let before: number[] = [];
  let distances = Array.from({ length: to.length + 1 }, (_, j) => j);
  for (let i = 1; i <= from.length; i++) {
    const next = [i];
    for (let j = 1; j <= to.length; j++) {
      const replaced = distances[j - 1] + (from[i - 1] === to[j - 1] ? 0 : 1);
      const isSwapped = i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1];
      const swapped = isSwapped ? before[j - 2] + 1 : Infinity;
      next.push(Math.min(replaced, swapped, distances[j] + 1, next[j - 1] + 1));
    }
    before = distances;
    distances = next;
  }
  return distances[to.length];
}
