/**
 * Tokens that are looked for in a text before all else, as whole words of their own: special ones and others.
 *
 * @module
 */

/** A token that is not made of merges. */
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
}

/** A token found in a text: `text[start..end)` is its own. */
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

const ENDS_WITH_WORD = /[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]$/u;
const BEGINS_WITH_WORD = /^[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]/u;
const SPACE = /\p{White_Space}/u;

/**
 * Finds added tokens: from left to right, the longest of those that begin at the same place, as Hugging Face's tokenizers
 * do. It takes time in proportion to the text, whatever the tokens are.
 */
export class AddedTokenMatcher {
  readonly #tokens: readonly AddedToken[];
  #automaton?: BackwardAutomaton;

  /** @param tokens what to look for */
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
    for (let at = 0; at < text.length; at++) {
      if (longest[at] < 0) continue;
      const { id, content, flags } = tokens[longest[at]];
      const end = at + content.length;
      if (!flags.singleWord || isSingleWord(text, at, end)) {
        const start = flags.lstrip ? Math.max(freeFrom, beginOfSpace(text, at)) : at;
        freeFrom = flags.rstrip ? endOfSpace(text, end) : end;
        yield { id, start, end: freeFrom };
        at = freeFrom - 1;
      } else {
        // What is no word of its own is skipped, and not searched for others.
        at = end - 1;
      }
    }
  }
}

function isSingleWord(text: string, start: number, end: number): boolean {
  // Two code units hold any character.
  return !ENDS_WITH_WORD.test(text.slice(Math.max(0, start - 2), start)) &&
    !BEGINS_WITH_WORD.test(text.slice(end, end + 2));
}

/** All white space is one code unit long. */
function beginOfSpace(text: string, end: number): number {
  while (end > 0 && SPACE.test(text[end - 1])) end--;
  return end;
}

function endOfSpace(text: string, start: number): number {
  while (start < text.length && SPACE.test(text[start])) start++;
  return start;
}

/**
 * Tells for each place of a text the longest of some words that begins there: the automaton of Aho and Corasick (1975) for
 * the words written backwards, which reads the text backwards. In its state are all words that begin where it is.
 */
class BackwardAutomaton {
  /** By `state * 65536 + unit`: the next state. State 0 has read nothing. */
  readonly #next = new Map<number, number>();
  /** The longest proper end of what was read that is a state, too. */
  readonly #fallback: number[] = [0];
  /** The longest word that a state ends with, as an index; -1 for none. */
  readonly #word: number[] = [-1];

  constructor(words: readonly string[]) {
    const parents: number[] = [0];
    const units: number[] = [0];
    for (const [index, word] of words.entries()) {
      let state = 0;
      for (let at = word.length - 1; at >= 0; at--) {
        const unit = word.charCodeAt(at);
        let next = this.#next.get(state * 65536 + unit);
        if (next === undefined) {
          next = this.#word.push(-1) - 1;
          this.#next.set(state * 65536 + unit, next);
          parents.push(state);
          units.push(unit);
        }
        state = next;
      }
      this.#word[state] = index;
    }
    // In the order of their lengths, so that the shorter ones are done.
    for (const state of inBreadth(parents)) {
      const parent = parents[state];
      const fallback = parent === 0 ? 0 : this.#step(this.#fallback[parent], units[state]);
      this.#fallback[state] = fallback;
      if (this.#word[state] < 0) this.#word[state] = this.#word[fallback];
    }
  }

  /** For each code unit of `text` the index of the longest word that begins there, or -1. */
  longestAt(text: string): Int32Array {
    const longest = new Int32Array(text.length);
    let state = 0;
    for (let at = text.length - 1; at >= 0; at--) {
      state = this.#step(state, text.charCodeAt(at));
      longest[at] = this.#word[state];
    }
    return longest;
  }

  #step(state: number, unit: number): number {
    for (;;) {
      const next = this.#next.get(state * 65536 + unit);
      if (next !== undefined) return next;
      if (state === 0) return 0;
      state = this.#fallback[state];
    }
  }
}

/** All states but the first, those nearest to it first. A state is numbered after its parent. */
function inBreadth(parents: readonly number[]): number[] {
  const depths = new Int32Array(parents.length);
  const levels: number[][] = [];
  for (let state = 1; state < parents.length; state++) {
    const depth = depths[state] = depths[parents[state]] + 1;
    (levels[depth - 1] ??= []).push(state);
  }
  return levels.flat();
}
