/**
 * The operations on texts with which lm-evaluation-harness prepares questions, as Python defines them: JavaScript's own
 * differ for a few characters.
 *
 * @module
 */

/** What Python takes for white space: unlike JavaScript the separators U+001C to U+001F and U+0085, but not U+FEFF. */
const SPACE = String.raw`[\t-\r\x1c- \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]`;
const OUTER_SPACE = new RegExp(`^${SPACE}+|${SPACE}+$`, "g");

/** Python's `text.strip()`. */
export function strip(text: string): string {
  return text.replace(OUTER_SPACE, "");
}

/** Python's `text.capitalize()`: the first character large, all others small. */
export function capitalize(text: string): string {
  const [first = ""] = text;
  // What becomes several letters, such as a ligature, has only its first one large.
  const [large = "", ...others] = first.toUpperCase();
  // Together, as a sigma looks otherwise at the end of a word.
  const small = text.toLowerCase().slice(first.toLowerCase().length);
  return large + others.join("").toLowerCase() + small;
}

/** Python's `len(text)`: its characters are code points. */
export function numCharacters(text: string): number {
  let count = 0;
  for (const _character of text) count++;
  return count;
}
