/**
 * Drafts that a text gives itself: what followed its last tokens when they occurred before.
 *
 * @module
 */

/** So many tokens have to have occurred before: the first number that finds a place. */
const NGRAM_SIZES = [3, 2];

/** Where they are looked for: so far back, so that very long texts do not slow down. */
const REACH = 4096;

/**
 * What will come next if the text goes on as it did the last time it was here.
 *
 * A repetition that is not yet long enough goes on with what was drafted: a text that says one thing over and over is
 * expected to do so.
 *
 * @param tokens the text so far
 * @param count how many tokens to draft
 * @returns so many tokens, or none if nothing like the end of the text occurs before
 */
export function lookUpDraft(tokens: readonly number[], count: number): number[] {
  for (const size of NGRAM_SIZES) {
    const next = placeAfter(tokens, size);
    if (next === undefined) continue;
    const drafted: number[] = [];
    for (let i = next; drafted.length < count; i++) {
      drafted.push(i < tokens.length ? tokens[i] : drafted[i - tokens.length]);
    }
    return drafted;
  }
  return [];
}

/** The place behind the latest earlier occurrence of the last tokens, as many as `size`. */
function placeAfter(tokens: readonly number[], size: number): number | undefined {
  const start = tokens.length - size;
  const earliest = Math.max(0, start - REACH);
  for (let place = start - 1; place >= earliest; place--) {
    let i = 0;
    while (i < size && tokens[place + i] === tokens[start + i]) i++;
    if (i === size) return place + size;
  }
  return undefined;
}
