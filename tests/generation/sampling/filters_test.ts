import { assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { NumericalError } from "../../../src/base/errors.ts";
import { Candidates } from "../../../src/generation/sampling/candidates.ts";
import {
  best,
  type Filter,
  minP,
  temperature,
  topK,
  topP,
  typicalP,
} from "../../../src/generation/sampling/filters.ts";
import {
  type NaiveFilter,
  naiveMinP,
  naiveTemperature,
  naiveTopK,
  naiveTopP,
  naiveTypicalP,
  tokensOf,
} from "./naive_sampling.ts";
import { randomLogits } from "./random_logits.ts";

const NUM_TRIALS = 150;

const filters: Record<
  string,
  { filter: (x: number) => Filter; naive: (x: number) => NaiveFilter; values: number[] }
> = {
  topK: { filter: topK, naive: naiveTopK, values: [1, 2, 3, 10, 50, 299, 1999, 100_000] },
  // Not such that a number of equally likely tokens holds just that much: rounding would decide then.
  topP: {
    filter: topP,
    naive: naiveTopP,
    values: [1e-9, 0.1234, 0.5123, 0.9012, 0.9901, 0.999912],
  },
  minP: { filter: minP, naive: naiveMinP, values: [1e-6, 0.01234, 0.1234, 0.5123, 0.9876, 1] },
  typicalP: {
    filter: typicalP,
    naive: naiveTypicalP,
    values: [1e-9, 0.1234, 0.5123, 0.9012, 0.9901],
  },
};

for (const [name, { filter, naive, values }] of Object.entries(filters)) {
  Deno.test(`${name}() keeps the tokens that a naive implementation keeps`, () => {
    for (let seed = 0; seed < NUM_TRIALS; seed++) {
      const logits = randomLogits(seed);
      for (const value of values) {
        const expected = naive(value)(tokensOf(logits)).map(({ id }) => id);
        assertEquals(kept(logits, filter(value)), expected, `${name}(${value}) of logits ${seed}`);
      }
    }
  });

  Deno.test(`${name}() after temperature() keeps the tokens that a naive implementation keeps`, () => {
    for (let seed = 0; seed < NUM_TRIALS / 3; seed++) {
      const logits = randomLogits(seed);
      for (const degree of [0.05, 0.7, 2, 100]) {
        for (const value of values) {
          const tokens = naiveTemperature(degree)(tokensOf(logits));
          const expected = naive(value)(tokens).map(({ id }) => id);
          const actual = kept(logits, temperature(degree), filter(value));
          assertEquals(actual, expected, `${name}(${value}) at ${degree} of logits ${seed}`);
        }
      }
    }
  });

  Deno.test(`${name}() gives the same when it is used again`, () => {
    const used = filter(values[1]);
    const candidates = new Candidates(2000);
    for (let seed = 0; seed < NUM_TRIALS; seed++) {
      const logits = randomLogits(seed);
      if (logits.length !== 2000) continue;
      candidates.load(logits);
      used(candidates);
      const again = Array.from(candidates.ids.subarray(0, candidates.size));
      assertEquals(again, kept(logits, filter(values[1])));
    }
  });

  Deno.test(`${name}() does not change the logits it is given`, () => {
    const logits = randomLogits(5);
    const copy = logits.slice();
    kept(logits, filter(values[1]));
    assertEquals(logits, copy);
  });
}

Deno.test("topK() keeps all that equal the last one", () => {
  assertEquals(kept([3, 1, 2, 2, 2, 0], topK(2)), [0, 2, 3, 4]);
  assertEquals(kept([1, 1, 1], topK(1)), [0, 1, 2]);
});

Deno.test("topP() keeps the token that reaches the mass, and no more", () => {
  const logits = [0.5, 0.25, 0.125, 0.125].map(Math.log);
  assertEquals(kept(logits, topP(0.49)), [0]);
  assertEquals(kept(logits, topP(0.51)), [0, 1]);
  assertEquals(kept(logits, topP(0.74)), [0, 1]);
  assertEquals(kept(logits, topP(0.76)), [0, 1, 3]);
  assertEquals(kept(logits, topP(0.9)), [0, 1, 2, 3]);
});

Deno.test("topP() splits equally likely tokens, keeping those with higher ids", () => {
  assertEquals(kept([0, 0, 0, 0], topP(0.5)), [2, 3]);
  assertEquals(kept([0, 0, 0, 0], topP(0.51)), [1, 2, 3]);
  assertEquals(kept([1, 2, 1, 2, 1], topP(1e-9)), [3]);
  const all = kept(new Float32Array(50_257), topP(0.5));
  assertEquals([all.length, all[0], all.at(-1)], [25_129, 25_128, 50_256]);
});

Deno.test("topP() keeps as many equally likely tokens as reach the mass exactly", () => {
  for (
    const [size, share, count] of [[20, 0.3, 6], [20, 0.9, 18], [1000, 0.1, 100], [7, 3 / 7, 3]]
  ) {
    assertEquals(kept(new Float32Array(size), topP(share)).length, count);
  }
});

Deno.test("typicalP() may drop the best token", () => {
  // One token with half of the probability, and 64 that share the other half: those are nearer to the entropy.
  const logits = new Float32Array(65).fill(-Math.log(64));
  logits[10] = 0;
  const left = kept(logits, typicalP(0.4));
  assertEquals([left.length, left.includes(10)], [64, false]);
});

Deno.test("the filters cope with the smallest and the largest temperatures", () => {
  const logits = [1, 3, 2, 3, -Infinity];
  for (const degree of [5e-324, 1e-300, 1e-10]) {
    assertEquals(kept(logits, temperature(degree), topP(0.9)), [1, 3]);
    assertEquals(kept(logits, temperature(degree), minP(0.1)), [1, 3]);
    assertEquals(kept(logits, temperature(degree), typicalP(0.9)), [1, 3]);
    assertEquals(kept(logits, temperature(degree), topK(2)), [1, 3]);
  }
  for (const degree of [1e10, Number.MAX_VALUE]) {
    assertEquals(kept(logits, temperature(degree), topP(0.9)), [0, 1, 2, 3]);
    assertEquals(kept(logits, temperature(degree), minP(0.9)), [0, 1, 2, 3]);
    assertEquals(kept(logits, temperature(degree), typicalP(0.9)), [0, 1, 2, 3]);
    assertEquals(kept(logits, temperature(degree), topK(2)), [1, 3]);
  }
});

Deno.test("best() keeps the first of the best tokens", () => {
  assertEquals(kept([1, 3, 3, 2], best), [1]);
  assertEquals(kept([-Infinity, -1e30], best), [1]);
});

Deno.test("the filters refuse NaN, Infinity and logits that are all -Infinity", () => {
  const all = [best, topK(2), topP(0.9), minP(0.1), typicalP(0.9)];
  for (const filter of all) {
    for (const bad of [NaN, Infinity]) {
      for (let place = 0; place < 9; place++) {
        const logits = new Float32Array(9).map((_, i) => i % 4);
        logits[place] = bad;
        const error = assertThrows(() => kept(logits, filter), NumericalError, `token ${place} `);
        assertEquals(error.message.includes(String(bad)), true);
      }
    }
    assertThrows(
      () => kept([-Infinity, -Infinity, -Infinity], filter),
      NumericalError,
      "-Infinity",
    );
  }
});

Deno.test("the naive filters differ from each other, so that comparing with them means something", () => {
  const tokens = tokensOf(Float32Array.from({ length: 40 }, (_, i) => Math.sin(i) * 2));
  const results = [naiveTopK(20), naiveTopP(0.8), naiveMinP(0.2), naiveTypicalP(0.8)]
    .map((filter) => filter(tokens).map(({ id }) => id).join());
  assertEquals(new Set(results).size, 4);
  assertNotEquals(naiveTopP(0.8)(tokens), naiveTopP(0.81)(tokens));
});

function kept(logits: ArrayLike<number>, ...filters: Filter[]): number[] {
  const candidates = new Candidates(logits.length);
  candidates.load(Float32Array.from(logits));
  for (const filter of filters) filter(candidates);
  return Array.from(candidates.ids.subarray(0, candidates.size));
}
