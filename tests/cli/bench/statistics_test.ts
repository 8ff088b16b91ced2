import { assertAlmostEquals, assertEquals } from "@std/assert";
import { mean, median, standardDeviation } from "../../../src/cli/bench/statistics.ts";

Deno.test("mean() is the sum shared evenly", () => {
  assertEquals(mean([1, 2, 6]), 3);
  assertEquals(mean([5]), 5);
  assertEquals(mean([]), NaN);
});

Deno.test("standardDeviation() is that of the population behind a sample", () => {
  // Squared distances from 5: 9, 1, 1, 1, 0, 0, 4, 16. Together 32, divided by 8 - 1.
  assertAlmostEquals(standardDeviation([2, 4, 4, 4, 5, 5, 7, 9]), Math.sqrt(32 / 7), 1e-12);
  assertEquals(standardDeviation([3, 3, 3]), 0);
});

Deno.test("standardDeviation() of one sample or none is 0", () => {
  assertEquals(standardDeviation([7]), 0);
  assertEquals(standardDeviation([]), 0);
});

Deno.test("median() is the middle in numerical order", () => {
  assertEquals(median([10, 9, 100]), 10);
  assertEquals(median([4, 1, 3, 2]), 2.5);
  assertEquals(median([8]), 8);
  assertEquals(median([]), NaN);
});

Deno.test("median() leaves the samples in their order", () => {
  const samples = [3, 1, 2];
  median(samples);
  assertEquals(samples, [3, 1, 2]);
});
