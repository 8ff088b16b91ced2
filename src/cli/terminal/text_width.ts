/**
 * How wide texts are on a terminal: for columns that stay columns, whatever is in them.
 *
 * @module
 */

/** Follows a sign that is to be shown as a picture. */
const AS_PICTURE = "\ufe0f";
const ASCII = /^[\x20-\x7e]*$/;

let segmenter: Intl.Segmenter | undefined;

/** What a reader sees as characters, of however many they are made. */
function* charactersOf(text: string): Generator<string> {
  // Made when it is needed: that takes 10 ms, which every start would have.
  segmenter ??= new Intl.Segmenter(undefined, { granularity: "grapheme" });
  for (const { segment } of segmenter.segment(text)) yield segment;
}

/** How many cells of a terminal a text takes. Terminals differ in what they make of pictures that are joined to one. */
export function textWidth(text: string): number {
  if (ASCII.test(text)) return text.length;
  let width = 0;
  for (const character of charactersOf(text)) width += characterWidth(character);
  return width;
}

/** The text with spaces behind it, so that it takes so many cells, if it takes fewer. */
export function padTextEnd(text: string, width: number): string {
  return text + " ".repeat(Math.max(0, width - textWidth(text)));
}

/** The text with spaces before it, so that it takes so many cells, if it takes fewer. */
export function padTextStart(text: string, width: number): string {
  return " ".repeat(Math.max(0, width - textWidth(text))) + text;
}

/**
 * A text that takes at most so many cells: cut between two characters that a reader sees, with a mark for the rest.
 *
 * @param mark takes one cell, or none
 */
export function cutText(text: string, width: number, mark: string = "…"): string {
  if (text.length <= width && ASCII.test(text)) return text;
  if (textWidth(text) <= width) return text;
  let kept = "";
  let left = width - textWidth(mark);
  for (const character of charactersOf(text)) {
    left -= characterWidth(character);
    if (left < 0) break;
    kept += character;
  }
  return kept + mark;
}

/** The width of what a reader sees as one character, of however many it is made. */
function characterWidth(character: string): number {
  if (isWithoutWidth(character)) return 0;
  if (character.includes(AS_PICTURE)) return 2;
  const [first] = character;
  return isWide(first) && !isNarrow(first) ? 2 : 1;
}

// These expressions are inside functions, not constants: to read them takes 1.2 ms, which every start would have.

/** Marks above and below, and what is only for those who write: no cell of their own. */
function isWithoutWidth(character: string): boolean {
  return /^[\p{Mn}\p{Me}\p{Cf}]*$/u.test(character);
}

/**
 * What takes two cells: the writing of East Asia with its signs, full-width letters, and pictures (Unicode's
 * East_Asian_Width W and F, by the properties that regular expressions know).
 */
function isWide(character: string): boolean {
  return /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Script=Bopomofo}\p{Script=Yi}\p{Script=Tangut}\p{Script=Nushu}\p{Emoji_Presentation}\u2329\u232a\u2e80-\u303e\u3099-\u33ff\u4dc0-\u4dff\ufe10-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{18b00}-\u{18cff}\u{1f200}-\u{1f265}]/u
    .test(character);
}

/** Of these scripts, what takes one or none. */
function isNarrow(character: string): boolean {
  return /[\u1160-\u11ff\u302e\u302f\ud7b0-\ud7fb\uff61-\uffdc]/u.test(character);
}
