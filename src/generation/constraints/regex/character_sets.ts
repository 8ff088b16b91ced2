/**
 * Which characters the parts of a regular expression stand for.
 *
 * @module
 */
import { ALL, type CodePoints, codePoints, rangesOf, union } from "../grammar/code_points.ts";

/** `\d` */
export const DIGITS: CodePoints = codePoints([[0x30, 0x39]]);
/** `\w`, but for what the flag i adds. */
export const WORD: CodePoints = codePoints([[0x30, 0x39], [0x41, 0x5a], [0x5f, 0x5f], [
  0x61,
  0x7a,
]]);
/** `\s` */
export const SPACES: CodePoints = codePoints([
  [0x09, 0x0d],
  [0x20, 0x20],
  [0xa0, 0xa0],
  [0x1680, 0x1680],
  [0x2000, 0x200a],
  [0x2028, 0x2029],
  [0x202f, 0x202f],
  [0x205f, 0x205f],
  [0x3000, 0x3000],
  [0xfeff, 0xfeff],
]);
/** What `.` does not match, without the flag s. */
export const LINE_BREAKS: CodePoints = codePoints([[0x0a, 0x0a], [0x0d, 0x0d], [0x2028, 0x2029]]);

/** So many characters are given to JavaScript's own engine at a time, which takes a limited number in one match. */
const CHARACTERS_AT_A_TIME = 4096;

const known = new Map<string, CodePoints>();
const MAX_KNOWN = 64;

/**
 * The characters that a class matches, as JavaScript's own engine says: so its tables of Unicode, and whatever the flags
 * mean, are the ones that count.
 *
 * @param source a class or an escape: `\p{L}`, `[\p{L}--[a-z]]`
 */
export function matchedCharacters(source: string, flags: string): CodePoints {
  const key = `${flags} ${source}`;
  let set = known.get(key);
  if (set === undefined) {
    set = scan(new RegExp(`${source}+`, `g${flags}`), NAMES_UNASSIGNED.test(source));
    if (known.size === MAX_KNOWN) known.clear();
    known.set(key, set);
  }
  return set;
}

/** The characters that match some of a set where case makes no difference. */
export function withOtherCases(set: CodePoints): CodePoints {
  if (set.length === 0) return set;
  const ranges = [...rangesOf(set)].map(([first, last]) => `\\u{${hex(first)}}-\\u{${hex(last)}}`);
  const isMatched = new RegExp(`[${ranges.join("")}]`, "giu");
  const matched = cased().match(isMatched) ?? [];
  return union([set, codePoints(matched.map((c) => [c.codePointAt(0)!, c.codePointAt(0)!]))]);
}

let casedCharacters: string | undefined;

/** All characters of which there is another case. */
function cased(): string {
  if (casedCharacters === undefined) {
    const set = scan(/[\p{Changes_When_Casemapped}\p{Changes_When_Casefolded}]+/gu, false);
    casedCharacters = [...rangesOf(set)].map(([first, last]) => textOf(first, last)).join("");
  }
  return casedCharacters;
}

/**
 * The planes without a character. To all of their code points, but the last two of each, Unicode gives the same properties.
 */
const FIRST_UNASSIGNED = 0x40000;
const LAST_UNASSIGNED = 0xdffff;

/** Whether the source of a class names one of their code points, so that it may tell them apart. */
const NAMES_UNASSIGNED = /\\u\{0*[4-9a-d][\da-f]{4}\}|\\ud[89ab]|[\u{40000}-\u{dffff}]/iu;

/**
 * The characters that a global expression matches; it matches any number of them at once.
 *
 * @param isEach whether each code point without a character has to be asked for
 */
function scan(expression: RegExp, isEach: boolean): CodePoints {
  const found: [number, number][] = [];
  for (const { first, last, text } of isEach ? listCharacters(true) : sampleOfAll()) {
    // In each of these texts all characters have the same length.
    const length = first > 0xffff ? 2 : 1;
    for (const { 0: match, index } of text.matchAll(expression)) {
      const start = first + index / length;
      const end = start + match.length / length - 1;
      found.push([start, match === text ? last : end]);
    }
  }
  return codePoints(found);
}

/** Some characters that follow each other, and a text of them; for those that are all alike, of the first. */
interface Characters {
  readonly first: number;
  readonly last: number;
  readonly text: string;
}

let sample: readonly Characters[] | undefined;

/** Kept, since it takes as long to make as to go through, and 2 MB. */
function sampleOfAll(): readonly Characters[] {
  return sample ??= [...listCharacters(false)];
}

function* listCharacters(isEach: boolean): Generator<Characters> {
  for (const [from, to] of rangesOf(ALL)) {
    for (let first = from; first <= to; first += CHARACTERS_AT_A_TIME) {
      const last = Math.min(to, first + CHARACTERS_AT_A_TIME - 1);
      if (isEach || first < FIRST_UNASSIGNED || first > LAST_UNASSIGNED) {
        yield { first, last, text: textOf(first, last) };
      } else {
        const isEndOfPlane = (last & 0xffff) === 0xffff;
        yield { first, last: isEndOfPlane ? last - 2 : last, text: textOf(first, first) };
        if (isEndOfPlane) yield { first: last - 1, last, text: textOf(last - 1, last) };
      }
    }
  }
}

/** The characters of a range as a text, all of one unit of UTF-16 or all of two. */
function textOf(first: number, last: number): string {
  const length = first > 0xffff ? 2 : 1;
  const units = new Uint16Array((last - first + 1) * length);
  for (let codePoint = first, at = 0; codePoint <= last; codePoint++) {
    if (length === 1) {
      units[at++] = codePoint;
    } else {
      units[at++] = 0xd7c0 + (codePoint >> 10);
      units[at++] = 0xdc00 | codePoint & 0x3ff;
    }
  }
  return String.fromCharCode.apply(undefined, units as unknown as number[]);
}

function hex(codePoint: number): string {
  return codePoint.toString(16);
}
