import { assertAlmostEquals, assertEquals } from "@std/assert";
import { exponential, Mean, quantile, share } from "../../src/evaluation/estimate.ts";

const EPSILON = 1e-12;

function meanOf(values: readonly number[]): Mean {
  const mean = new Mean();
  for (const value of values) mean.add(value);
  return mean;
}

Deno.test("Mean gives the standard error of the mean", () => {
  const mean = meanOf([1, 2, 3, 6]);
  // Squared distances 4 + 1 + 0 + 9, divided by n, and that by n - 1: as llama-perplexity has it.
  assertEquals([mean.count, mean.sum, mean.estimate.value], [4, 12, 3]);
  assertAlmostEquals(mean.estimate.error, Math.sqrt(14 / 4 / 3), EPSILON);
});

Deno.test("Mean has no error when all values are the same, and knows none of one", () => {
  assertEquals(meanOf([0.1]).estimate, { value: 0.1, error: NaN });
  assertEquals(meanOf([0.1, 0.1, 0.1]).estimate.error, 0);
  assertEquals(meanOf([5, 5, 5]).estimate, { value: 5, error: 0 });
});

Deno.test("exponential() carries the error along", () => {
  assertEquals(exponential({ value: 0, error: 0.25 }), { value: 1, error: 0.25 });
  assertAlmostEquals(exponential({ value: 2, error: 0.5 }).error, Math.exp(2) / 2, EPSILON);
});

Deno.test("share() has the error of a share", () => {
  assertEquals(share(0, 9), { value: 0, error: 0 });
  assertEquals(share(1, 1), { value: 1, error: NaN });
  assertEquals(share(5, 10), { value: 0.5, error: Math.sqrt(0.25 / 9) });
});

Deno.test("quantile() lies between two values, in proportion", () => {
  const sorted = [0, 1, 2, 10];
  const found = [0, 0.25, 0.5, 0.9, 1].map((part) => quantile(sorted, part));
  for (const [i, expected] of [0, 0.75, 1.5, 7.6, 10].entries()) {
    assertAlmostEquals(found[i], expected, EPSILON);
  }
  assertEquals(quantile([3], 0.99), 3);
});
