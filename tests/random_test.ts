import {
  assert,
  assertEquals,
  assertGreater,
  assertLess,
  assertNotEquals,
  assertThrows,
} from "@std/assert";
import { Random } from "../src/random.ts";
import { chiSquare, criticalChiSquare } from "./generation/sampling/chi_square.ts";

/** What scripts/make_sampling_reference.py writes. */
interface Stream {
  seed: number;
  outputs: number[];
  outputsOfFork7: number[];
}

const streams: Stream[] = JSON.parse(
  Deno.readTextFileSync(new URL("./fixtures/sampling/random.json", import.meta.url)),
);

const NUM_DRAWS = 200_000;

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

/** The normal distribution function at 0, 0.5, ..., 3.5, from tables; then at -3.5 to 3.5. */
const HALF = [
  0.5,
  0.6914624613,
  0.8413447461,
  0.9331927987,
  0.9772498681,
  0.9937903347,
  0.9986501020,
  0.9997673709,
];
const CUMULATIVE = [...HALF.slice(1).reverse().map((p) => 1 - p), ...HALF];

Deno.test("normal() is normal", () => {
  const counts = countNormals((random) => random.normal());
  assertLess(chiSquare(counts, normalProbabilities()), criticalChiSquare(counts.length));
});

Deno.test("the test of normal() rejects what is nearly normal", () => {
  const wrong = [
    (random: Random) => random.normal() * 1.02,
    (random: Random) => random.normal() + 0.02,
    (random: Random) => {
      let sum = -6;
      for (let i = 0; i < 12; i++) sum += random.next();
      return sum;
    },
  ];
  for (const draw of wrong) {
    const counts = countNormals(draw);
    assertGreater(chiSquare(counts, normalProbabilities()), criticalChiSquare(counts.length));
  }
});

Deno.test("normal() has the moments of a normal distribution", () => {
  const random = new Random(4);
  const sums = [0, 0, 0, 0];
  for (let i = 0; i < 5 * NUM_DRAWS; i++) {
    const value = random.normal();
    sums.forEach((_, k) => sums[k] += value ** (k + 1));
  }
  const moments = sums.map((sum) => sum / (5 * NUM_DRAWS));
  // Five standard deviations of the mean of x, x^2, x^3 and x^4, whose variances are 1, 2, 15 and 96.
  const limits = [1, 2, 15, 96].map((variance) => 5 * Math.sqrt(variance / (5 * NUM_DRAWS)));
  [0, 1, 0, 3].forEach((moment, k) => assertLess(Math.abs(moments[k] - moment), limits[k]));
});

Deno.test("normal() has a tail on both sides", () => {
  const random = new Random(5);
  const tails = [0, 0];
  let largest = 0;
  for (let i = 0; i < 10 * NUM_DRAWS; i++) {
    const value = random.normal();
    if (Math.abs(value) > 3.442619855899) tails[value > 0 ? 1 : 0]++;
    largest = Math.max(largest, Math.abs(value));
  }
  // 576 on each side are expected, with a standard deviation of 24.
  for (const tail of tails) assert(tail > 456 && tail < 696, `${tails}`);
  // Half of the time the largest of 2 million is beyond 5.1; it is hardly ever below 4.5 or above 7.
  assert(largest > 4.5 && largest < 7, `${largest}`);
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

function countNormals(draw: (random: Random) => number): number[] {
  const random = new Random(3);
  const counts = new Array(CUMULATIVE.length + 1).fill(0);
  for (let i = 0; i < NUM_DRAWS; i++) {
    const bin = Math.floor(draw(random) * 2) + 8;
    counts[Math.min(Math.max(bin, 0), counts.length - 1)]++;
  }
  return counts;
}

function normalProbabilities(): number[] {
  const edges = [0, ...CUMULATIVE, 1];
  return edges.slice(1).map((edge, i) => edge - edges[i]);
}
