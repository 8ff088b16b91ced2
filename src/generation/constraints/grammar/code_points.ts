/**
 * Sets of characters, as sorted ranges of code points.
 *
 * @module
 */

/** Ranges one after another, first and last code point of each: sorted, apart from each other, none a surrogate. */
export type CodePoints = readonly number[];

/** Every character: all code points but the surrogates, which UTF-8 cannot express. */
export const ALL: CodePoints = [0, 0xd7ff, 0xe000, 0x10ffff];

/** The set of some ranges, in any order, which may overlap. Surrogates are left out. */
export function codePoints(ranges: Iterable<readonly [first: number, last: number]>): CodePoints {
  const sorted = [...ranges].filter(([first, last]) => first <= last).sort((a, b) => a[0] - b[0]);
  const merged: number[] = [];
  for (const [first, last] of sorted) {
    const end = merged.length - 1;
    if (merged.length > 0 && first <= merged[end] + 1) merged[end] = Math.max(merged[end], last);
    else merged.push(first, last);
  }
  return intersection(merged, ALL);
}

/** The set of the characters of a text. */
export function charactersOf(text: string): CodePoints {
  return codePoints(Array.from(text, (character) => {
    const codePoint = character.codePointAt(0)!;
    return [codePoint, codePoint];
  }));
}

/** What is in any of some sets. */
export function union(sets: readonly CodePoints[]): CodePoints {
  return codePoints(sets.flatMap((set) => [...rangesOf(set)]));
}

/** What is in both of two sets. */
export function intersection(a: CodePoints, b: CodePoints): CodePoints {
  const common: number[] = [];
  for (let i = 0, j = 0; i < a.length && j < b.length;) {
    const first = Math.max(a[i], b[j]);
    const last = Math.min(a[i + 1], b[j + 1]);
    if (first <= last) common.push(first, last);
    if (a[i + 1] < b[j + 1]) i += 2;
    else j += 2;
  }
  return common;
}

/** Every character that is not in a set. */
export function complement(set: CodePoints): CodePoints {
  const gaps: number[] = [];
  let next = 0;
  for (const [first, last] of rangesOf(set)) {
    if (next < first) gaps.push(next, first - 1);
    next = last + 1;
  }
  if (next <= 0x10ffff) gaps.push(next, 0x10ffff);
  return intersection(gaps, ALL);
}

/** What is in the first set and not in the second. */
export function difference(a: CodePoints, b: CodePoints): CodePoints {
  return intersection(a, complement(b));
}

/** The ranges of a set. */
export function* rangesOf(set: CodePoints): Generator<[first: number, last: number]> {
  for (let i = 0; i < set.length; i += 2) yield [set[i], set[i + 1]];
}
