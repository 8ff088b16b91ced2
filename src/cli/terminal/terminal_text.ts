/**
 * Texts from files, names and the network, as they may be shown.
 *
 * A terminal obeys control characters: text could move the cursor, hide itself, or rename the window. Marks of direction
 * make a line read differently from what it says. Both are shown as `\u{1b}` instead.
 *
 * @module
 */

/** What drives a terminal, or shows text in another order than it has. Tabs and ends of lines do neither. */
const CONTROLS = /(?!\t|\r?\n)[\p{Cc}\p{Bidi_Control}\u2028\u2029]/gu;
const LINE_CONTROLS = /[\p{Cc}\p{Bidi_Control}\u2028\u2029]/gu;
/** The same where JSON leaves them as they are; `\n` is only between its lines. */
const JSON_CONTROLS = /(?!\n)[\p{Cc}\p{Bidi_Control}\u2028\u2029]/gu;

/** A quoted path fits. */
const MAX_LINE_CHARACTERS = 500;

/** The text, with visible names for characters that would drive a terminal. */
export function terminalText(text: string): string {
  return text.replace(CONTROLS, escape);
}

/** The text as a part of one line: without ends of lines and tabs too, cut to 500 characters or what is given. */
export function lineText(text: string, maxCharacters: number = MAX_LINE_CHARACTERS): string {
  const escaped = text.slice(0, maxCharacters + 1).replace(LINE_CONTROLS, escape);
  return escaped.length > maxCharacters ? escaped.slice(0, maxCharacters) + "..." : escaped;
}

/** A value as JSON that a terminal can show too: the same value, with escapes for what JSON would not have to escape. */
export function jsonText(value: unknown, indent?: number): string {
  return JSON.stringify(value, null, indent).replace(
    JSON_CONTROLS,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

function escape(character: string): string {
  return `\\u{${character.codePointAt(0)!.toString(16)}}`;
}
