import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { NumericalError } from "../../../src/base/errors.ts";
import type { LogitsSummary } from "../../../src/engine/logits_summary.ts";
import { likeliest, logProbability } from "../../../src/generation/sampling/log_probability.ts";
import { randomLogits } from "./random_logits.ts";

/** The exponential is exact to 2e-8 of its value, and so is the sum, which is that much of its logarithm. */
const TOLERANCE = 2.1e-8;

Deno.test("logProbability() gives the logarithm of the softmax", () => {
  for (let seed = 0; seed < 300; seed++) {
    const logits = randomLogits(seed);
    const normalizer = naiveLogSumExp(logits);
    // Beside the error of the sum, that of 64-bit floats of the size of the logits.
    const tolerance = TOLERANCE + Math.abs(normalizer) * 1e-15;
    for (let id = 0; id < logits.length; id += 1 + id) {
      const expected = Math.min(0, logits[id] - normalizer);
      if (expected === -Infinity) assertEquals(logProbability(logits, id), -Infinity);
      else assertAlmostEquals(logProbability(logits, id), expected, tolerance, `logits ${seed}`);
    }
  }
});

Deno.test("logProbability() and likeliest() give the same number for a token", () => {
  for (let seed = 0; seed < 300; seed++) {
    const logits = randomLogits(seed);
    for (const token of likeliest(logits, 20)) {
      assertEquals(token.logProbability, logProbability(logits, token.id), `logits ${seed}`);
    }
  }
});

Deno.test("logProbability() is never above 0", () => {
  assertEquals(logProbability(new Float32Array([0, -100]), 0), 0);
  assertEquals(logProbability(new Float32Array([5]), 0), 0);
});

Deno.test("logProbability() copes with tokens far below the best one", () => {
  const logits = new Float32Array([0, -30, -45, -800, -1e30, -Infinity]);
  assertAlmostEquals(logProbability(logits, 0), 0, TOLERANCE);
  assertAlmostEquals(logProbability(logits, 1), -30, TOLERANCE);
  assertAlmostEquals(logProbability(logits, 2), -45, TOLERANCE);
  assertAlmostEquals(logProbability(logits, 3), -800, TOLERANCE);
  assertEquals(logProbability(logits, 4), Math.fround(-1e30));
  assertEquals(logProbability(logits, 5), -Infinity);
});

Deno.test("logProbability() refuses logits that are not numbers", () => {
  for (const bad of [NaN, Infinity]) {
    for (let place = 0; place < 4; place++) {
      const logits = new Float32Array([1, 2, 3, 4]);
      logits[place] = bad;
      for (let id = 0; id < 4; id++) {
        assertThrows(() => logProbability(logits, id), NumericalError, `token ${place} `);
      }
    }
  }
  const nothing = new Float32Array(3).fill(-Infinity);
  assertThrows(() => logProbability(nothing, 0), NumericalError, "all -Infinity");
});

Deno.test("logProbability() refuses a token that is not in the vocabulary", () => {
  for (const id of [-1, 3, 1.5, NaN]) {
    assertThrows(() => logProbability(new Float32Array(3), id), RangeError, `received ${id}.`);
  }
});

function naiveLogSumExp(logits: Float32Array): number {
  const max = Math.max(...logits);
  return max + Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit - max), 0));
}

/** What is known of logits, as an engine tells it. */
function summarize(logits: Float32Array, numLargest: number): LogitsSummary {
  const ids = Int32Array.from(likeliest(logits, numLargest), ({ id }) => id).sort();
  const max = Math.max(...logits);
  return {
    max,
    logOfSum: naiveLogSumExp(logits) - max,
    largest: numLargest === 0
      ? undefined
      : { ids, logits: Float32Array.from(ids, (id) => logits[id]) },
  };
}

Deno.test("logProbability() and likeliest() give the same numbers from a summary, as from all logits", () => {
  for (let seed = 0; seed < 300; seed++) {
    const logits = randomLogits(seed);
    const expected = likeliest(logits, 20);
    for (const numLargest of [0, 20, 21]) {
      const summary = summarize(logits, numLargest);
      const found = likeliest(logits, 20, summary);
      assertEquals(found.map(({ id }) => id), expected.map(({ id }) => id));
      for (const [i, token] of found.entries()) {
        assertEquals(token.logProbability, logProbability(logits, token.id, summary));
        const tolerance = TOLERANCE + Math.abs(summary.max) * 1e-15;
        assertAlmostEquals(token.logProbability, expected[i].logProbability, tolerance);
      }
    }
  }
});

Deno.test("logProbability() sums up all logits where a summary does not tell what they add up to", () => {
  const logits = Float32Array.of(1, 3, 2);
  const summary = { max: 3, logOfSum: undefined, largest: undefined };
  assertEquals(logProbability(logits, 0, summary), logProbability(logits, 0));
  assertEquals(likeliest(logits, 2, summary), likeliest(logits, 2));
});
