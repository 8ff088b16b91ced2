import { assertAlmostEquals, assertEquals } from "@std/assert";
import { Random } from "../../src/base/random.ts";
import type { LogitsDifference } from "../../src/evaluation/compare_logits.ts";
import { DifferenceCollector } from "../../src/evaluation/model_difference.ts";

const random = new Random(3);

const places = Array.from({ length: 1000 }, (): LogitsDifference => {
  const baseLogProbability = Math.log(random.next());
  return {
    baseLogProbability,
    logProbability: Math.min(0, baseLogProbability + 0.3 * (random.next() - 0.6)),
    divergence: random.next() ** 4,
    hasSameTop: random.next() < 0.9,
  };
});

function collect(all: readonly LogitsDifference[]): DifferenceCollector {
  const collector = new DifferenceCollector(all.length);
  for (const place of all) collector.add(place);
  return collector;
}

const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);
const meanOf = (values: readonly number[]) => sum(values) / values.length;
/** As llama-perplexity has it: of what varies, the variance of the mean. */
const covarianceOf = (a: readonly number[], b: readonly number[]) =>
  (meanOf(a.map((x, i) => x * b[i])) - meanOf(a) * meanOf(b)) / (a.length - 1);
const errorOf = (values: readonly number[]) => Math.sqrt(covarianceOf(values, values));

Deno.test("DifferenceCollector has llama-perplexity's errors", () => {
  const { difference, baseLoss, loss } = collect(places);
  const base = places.map(({ baseLogProbability }) => -baseLogProbability);
  const own = places.map(({ logProbability }) => -logProbability);
  const changes = own.map((x, i) => Math.exp(-x) - Math.exp(-base[i]));
  const squares = changes.map((x) => x * x);
  const expected = {
    baseLoss: [meanOf(base), errorOf(base)],
    loss: [meanOf(own), errorOf(own)],
    logPerplexityRatio: [
      meanOf(own) - meanOf(base),
      Math.sqrt(errorOf(own) ** 2 + errorOf(base) ** 2 - 2 * covarianceOf(own, base)),
    ],
    probabilityChange: [meanOf(changes), errorOf(changes)],
    rmsProbabilityChange: [
      Math.sqrt(meanOf(squares)),
      0.5 / Math.sqrt(meanOf(squares)) * errorOf(squares),
    ],
  };
  const found = { ...difference, baseLoss, loss };
  for (const [name, [value, error]] of Object.entries(expected)) {
    const estimate = found[name as keyof typeof expected];
    assertAlmostEquals(estimate.value, value, 1e-12, name);
    assertAlmostEquals(estimate.error, error, 1e-12, name);
  }
  const { value, error } = difference.perplexityRatio;
  assertAlmostEquals(value, Math.exp(meanOf(own)) / Math.exp(meanOf(base)), 1e-12);
  assertAlmostEquals(error, value * expected.logPerplexityRatio[1], 1e-12);
});

Deno.test("DifferenceCollector has the quantiles of the divergence", () => {
  const { divergence, sameTop } = collect(places).difference;
  const sorted = places.map(({ divergence }) => divergence).sort((a, b) => a - b);
  const values = [divergence.median, divergence.percentile90, divergence.percentile99_9];
  const expected = [
    (sorted[499] + sorted[500]) / 2,
    0.9 * sorted[899] + 0.1 * sorted[900],
    0.999 * sorted[998] + 0.001 * sorted[999],
  ];
  // They are kept in F32.
  for (const [i, value] of values.entries()) assertAlmostEquals(value, expected[i], 1e-6);
  assertEquals(divergence.max, Math.fround(sorted[999]));
  const part = places.filter(({ hasSameTop }) => hasSameTop).length / 1000;
  assertEquals(sameTop, { value: part, error: Math.sqrt(part * (1 - part) / 999) });
});

Deno.test("DifferenceCollector finds nothing between equal models", () => {
  const same = { baseLogProbability: -1, logProbability: -1, divergence: -1e-9, hasSameTop: true };
  const { difference } = collect([same, same]);
  assertEquals(difference.perplexityRatio, { value: 1, error: 0 });
  assertEquals(difference.divergence.mean, { value: 0, error: 0 });
  assertEquals(difference.divergence.max, 0);
  assertEquals(difference.rmsProbabilityChange, { value: 0, error: 0 });
  assertEquals(difference.sameTop, { value: 1, error: 0 });
});

Deno.test("DifferenceCollector knows no error of one place", () => {
  for (const logProbability of [-1, -2]) {
    const place = { baseLogProbability: -1, logProbability, divergence: 0.1, hasSameTop: true };
    const { difference, loss } = collect([place]);
    const { perplexityRatio, sameTop, probabilityChange, rmsProbabilityChange } = difference;
    const all = [loss, perplexityRatio, difference.divergence.mean, sameTop, probabilityChange];
    assertEquals([...all, rmsProbabilityChange].map(({ error }) => error), Array(6).fill(NaN));
  }
});
