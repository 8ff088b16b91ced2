import { assertEquals } from "@std/assert";
import { weightedQuantile } from "../../../src/generation/sampling/nearest_mass.ts";
import { Random } from "../../../src/base/random.ts";

Deno.test("weightedQuantile() finds what sorting finds", () => {
  const random = new Random(1);
  for (let trial = 0; trial < 2000; trial++) {
    const count = 1 + Math.floor(random.next() * 40);
    // Few different keys make ties; whole weights make sums exact.
    const numKeys = random.next() < 0.5 ? 5 : 1e9;
    const keys = Float64Array.from({ length: count }, () => Math.floor(random.next() * numKeys));
    const weights = Float64Array.from({ length: count }, () => Math.floor(random.next() * 4));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    const target = 1 + Math.floor(random.next() * total);

    const ranked = Array.from(keys, (key, i) => ({ key, weight: weights[i] }))
      .sort((a, b) => a.key - b.key);
    let sum = 0;
    const expected = ranked.find(({ weight }) => (sum += weight) >= target)?.key ??
      ranked.at(-1)!.key;
    assertEquals(weightedQuantile(keys, weights, count, target), expected, `trial ${trial}`);
  }
});

Deno.test("weightedQuantile() gives the smallest key for no weight and the largest for too much", () => {
  const make = () => [Float64Array.of(3, 1, 2), Float64Array.of(1, 1, 1)] as const;
  for (const target of [-1, 0, 0.5, 1]) assertEquals(weightedQuantile(...make(), 3, target), 1);
  for (const target of [2.5, 3, 3.0001, 100]) {
    assertEquals(weightedQuantile(...make(), 3, target), 3);
  }
});

Deno.test("weightedQuantile() looks at the first keys only", () => {
  assertEquals(weightedQuantile(Float64Array.of(5, 4, 1), Float64Array.of(1, 1, 1), 2, 1), 4);
});
