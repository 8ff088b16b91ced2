import {
  assert,
  assertEquals,
  assertGreater,
  assertLess,
  assertNotEquals,
  assertThrows,
} from "@std/assert";
import { Random } from "../../src/base/random.ts";
import { assertClose } from "../close.ts";
import { chiSquare, criticalChiSquare } from "../generation/sampling/chi_square.ts";

/** What scripts/make_sampling_reference.py writes. */
interface Stream {
  seed: number;
  outputs: number[];
  outputsOfFork7: number[];
}

const streams: Stream[] = JSON.parse(
  Deno.readTextFileSync(new URL("../fixtures/sampling/random.json", import.meta.url)),
);

const NUM_DRAWS = 200_000;

/** The layers of normal() are computed with Math.exp and Math.log, whose last digits JavaScript leaves open. */
const LAST_DIGITS = 1e-13;

Deno.test("Random gives what an independent implementation gives", () => {
  for (const { seed, outputs, outputsOfFork7 } of streams) {
    const random = new Random(seed);
    assertEquals(outputs.map(() => random.nextUint32()), outputs, `seed ${seed}`);
    const fork = random.fork(7);
    assertEquals(outputsOfFork7.map(() => fork.nextUint32()), outputsOfFork7, `seed ${seed}`);
  }
});

Deno.test("next() joins two outputs to 53 bits", () => {
  for (const { seed, outputs: [first, second] } of streams) {
    const expected = ((BigInt(first) >> 5n) << 26n) | (BigInt(second) >> 6n);
    assertEquals(BigInt(new Random(seed).next() * 2 ** 53), expected);
  }
});

Deno.test("next() is uniform", () => {
  const random = new Random(1);
  const counts = new Array(100).fill(0);
  for (let i = 0; i < NUM_DRAWS; i++) {
    const value = random.next();
    assert(value >= 0 && value < 1);
    counts[Math.floor(value * 100)]++;
  }
  assertLess(chiSquare(counts, new Array(100).fill(0.01)), criticalChiSquare(100));
});

Deno.test("every bit of nextUint32() is set half of the time", () => {
  const random = new Random(2);
  const counts = new Array(32).fill(0);
  for (let i = 0; i < NUM_DRAWS; i++) {
    const bits = random.nextUint32();
    for (let bit = 0; bit < 32; bit++) counts[bit] += (bits >>> bit) & 1;
  }
  // Five standard deviations.
  const limit = 5 * Math.sqrt(NUM_DRAWS / 4);
  for (const count of counts) assertLess(Math.abs(count - NUM_DRAWS / 2), limit);
});

Deno.test("normal() is normal", () => {
  const counts = countNormals(20 * NUM_DRAWS, (random) => random.normal());
  assertLess(chiSquare(counts, normalProbabilities()), criticalChiSquare(counts.length));
});

Deno.test("the test of normal() rejects what is nearly normal", () => {
  const nearlyNormal = [
    (random: Random) => random.normal() * 1.02,
    (random: Random) => random.normal() + 0.02,
    (random: Random) => {
      let sum = -6;
      for (let i = 0; i < 12; i++) sum += random.next();
      return sum;
    },
  ];
  for (const draw of nearlyNormal) {
    const counts = countNormals(5 * NUM_DRAWS, draw);
    assertGreater(chiSquare(counts, normalProbabilities()), criticalChiSquare(counts.length));
  }
});

Deno.test("normal() has the right tail on both sides", () => {
  const random = new Random(5);
  const start = 3.442619855899;
  const numTails = { left: 0, right: 0 };
  let excess = 0;
  for (let i = 0; i < 40 * NUM_DRAWS; i++) {
    const value = random.normal();
    if (Math.abs(value) < start) continue;
    numTails[value < 0 ? "left" : "right"]++;
    excess += Math.abs(value) - start;
  }
  // Of 8 million, 2304 are expected on each side, and they lie 0.2547 beyond the start in the mean, with a standard
  // deviation of 0.24. Four standard deviations are allowed.
  assertLess(Math.abs(numTails.left - 2304), 4 * Math.sqrt(2304));
  assertLess(Math.abs(numTails.right - 2304), 4 * Math.sqrt(2304));
  assertLess(
    Math.abs(excess / (numTails.left + numTails.right) - 0.2547),
    4 * 0.24 / Math.sqrt(4608),
  );
});

