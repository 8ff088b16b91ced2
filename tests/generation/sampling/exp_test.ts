import { assertAlmostEquals, assertEquals, assertLess, assertThrows } from "@std/assert";
import { expOfMinus, WeightHistogram } from "../../../src/generation/sampling/exp.ts";
import { assertClose } from "../../close.ts";
import { randomLogits } from "./random_logits.ts";

/** What the documentation promises; a parabola through Chebyshev nodes 1/64 apart errs by this much. */
const RELATIVE_ERROR = 2e-8;

Deno.test("expOfMinus() is exact to 2e-8", () => {
  let worst = 0;
  for (let gap = 0; gap < 40; gap += 1 / 4093) {
    worst = Math.max(worst, Math.abs(expOfMinus(gap) / Math.exp(-gap) - 1));
  }
  assertLess(worst, RELATIVE_ERROR);
});

Deno.test("expOfMinus() gives 0 from 40 nats on, and NaN for NaN", () => {
  for (const gap of [40, 41, 1e9, 2 ** 32, 1e300, Infinity]) assertEquals(expOfMinus(gap), 0);
  assertEquals(expOfMinus(NaN), NaN);
  assertAlmostEquals(expOfMinus(39.999) * Math.exp(39.999), 1, RELATIVE_ERROR);
});

Deno.test("WeightHistogram.fill() sorts weights by their distance from the center", () => {
  const histogram = new WeightHistogram();
  for (let seed = 0; seed < 50; seed++) {
    const logits = randomLogits(seed);
    const max = Math.max(...logits);
    for (const [inverseTemperature, center] of [[1, 0], [1, 2.34], [0.3, 0], [7, 0.5]]) {
      const expected = new Float64Array(histogram.weights.length);
      for (const logit of logits) {
        const gap = (max - logit) * inverseTemperature;
        const step = Math.floor(Math.abs(gap - center) * histogram.stepsPerNat);
        if (gap < 40) expected[step] += Math.exp(-gap);
      }
      const total = histogram.fill(logits, logits.length, max, inverseTemperature, center);
      const expectedTotal = expected.reduce((sum, weight) => sum + weight, 0);
      assertAlmostEquals(total / expectedTotal, 1, RELATIVE_ERROR);
      assertClose(histogram.weights, expected, RELATIVE_ERROR * logits.length);
    }
  }
});

Deno.test("the comparison of histograms can fail", () => {
  const histogram = new WeightHistogram();
  histogram.fill(new Float32Array([0, -1]), 2, 0, 1, 0);
  const moved = histogram.weights.slice().fill(0);
  moved[0] = 1;
  moved[65] = Math.exp(-1);
  assertThrows(() => assertClose(histogram.weights, moved, RELATIVE_ERROR * 2), Error, "differ by");
});
