/**
 * Which texts are learned from, and which only tell how well that went.
 *
 * @module
 */
import type { TextPart } from "./text_source.ts";

/** What there is of texts. */
export interface TextCounts {
  /** How many texts. */
  readonly numTexts: number;
  /** How many characters (code points) they have. */
  readonly numCharacters: number;
  /** How many characters come before the last text. */
  readonly numBeforeLast: number;
}

/** A part of a text that belongs to one of the two splits. */
export interface SplitTextPart extends TextPart {
  /** Whether it is for validation. */
  readonly isValidation: boolean;
}

/** Counts texts and characters. */
export async function countTexts(parts: AsyncIterable<TextPart>): Promise<TextCounts> {
  let numTexts = 0;
  let numCharacters = 0;
  let numBeforeLast = 0;
  let isNew = true;
  for await (const { text, endsText } of parts) {
    if (isNew) {
      numTexts++;
      numBeforeLast = numCharacters;
    }
    numCharacters += countCharacters(text);
    isNew = endsText;
  }
  return { numTexts, numCharacters, numBeforeLast };
}

/**
 * Divides texts into two: the first that belong to training, the rest to validation. Validation begins with the first text
 * that begins in its share of all characters. If there is none, as where there is only one text, that is cut in two, as nanoGPT does.
 *
 * @param validationShare which share of the characters is for validation, from 0 to 1; the end of them
 */
export async function* splitTexts(
  parts: AsyncIterable<TextPart>,
  { numCharacters, numBeforeLast }: TextCounts,
  validationShare: number,
): AsyncGenerator<SplitTextPart> {
  const boundary = Math.floor((1 - validationShare) * numCharacters);
  const isCut = boundary < numCharacters && numBeforeLast < boundary;
  let numRead = 0;
  let isNew = true;
  let isValidation = false;
  for await (const part of parts) {
    if (isNew && !isCut) isValidation ||= numRead >= boundary && boundary < numCharacters;
    isNew = part.endsText;
    const numLeft = boundary - numRead;
    const length = countCharacters(part.text);
    numRead += length;
    if (!isCut || isValidation || numRead <= boundary) {
      yield { ...part, isValidation };
      continue;
    }
    isValidation = true;
    const end = endOfCharacters(part.text, numLeft);
    const before = part.text.slice(0, end);
    yield { ...part, text: before, endsText: true, isValidation: false };
    const line = part.isInLine ? part.line : part.line + before.split("\n").length - 1;
    yield { ...part, text: part.text.slice(end), line, isValidation };
  }
}

/** The number of code points in a text. A pair of surrogates is one, of which only the first half counts. */
export function countCharacters(text: string): number {
  let count = text.length;
  for (let at = 0; at < text.length; at++) {
    if (isLowSurrogate(text.charCodeAt(at))) count--;
  }
  return count;
}

/** Where the first so many code points of a text end. */
function endOfCharacters(text: string, count: number): number {
  let at = 0;
  for (; count > 0; count--) at += text.codePointAt(at)! > 0xffff ? 2 : 1;
  return at;
}

function isLowSurrogate(charCode: number): boolean {
  return charCode >= 0xdc00 && charCode <= 0xdfff;
}
