import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { runningMeans, thinEvenly, thinSteps } from "../../../src/training/report/thin.ts";
import { stepOf } from "../plausible_run.ts";

const steps = Array.from({ length: 20_000 }, (_, i) => stepOf(i + 1, 20_000));

Deno.test("thinSteps() keeps the first, the last, and every spike", () => {
  const spiked = steps.map((step, i) => ({
    ...step,
    loss: i === 7777 ? 30 : i === 12_345 ? 0.1 : i === 15_031 ? NaN : step.loss,
    gradientNorm: i === 9017 ? 500 : step.gradientNorm,
  }));
  const places = thinSteps(spiked, 2000);
  assert(places.length <= 2001 && places.length > 1000, `${places.length}`);
  for (const place of [0, 7777, 9017, 12_345, 15_031, 19_999]) assert(places.includes(place));
  assertEquals(places, [...new Set(places)].sort((a, b) => a - b));
});

Deno.test("thinSteps() keeps the lowest and the highest of every stretch, so that a curve looks the same", () => {
  const kept = thinSteps(steps, 2000);
  for (let begin = 0; begin < steps.length; begin += 500) {
    const inside = steps.slice(begin, begin + 500).map(({ loss }) => loss);
    const shown = kept.filter((i) => i >= begin && i < begin + 500).map((i) => steps[i].loss);
    assertEquals([Math.min(...shown), Math.max(...shown)], [
      Math.min(...inside),
      Math.max(...inside),
    ]);
  }
});

Deno.test("thinSteps() leaves few as they are", () => {
  assertEquals(thinSteps(steps.slice(0, 4), 4), [0, 1, 2, 3]);
  assertEquals(thinSteps([], 4), []);
  assert(thinSteps(steps.slice(0, 5), 4).length <= 5);
});

Deno.test("thinEvenly() keeps the ends, and what is needed", () => {
  const numbers = Array.from({ length: 101 }, (_, i) => i);
  assertEquals(thinEvenly(numbers, 5), [0, 25, 50, 75, 100]);
  assertEquals(thinEvenly(numbers, 3, (each) => each === 7), [0, 7, 50, 100]);
  assertEquals(thinEvenly([1, 2], 2), [1, 2]);
  assertEquals(thinEvenly(numbers, 1), [0]);
});

Deno.test("runningMeans() gives the mean of each value and those before it, without what is no number", () => {
  const values = steps.map(({ loss }) => loss);
  const means = runningMeans(values, 200);
  const mean = (each: readonly number[]) => each.reduce((sum, value) => sum + value) / each.length;
  assertAlmostEquals(means.at(-1)!, mean(values.slice(-200)), 1e-9);
  assertAlmostEquals(means[995], mean(values.slice(796, 996)), 1e-9);
  // Near the beginning of fewer: of the first five each alone.
  for (let i = 0; i < 5; i++) assertAlmostEquals(means[i], values[i], 1e-9);
  assertAlmostEquals(means[99], mean(values.slice(80, 100)), 1e-9);
  const gaps = [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, NaN, 3, NaN, NaN, NaN];
  assertEquals(runningMeans(gaps, 2).slice(9), [1, 1, 3, 3, NaN, NaN]);
});
