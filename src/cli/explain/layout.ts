/**
 * How the sections of `explain` are drawn: lines of text that say everything without colour.
 *
 * @module
 */
import { type ReadableToken, shownToken } from "../../tokenizer/readable_token.ts";
import type { StyledText } from "../terminal/io.ts";
import { jsonText } from "../terminal/terminal_text.ts";
import { cutText, padTextEnd, textWidth } from "../terminal/text_width.ts";

/** Parts of a line. */
export type Line = readonly StyledText[];

/** The title of a section, and remarks on it, each in a line of its own. */
export function heading(title: string, ...remarks: string[]): Line[] {
  return [
    [],
    [[title, "bold"]],
    ...remarks.map((remark): Line => [["  " + remark, "faint"]]),
  ];
}

const EIGHTHS = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];

/**
 * A bar of characters.
 *
 * @param part from 0 to 1
 * @param width of the whole
 */
export function bar(part: number, width: number): string {
  // Of nothing at all there is no part.
  const eighths = Math.round(Math.min(1, part || 0) * width * 8);
  return "█".repeat(Math.floor(eighths / 8)) + EIGHTHS[eighths % 8];
}

/** A share, in five characters and a sign: ` 12.3 %`, `< 0.1 %`. */
export function percent(probability: number): string {
  const text = 100 * probability >= 0.05 || probability === 0
    ? (100 * probability).toFixed(1)
    : "< 0.1";
  return `${text.padStart(5)} %`;
}

/** A number with a sign: `+0.31`. */
export function signed(value: number): string {
  return (value < 0 ? "" : "+") + value.toFixed(2);
}

/**
 * A token as it is written in code, `" the"`, cut so that it fits into a column; its bytes, `<e697>`, if it is a part of a
 * character, or its id if there is no tokenizer.
 */
export function tokenCell(token: ReadableToken, width: number): string {
  const { text, hex } = token;
  const whole = text === "" || hex !== undefined ? shownToken(token) : jsonText(text);
  return padTextEnd(cutText(whole, width), width);
}

/** The width of the widest of some tokens, as far as it is not too wide. */
export function tokenWidth(tokens: readonly ReadableToken[], most: number): number {
  return Math.min(
    most,
    Math.max(0, ...tokens.map((token) => textWidth(tokenCell(token, most).trimEnd()))),
  );
}
