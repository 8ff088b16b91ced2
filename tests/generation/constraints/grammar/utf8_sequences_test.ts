import { assertEquals } from "@std/assert";
import { Random } from "../../../../src/base/random.ts";
import {
  ALL,
  type CodePoints,
  codePoints,
  complement,
  difference,
  intersection,
  rangesOf,
  union,
} from "../../../../src/generation/constraints/grammar/code_points.ts";
import { utf8Sequences } from "../../../../src/generation/constraints/grammar/utf8_sequences.ts";

/** Where UTF-8 changes its length or its first byte. */
const EDGES = [
  0,
  0x7f,
  0x80,
  0x7ff,
  0x800,
  0xfff,
  0x1000,
  0xd7ff,
  0xe000,
  0xffff,
  0x10000,
  0x10ffff,
];

function randomSet(random: Random): CodePoints {
  return codePoints(Array.from({ length: 1 + Math.floor(random.next() * 4) }, () => {
    const first = EDGES[Math.floor(random.next() * EDGES.length)] +
      Math.floor((random.next() - 0.5) * 300);
    return [
      Math.max(0, first),
      Math.min(0x10ffff, first + Math.floor(random.next() ** 4 * 70_000)),
    ];
  }));
}

const has = (set: CodePoints, codePoint: number) =>
  rangesOf(set).some(([first, last]) => codePoint >= first && codePoint <= last);

Deno.test("utf8Sequences() are the bytes of the characters of a set, and of no others", () => {
  const encoder = new TextEncoder();
  const random = new Random(1);
  for (let round = 0; round < 60; round++) {
    const set = randomSet(random);
    const sequences = [...utf8Sequences(set)];
    const numCharacters = rangesOf(set).reduce((sum, [first, last]) => sum + last - first + 1, 0);
    const numSpelled = sequences.reduce(
      (sum, ranges) => sum + ranges.reduce((product, [low, high]) => product * (high - low + 1), 1),
      0,
    );
    assertEquals(numSpelled, numCharacters);
    const around = [...rangesOf(set)].flatMap(([a, b]) => [a - 1, a, (a + b) >> 1, b, b + 1]);
    for (const codePoint of [...EDGES, ...around]) {
      if (codePoint < 0 || codePoint > 0x10ffff || (codePoint & 0x1ff800) === 0xd800) continue;
      const bytes = encoder.encode(String.fromCodePoint(codePoint));
      const isSpelled = sequences.some((ranges) =>
        ranges.length === bytes.length &&
        ranges.every(([low, high], i) => bytes[i] >= low && bytes[i] <= high)
      );
      assertEquals(isSpelled, has(set, codePoint), `U+${codePoint.toString(16)}`);
    }
  }
});

Deno.test("utf8Sequences() that begin alike begin exactly alike", () => {
  const random = new Random(2);
  for (let round = 0; round < 60; round++) {
    const sequences = [...utf8Sequences(randomSet(random))];
    for (const [i, a] of sequences.entries()) {
      for (const b of sequences.slice(i + 1)) {
        for (let place = 0; place < Math.min(a.length, b.length); place++) {
          if (String(a[place]) === String(b[place])) continue;
          assertEquals(a[place][1] < b[place][0] || b[place][1] < a[place][0], true, `${a} ${b}`);
          break;
        }
      }
    }
  }
});

Deno.test("sets of characters are what set theory says, and hold no surrogates", () => {
  const random = new Random(3);
  for (let round = 0; round < 50; round++) {
    const [a, b] = [randomSet(random), randomSet(random)];
    const points = [...EDGES, 0xd800, 0xdfff, ...a, ...b].flatMap((
      point,
    ) => [point - 1, point, point + 1]);
    for (const point of points) {
      const isCharacter = has(ALL, point);
      assertEquals(isCharacter, point >= 0 && point <= 0x10ffff && (point & 0x1ff800) !== 0xd800);
      assertEquals(has(union([a, b]), point), has(a, point) || has(b, point));
      assertEquals(has(intersection(a, b), point), has(a, point) && has(b, point));
      assertEquals(has(complement(a), point), isCharacter && !has(a, point));
      assertEquals(has(difference(a, b), point), has(a, point) && !has(b, point));
    }
  }
});
