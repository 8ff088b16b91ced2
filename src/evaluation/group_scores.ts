/**
 * Scores of words and other parts of a text.
 *
 * @module
 */
import { InvalidArgumentError } from "../base/errors.ts";
import { describe } from "../base/describe.ts";
import type { ScoredToken } from "./score_texts.ts";

/** A part of a text: from one UTF-16 unit to before another. */
export interface TextSpan {
  /** Its first UTF-16 unit. */
  readonly start: number;
  /** That behind its last one. */
  readonly end: number;
}

/** How likely a part of a text is. */
export interface SpanScore extends TextSpan {
  /** What it says. */
  readonly text: string;
  /** How many tokens belong to it. */
  readonly numTokens: number;
  /** The sum of the log-probabilities of its tokens; NaN if one of them has none. */
  readonly logProbability: number;
}

/**
 * What the tokens of each part of a text add up to. A token belongs to the part in which its first character is that is no
 * space: `" cat"` to the word behind the space. One of spaces alone belongs to what follows it.
 *
 * @param text the text that was scored
 * @param tokens those of `GPT2.score()`
 * @param spans the parts. Default: the words, which are what is between spaces
 * @throws {RangeError} if a part is not of the text, or the tokens are not
 */
export function groupScores(
  text: string,
  tokens: readonly ScoredToken[],
  spans: readonly TextSpan[] = wordsOf(text),
): SpanScore[] {
  const isList = Array.isArray(spans) &&
    spans.every((span) => typeof span === "object" && span !== null);
  if (!isList) {
    throw new TypeError(
      `Cannot score parts of the text: they must be an array of { start, end }: received ${
        describe(spans)
      }.`,
    );
  }
  checkTokens(text, tokens);
  const places = firstVisible(text, tokens);
  return spans.map(({ start, end }) => {
    checkSpan(start, end, text.length);
    const own = tokens.slice(indexOfPlace(places, start), indexOfPlace(places, end));
    return {
      start,
      end,
      text: text.slice(start, end),
      numTokens: own.length,
      logProbability: own.reduce((sum, { logProbability }) => sum + logProbability, 0),
    };
  });
}

/** What is between spaces. */
function wordsOf(text: string): TextSpan[] {
  return Array.from(
    text.matchAll(/\S+/gu),
    ({ 0: word, index }) => ({ start: index, end: index + word.length }),
  );
}

function checkSpan(start: number, end: number, length: number): void {
  const isInside = Number.isInteger(start) && Number.isInteger(end) && 0 <= start &&
    start <= end && end <= length;
  if (isInside) return;
  throw new InvalidArgumentError(
    `Cannot score a part of the text: it has ${length} characters: received ` +
      `${describe(start)} to ${describe(end)}.`,
  );
}

/**
 * Requires that tokens are those of a text.
 *
 * @throws {RangeError} if they are not
 */
function checkTokens(text: string, tokens: readonly ScoredToken[]): void {
  const numBytes = tokens.reduce((sum, token) => sum + token.numBytes, 0);
  const numOwnBytes = new TextEncoder().encode(text).length;
  const areOwn = numBytes === numOwnBytes &&
    tokens.every((token) => token.hex !== undefined || text.startsWith(token.text, token.offset));
  if (areOwn) return;
  throw new InvalidArgumentError(
    `Cannot score parts of the text: the tokens are not those of this text: received ${tokens.length} tokens of ` +
      `${numBytes} bytes, and a text of ${numOwnBytes}. Pass what GPT2.score() says of the same text.`,
  );
}

/** Where the first character of each token is that is no space; of spaces at the end, the last one before them. */
function firstVisible(text: string, tokens: readonly ScoredToken[]): number[] {
  const visible = /\S/gu;
  const last = text.trimEnd().length - 1;
  let place = -1;
  return tokens.map(({ offset }) => {
    if (place >= offset) return place;
    visible.lastIndex = offset;
    place = visible.exec(text)?.index ?? last;
    return place;
  });
}

/** The first of some places, in ascending order, that is not before another. */
function indexOfPlace(places: readonly number[], place: number): number {
  let [low, high] = [0, places.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (places[middle] < place) low = middle + 1;
    else high = middle;
  }
  return low;
}
