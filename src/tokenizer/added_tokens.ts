/**
 * Tokens that are looked for in a text before all else, as whole words of their own: special ones and others.
 *
 * @module
 */

import { BackwardAutomaton } from "./backward_automaton.ts";

/** A token that is looked for in the text itself. */
export interface AddedToken {
  /** Its number. */
  readonly id: number;
  /** Its text. */
  readonly content: string;
  /** Whether it is one of those that mean something to the model, and are only recognized where that is allowed. */
  readonly special: boolean;
  /** How it is recognized. */
  readonly flags: AddedTokenFlags;
}

/** How an added token is recognized. None of GPT-2's own has any of these. */
export interface AddedTokenFlags {
  /** Whether it swallows the white space before it. */
  readonly lstrip?: boolean;
  /** Whether it swallows the white space behind it. */
  readonly rstrip?: boolean;
  /** Whether it is recognized only where no letter, mark, digit or underscore is next to it. */
  readonly singleWord?: boolean;
  /** Whether it is looked for only in what those without this flag left over. */
  readonly normalized?: boolean;
}

/**
 * A token found in a text: `text[start..end)` is its own, but for white space before it that another one has swallowed
 * already. A token that is all swallowed has an end before its start: the next part of the text begins there.
 */
export interface FoundToken {
  /** The token. */
  readonly id: number;
  /** Where it begins, in UTF-16 code units. */
  readonly start: number;
  /** Where it ends. */
  readonly end: number;
}

/** Few enough tokens to be searched for one by one, to see whether there is any. */
const FEW = 16;

/**
 * Finds added tokens as Hugging Face's tokenizers do: those that are not `normalized`, and in the parts of the text that they
 * leave, taken as texts of their own, the others. It takes time in proportion to the text, whatever the tokens are.
 */
export class AddedTokenMatcher {
  readonly #first: OnePassMatcher;
  readonly #second: OnePassMatcher | undefined;

  /** @param tokens what to look for */
  constructor(tokens: readonly AddedToken[]) {
    const normalized = tokens.filter(({ flags }) => flags.normalized);
    this.#first = new OnePassMatcher(tokens.filter(({ flags }) => !flags.normalized));
    if (normalized.length > 0) this.#second = new OnePassMatcher(normalized);
  }

  /** The tokens in a text, in order. */
  *find(text: string): Generator<FoundToken> {
    let from = 0;
    for (const found of this.#first.find(text)) {
      yield* this.#findInPart(text, from, found.start);
      yield found;
      from = found.end;
    }
    yield* this.#findInPart(text, from, text.length);
  }

  *#findInPart(text: string, from: number, to: number): Generator<FoundToken> {
    if (this.#second === undefined || from === to) return;
    for (const { id, start, end } of this.#second.find(text.slice(from, to))) {
      yield { id, start: from + start, end: from + end };
    }
  }
}

/** Finds tokens from left to right, the longest of those that begin at the same place. */
class OnePassMatcher {
  readonly #tokens: readonly AddedToken[];
  #automaton?: BackwardAutomaton;

  constructor(tokens: readonly AddedToken[]) {
    this.#tokens = tokens;
  }

  /** The tokens in a text, in order. */
  *find(text: string): Generator<FoundToken> {
    const tokens = this.#tokens;
    if (tokens.length === 0) return;
    if (tokens.length <= FEW && !tokens.some(({ content }) => text.includes(content))) return;
    this.#automaton ??= new BackwardAutomaton(tokens.map(({ content }) => content));
    const longest = this.#automaton.longestAt(text);
    let freeFrom = 0;
    let spaceEnd = 0;
    for (let at = 0; at < text.length; at++) {
      if (longest[at] < 0) continue;
      const { id, content, flags } = tokens[longest[at]];
      const end = at + content.length;
      if (!flags.singleWord || isSingleWord(text, at, end)) {
        const start = Math.max(freeFrom, flags.lstrip ? beginOfSpace(text, at, freeFrom) : at);
        // Up to there all is known to be white space: nothing is looked at twice.
        if (flags.rstrip && end > spaceEnd) spaceEnd = endOfSpace(text, end);
        const next = flags.rstrip ? spaceEnd : end;
        // One that swallows what is before it, and was itself swallowed by another, is left with nothing: it is none.
        if (!flags.lstrip || start < next) {
          yield { id, start, end: next };
          freeFrom = next;
        }
      }
      // White space that was swallowed may yet begin the next one; what is no word of its own is not searched for others.
      at = end - 1;
    }
  }
}

function isSingleWord(text: string, start: number, end: number): boolean {
  return !isWordCharacter(characterBefore(text, start)) &&
    !isWordCharacter(text.codePointAt(end));
}

/** The character that ends at a place, be it of one code unit or two; half a one if the other half is missing. */
function characterBefore(text: string, end: number): number | undefined {
  const character = end >= 2 ? text.codePointAt(end - 2)! : 0;
  return character > 0xffff ? character : text.codePointAt(end - 1);
}

function isWordCharacter(character: number | undefined): boolean {
  if (character === undefined) return false;
  // Few tokens ask for this, and the class takes a while to be compiled: not before. It is asked about whole characters:
  // at the end of a longer text V8 does not find those of two code units.
  return /^[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]$/u
    .test(String.fromCodePoint(character));
}

function isSpace(character: string): boolean {
  return /\p{White_Space}/u.test(character);
}

/** All white space is one code unit long. */
function beginOfSpace(text: string, end: number, least: number): number {
  while (end > least && isSpace(text[end - 1])) end--;
  return end;
}

function endOfSpace(text: string, start: number): number {
  while (start < text.length && isSpace(text[start])) start++;
  return start;
}
