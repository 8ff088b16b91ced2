/**
 * Finds what a misspelt name was meant to be.
 *
 * @param name the name that is not known, in camelCase, snake_case or kebab-case.
 * @param knownNames the names there are.
 * @returns the known name that takes the fewest letters to be changed, or `undefined` if none is similar.
 */
export function closestName(name: string, knownNames: readonly string[]): string | undefined {
  const letters = lettersOf(name);
  const distances = knownNames.map((known) => editDistance(letters, lettersOf(known)));
  const smallest = Math.min(...distances);
  const isSimilar = smallest <= Math.max(1, letters.length / 3);
  return isSimilar ? knownNames[distances.indexOf(smallest)] : undefined;
}

/** What is left to compare where `topK`, `top_k` and `--top-k` are the same. Names longer than any of ours are cut. */
function lettersOf(name: string): string {
  return name.toLowerCase().replace(/[-_]/g, "").slice(0, 64);
}

/** How many letters have to be inserted, removed or replaced to make one word of the other (Levenshtein). */
function editDistance(from: string, to: string): number {
  // distances[j] is that between the first i letters of `from` and the first j of `to`.
  let distances = Array.from({ length: to.length + 1 }, (_, j) => j);
  for (let i = 1; i <= from.length; i++) {
    const next = [i];
    for (let j = 1; j <= to.length; j++) {
      const replaced = distances[j - 1] + (from[i - 1] === to[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, distances[j] + 1, next[j - 1] + 1));
    }
    distances = next;
  }
  return distances[to.length];
}