Deno.test("normal() gives the same numbers on every machine", () => {
  const random = new Random(1);
  const actual = Array.from({ length: 4 }, () => random.normal());
  const expected = [-1.2444919274502861, 0.6535162721427211, -0.230036421773772, 1.12787120526954];
  assertClose(actual, expected, LAST_DIGITS);
});

Deno.test("seeds and forks next to each other have nothing in common", () => {
  const pairs: [Random, Random][] = [
    [new Random(0), new Random(1)],
    [new Random(1), new Random(-1)],
    [new Random(5), new Random(5 + 2 ** 32)],
    [new Random(1), new Random(1).fork(0)],
    [new Random(1).fork(0), new Random(1).fork(1)],
    [new Random(1).fork(3), new Random(2).fork(3)],
    [new Random(1).fork(0).fork(0), new Random(1).fork(0)],
  ];
  for (const [a, b] of pairs) {
    let product = 0;
    for (let i = 0; i < 20_000; i++) product += (a.next() - 0.5) * (b.next() - 0.5);
    // Five standard deviations: each product has 1/12.
    assertLess(Math.abs(product), 5 * Math.sqrt(20_000) / 12);
  }
});

Deno.test("the first numbers of neighbouring seeds are uniform", () => {
  for (const make of [(i: number) => new Random(i), (i: number) => new Random(9).fork(i)]) {
    const counts = new Array(50).fill(0);
    for (let i = 0; i < 20_000; i++) counts[Math.floor(make(i).next() * 50)]++;
    assertLess(chiSquare(counts, new Array(50).fill(0.02)), criticalChiSquare(50));
  }
});

Deno.test("fork() does not depend on what was drawn, and draws nothing", () => {
  const fresh = new Random(6);
  const used = new Random(6);
  used.next();
  used.normal();
  assertEquals(used.fork(2).next(), fresh.fork(2).next());
  assertNotEquals(fresh.fork(2).next(), fresh.fork(3).next());
  assertEquals(fresh.next(), new Random(6).next());
});

Deno.test("Random refuses seeds that are no integers", () => {
  for (const seed of [1.5, NaN, Infinity, 2 ** 53, -(2 ** 53)]) {
    assertThrows(() => new Random(seed), RangeError, `received ${seed}.`);
  }
  for (const seed of ["1", undefined, null, 1n]) {
    assertThrows(() => new Random(seed as unknown as number), TypeError, `received ${seed}.`);
  }
});

Deno.test("fork() refuses what is no 32-bit integer", () => {
  for (const index of [-1, 1.5, NaN, 2 ** 32, "1" as unknown as number]) {
    assertThrows(() => new Random(1).fork(index), RangeError, `received ${index}.`);
  }
});

/** How many of a number of draws fall into bins of 1/40 from -3.5 to 3.5, and to the left and the right of these. */
function countNormals(numDraws: number, draw: (random: Random) => number): number[] {
  const random = new Random(3);
  const counts = new Array(282).fill(0);
  for (let i = 0; i < numDraws; i++) {
    counts[Math.min(Math.max(Math.floor(draw(random) * 40) + 141, 0), 281)]++;
  }
  return counts;
}

/** How probable these bins are: the integral over each, with a rule of Simpson's that is exact to 1e-12. */
function normalProbabilities(): number[] {
  const density = (x: number) => Math.exp(-x * x / 2) / Math.sqrt(2 * Math.PI);
  const inner = Array.from({ length: 280 }, (_, bin) => {
    const left = (bin - 140) / 40;
    return (density(left) + 4 * density(left + 1 / 80) + density(left + 1 / 40)) / 240;
  });
  const outer = (1 - inner.reduce((sum, probability) => sum + probability, 0)) / 2;
  return [outer, ...inner, outer];
}
