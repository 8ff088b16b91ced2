/**
 * Scores as a person reads them.
 *
 * @module
 */
import type { SpanScore } from "../../evaluation/group_scores.ts";
import type { ScoredToken, TextScore } from "../../evaluation/score_texts.ts";
import { readableToken } from "../../tokenizer/readable_token.ts";
import type { Tokenizer } from "../../tokenizer/tokenizer.ts";
import { bar, heading, type Line, percent, tokenCell, tokenWidth } from "../explain/layout.ts";
import type { StyledText } from "../terminal/io.ts";
import { jsonText } from "../terminal/terminal_text.ts";
import { cutText, padTextEnd, textWidth } from "../terminal/text_width.ts";
import { countText, numberText } from "../terminal/units.ts";

const MAX_TOKEN_WIDTH = 18;
/** A bar of this many bits is full, or of the most that is shown: hardly a token of a text takes more. */
const MIN_FULL_BITS = 20;
/** Below, a token was to be expected; above, it is a surprise. */
const [EXPECTED_BITS, SURPRISING_BITS] = [4, 10];
const MAX_BAR_WIDTH = 30;
const MAX_TITLE_WIDTH = 42;
const MIN_TEXT_WIDTH = 8;
/** No line has room for more characters, whatever their width. */
const MAX_LOOKED_AT = 1000;

/** How surprising something of this log-probability is. */
export function bitsOf(logProbability: number): number {
  return -logProbability / Math.LN2;
}

/** A line for each token: how surprising it was, its rank, and which ones were likelier. */
export function tokenLines(
  tokens: readonly ScoredToken[],
  tokenizer: Tokenizer,
  numColumns: number,
): Line[] {
  const width = tokenWidth(tokens, MAX_TOKEN_WIDTH);
  const hasTop = tokens.some(({ topLogProbabilities }) => topLogProbabilities !== undefined);
  const barWidth = Math.min(hasTop ? MAX_BAR_WIDTH / 3 : MAX_BAR_WIDTH, numColumns - width - 31);
  const full = fullBits(tokens);
  const columns = `         ${"token".padEnd(width)}       bits  ${" ".repeat(barWidth)}    rank`;
  return [
    [[columns, "faint"]],
    ...tokens.map((token, i): Line => {
      const line: Line = [
        `${numberText(i).padStart(7)}  ${tokenCell(token, width)}  `,
        ...surprisal(token.logProbability, full, barWidth),
        ...Number.isNaN(token.rank) ? [] : [`  ${numberText(token.rank).padStart(6)}`],
      ];
      const used = line.map((part) => typeof part === "string" ? part : part[0]).join("");
      return [...line, [likeliest(token, tokenizer, numColumns - 1 - textWidth(used)), "faint"]];
    }),
  ];
}

/** As many of the likeliest tokens as there is room for. */
function likeliest(
  { topLogProbabilities = [] }: ScoredToken,
  tokenizer: Tokenizer,
  width: number,
): string {
  let line = "";
  for (const { id, logProbability } of topLogProbabilities) {
    const text = tokenCell(readableToken({ tokenizer }, id), MAX_TOKEN_WIDTH).trimEnd();
    const more = `  ${text} ${percent(Math.exp(logProbability)).trim()}`;
    if (textWidth(line + more) > width) break;
    line += more;
  }
  return line;
}

/** A line for each word or part. */
export function spanLines(spans: readonly SpanScore[], numColumns: number): Line[] {
  const cells = spans.map(({ text }) => tokenCell({ id: 0, text }, MAX_TOKEN_WIDTH).trimEnd());
  const width = Math.max(4, ...cells.map(textWidth));
  const barWidth = Math.min(MAX_BAR_WIDTH, numColumns - width - 35);
  const full = fullBits(spans);
  const columns = `         ${"text".padEnd(width)}       bits  ${" ".repeat(barWidth)}  tokens`;
  return [
    [[columns, "faint"]],
    ...spans.map(({ start, numTokens, logProbability }, i): Line => [
      `${numberText(start).padStart(7)}  ${padTextEnd(cells[i], width)}  `,
      ...surprisal(logProbability, full, barWidth),
      `  ${numberText(numTokens).padStart(6)}`,
    ]),
  ];
}

/** How many bits a full bar has. */
function fullBits(shown: readonly { readonly logProbability: number }[]): number {
  return shown.reduce(
    (most, { logProbability }) => Math.max(most, bitsOf(logProbability) || 0),
    MIN_FULL_BITS,
  );
}

function surprisal(logProbability: number, full: number, barWidth: number): StyledText[] {
  if (Number.isNaN(logProbability)) return ["        -"];
  const bits = bitsOf(logProbability);
  const style = bits < EXPECTED_BITS ? "good" : bits > SURPRISING_BITS ? "bad" : "accent";
  return [
    `${bits.toFixed(2).padStart(9)}  `,
    [bar(bits / full, barWidth).padEnd(barWidth), style],
  ];
}

/** What all tokens of a text add up to, in words. */
export function sumText(score: TextScore, subject = ""): string {
  const { numScored, logProbability, bitsPerByte, perplexity } = score;
  if (numScored === 0) return "  No token has anything before it, so none has a score.\n";
  const bits = bitsOf(logProbability);
  return `  ${subject}${countText(numScored, "token")} with a score: ${bits.toFixed(2)} bits, ` +
    `${(bits / numScored).toFixed(3)} bits per token, ${bitsPerByte.toFixed(3)} bits per byte, ` +
    `perplexity ${shortNumber(perplexity)}\n`;
}

/** The title of a text among others. */
export function textHeading(line: number, text: string): Line[] {
  return heading(`Line ${line}  ${shortText(text, MAX_TITLE_WIDTH)}`);
}

/** The columns of {@linkcode sumRow}: what is added up and divided by is what is scored, not all tokens. */
export function sumColumns(numColumns: number): Line {
  const columns = "   line  scored       bits  per token  per byte  perplexity";
  return [[columns + (textRoom(columns, numColumns) > 0 ? "  text" : ""), "faint"]];
}

/** What all tokens of a text add up to, in a row with as much of the text as there is room for. */
export function sumRow(line: number, text: string, score: TextScore, numColumns: number): Line {
  const { numScored, logProbability, bitsPerByte, perplexity } = score;
  const bits = bitsOf(logProbability);
  const number = (value: number, width: number) =>
    (Number.isNaN(value) ? "-" : value.toFixed(3)).padStart(width);
  const numbers = numberText(line).padStart(7) + numberText(numScored).padStart(8) +
    number(bits, 11) + number(bits / numScored, 11) + number(bitsPerByte, 10) +
    (Number.isNaN(perplexity) ? "-" : shortNumber(perplexity)).padStart(12);
  const room = textRoom(numbers, numColumns);
  return [numbers + (room > 0 ? `  ${shortText(text, room)}` : "")];
}

/** How wide a text behind the numbers of its row may be; 0 if that is too little to know it by. */
function textRoom(numbers: string, numColumns: number): number {
  const room = numColumns - 1 - numbers.length - 2;
  return room < MIN_TEXT_WIDTH ? 0 : room;
}

/** The text in quotes, cut so that it takes so many columns. */
function shortText(text: string, width: number): string {
  const shown = jsonText(text.length > MAX_LOOKED_AT ? text.slice(0, MAX_LOOKED_AT) : text);
  return textWidth(shown) <= width ? shown : `"${cutText(shown.slice(1, -1), width - 2)}"`;
}

function shortNumber(value: number): string {
  return value < 1000
    ? value.toFixed(3)
    : value < 1e9
    ? numberText(Math.round(value))
    : value.toExponential(3);
}
