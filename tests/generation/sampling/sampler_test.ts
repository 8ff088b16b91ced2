import {
  assert,
  assertEquals,
  assertGreater,
  assertLess,
  assertNotEquals,
  assertThrows,
} from "@std/assert";
import { NumericalError } from "../../../src/base/errors.ts";
import { Sampler } from "../../../src/generation/sampling/sampler.ts";
import type { SamplingOptions } from "../../../src/generation/sampling/sampling_options.ts";
import { Random } from "../../../src/base/random.ts";
import { assertClose } from "../../close.ts";
import { chiSquare, criticalChiSquare } from "./chi_square.ts";
import {
  naiveMinP,
  naiveProbabilities,
  naiveTemperature,
  naiveTopK,
  naiveTopP,
  naiveTypicalP,
  tokensOf,
} from "./naive_sampling.ts";
import { randomLogits } from "./random_logits.ts";

/** What scripts/make_sampling_reference.py writes. */
interface Reference {
  /** Of Hugging Face, in our names. */
  defaults: SamplingOptions;
  /** `null` stands for `-Infinity`. */
  inputs: { name: string; logits: (number | null)[]; history: number[] }[];
  cases: { input: number; options: SamplingOptions; ids: number[]; probabilities: number[] }[];
}

const reference: Reference = JSON.parse(
  Deno.readTextFileSync(new URL("../../fixtures/sampling/huggingface.json", import.meta.url)),
);

/** The reference is rounded to six digits, and computed from scores that are 32-bit floats. */
const REFERENCE_TOLERANCE = 2e-6;

/** Our exponential is exact to 2e-8, and the sum is of as many of them as it is divided by. */
const PROBABILITY_TOLERANCE = 1e-7;

const NO_FILTERS: SamplingOptions = { topK: 0 };

Deno.test("Sampler gives the distributions of Hugging Face transformers", () => {
  assertGreater(reference.cases.length, 100);
  for (const { input, options, ids, probabilities } of reference.cases) {
    const { name, logits, history } = reference.inputs[input];
    const values = Float32Array.from(logits, (logit) => logit ?? -Infinity);
    const sampler = new Sampler({ ...NO_FILTERS, ...options }, values.length);
    const distribution = sampler.distribution(values, history);
    const what = `${JSON.stringify(options)} of ${name}`;
    assertEquals(Array.from(distribution.ids), ids, what);
    assertClose(distribution.probabilities, probabilities, REFERENCE_TOLERANCE, what);
  }
});

Deno.test("Sampler has the defaults of Hugging Face transformers", () => {
  const { settings } = new Sampler({}, 10);
  assertEquals({ ...settings, ...reference.defaults }, settings);
});

for (const order of ["huggingface", "llama.cpp"] as const) {
  Deno.test(`Sampler applies all filters in the order of ${order}`, () => {
    for (let seed = 0; seed < 200; seed++) {
      const logits = randomLogits(seed);
      const options = { temperature: 1.7, topK: 60, topP: 0.9123, minP: 0.0123, typicalP: 0.8765 };
      const filters = {
        temperature: naiveTemperature(options.temperature),
        topK: naiveTopK(options.topK),
        topP: naiveTopP(options.topP),
        minP: naiveMinP(options.minP),
        typicalP: naiveTypicalP(options.typicalP),
      };
      const inOrder = order === "huggingface"
        ? [filters.temperature, filters.topK, filters.topP, filters.minP, filters.typicalP]
        : [filters.topK, filters.typicalP, filters.topP, filters.minP, filters.temperature];
      let tokens = tokensOf(logits);
      for (const filter of inOrder) tokens = filter(tokens);
      const expected = naiveProbabilities(tokens);

      const sampler = new Sampler({ ...options, order }, logits.length);
      const { ids, probabilities } = sampler.distribution(logits, []);
      assertEquals(Array.from(ids), tokens.map(({ id }) => id), `logits ${seed}`);
      assertClose(probabilities, expected, PROBABILITY_TOLERANCE);
    }
  });
}

Deno.test("the two orders give different distributions", () => {
  const logits = Float32Array.from({ length: 50 }, (_, i) => Math.sin(i) * 4);
  const options: SamplingOptions = { temperature: 3, topP: 0.8 };
  const first = new Sampler({ ...options, order: "huggingface" }, 50).distribution(logits, []);
  const second = new Sampler({ ...options, order: "llama.cpp" }, 50).distribution(logits, []);
  assertGreater(first.ids.length, second.ids.length);
});

Deno.test("min-p after typical goes by the best token that is left", () => {
  // One token with half of the probability, which is not typical, and 64 that share the other half, which are.
  const logits = new Float32Array(65).fill(-Math.log(64));
  logits[10] = 0;
  const options = { topK: 0, typicalP: 0.4, minP: 0.9 };
  const sampler = new Sampler({ ...options, order: "llama.cpp" }, 65);
  const { ids, probabilities } = sampler.distribution(logits, []);
  assertEquals([ids.length, ids.includes(10)], [64, false]);
  assertClose(probabilities, new Array(64).fill(1 / 64), PROBABILITY_TOLERANCE);
});

Deno.test("presence and frequency penalties work without each other, and with neither", () => {
  const expected: [options: SamplingOptions, best: number][] = [
    [{}, 0],
    [{ presencePenalty: 0.2 }, 1],
    [{ frequencyPenalty: 0.04 }, 0],
    [{ frequencyPenalty: 0.06 }, 1],
    [{ presencePenalty: 0.2, frequencyPenalty: -0.06 }, 0],
  ];
  for (const [options, best] of expected) {
    const sampler = new Sampler({ greedy: true, ...options }, 2);
    assertEquals(sampler.sample(new Float32Array([0.1, 0]), [1, 1, 1, 0, 0], 3), best);
  }
});

Deno.test("Sampler draws each token as often as its probability says", () => {
  for (
    const options of [{}, { temperature: 0.7, topP: 0.9 }, { topK: 5 }, { minP: 0.1, seed: 2 }]
  ) {
    const { counts, probabilities } = drawMany({ ...NO_FILTERS, seed: 1, ...options });
    assertLess(chiSquare(counts, probabilities), criticalChiSquare(probabilities.length));
  }
});

Deno.test("the chi-square test rejects draws from a slightly different distribution", () => {
  const { counts } = drawMany({ ...NO_FILTERS, temperature: 1.05, seed: 1 });
  const { probabilities } = new Sampler(NO_FILTERS, LOGITS.length).distribution(LOGITS, []);
  assertGreater(chiSquare(counts, probabilities), criticalChiSquare(probabilities.length));
});

Deno.test("Sampler is greedy with greedy, temperature 0, or topK 1", () => {
  for (let seed = 0; seed < 50; seed++) {
    const logits = randomLogits(seed);
    const best = logits.indexOf(Math.max(...logits));
    for (
      const options of [{ greedy: true }, { temperature: 0 }, { temperature: 0, typicalP: 0.1 }]
    ) {
      assertEquals(new Sampler(options, logits.length).sample(logits, []), best);
    }
    const drawn = new Sampler({ topK: 1 }, logits.length).sample(logits, []);
    assertEquals(logits[drawn], logits[best]);
  }
});

Deno.test("greedy decoding heeds the penalties and the bias", () => {
  const logits = new Float32Array([2, 1.9, 1.8, 1.7]);
  assertEquals(new Sampler({ greedy: true, repetitionPenalty: 1.5 }, 4).sample(logits, [0, 1]), 2);
  assertEquals(new Sampler({ greedy: true, logitBias: { 3: 1 } }, 4).sample(logits, []), 3);
  assertEquals(new Sampler({ greedy: true, noRepeatNgramSize: 2 }, 4).sample(logits, [1, 0, 1]), 1);
});

Deno.test("Sampler does not change the logits", () => {
  const copy = LOGITS.slice();
  const options = { repetitionPenalty: 1.3, presencePenalty: 1, noRepeatNgramSize: 1, topK: 3 };
  new Sampler({ ...options, logitBias: { 2: -Infinity } }, LOGITS.length).sample(LOGITS, [1, 2, 3]);
  assertEquals(LOGITS, copy);
});

Deno.test("the same seed gives the same tokens, and another seed others", () => {
  const first = drawSome(new Sampler({ seed: 7 }, LOGITS.length));
  assertEquals(drawSome(new Sampler({ seed: 7 }, LOGITS.length)), first);
  assertNotEquals(drawSome(new Sampler({ seed: 8 }, LOGITS.length)), first);
  // The same on every machine: a change here breaks what users have published with a seed.
  assertEquals(first.slice(0, 8), [11, 9, 3, 14, 21, 19, 21, 21]);
});

Deno.test("without a seed, each sampler has its own, which can be asked for", () => {
  const first = new Sampler({}, LOGITS.length);
  const second = new Sampler({}, LOGITS.length);
  assertNotEquals(first.settings.seed, second.settings.seed);
  const { seed } = first.settings;
  assertEquals(drawSome(new Sampler({ seed }, LOGITS.length)), drawSome(first));
});

Deno.test("reset() starts the random numbers over", () => {
  const sampler = new Sampler({ seed: 7 }, LOGITS.length);
  const first = drawSome(sampler);
  assertNotEquals(drawSome(sampler), first);
  sampler.reset();
  assertEquals(drawSome(sampler), first);

  const fork = sampler.fork(3);
  const firstOfFork = drawSome(fork);
  fork.reset();
  assertEquals(drawSome(fork), firstOfFork);
});

Deno.test("fork() gives streams that do not depend on each other", () => {
  const sampler = new Sampler({ seed: 7 }, LOGITS.length);
  const alone = drawSome(sampler.fork(1));
  assertEquals(drawSome(sampler.fork(0)), drawSome(new Sampler({ seed: 7 }, LOGITS.length)));
  assertNotEquals(drawSome(sampler.fork(2)), alone);
  const [one, two] = [sampler.fork(1), sampler.fork(2)];
  const interleaved = Array.from({ length: 40 }, () => {
    two.sample(LOGITS, []);
    return one.sample(LOGITS, []);
  });
  assertEquals(interleaved, alone);
  assertThrows(() => sampler.fork(-1), RangeError, "received -1");
});

Deno.test("the choice does not depend on what was sampled before", () => {
  const used = new Sampler({ greedy: true, frequencyPenalty: 0.5, repetitionPenalty: 1.1 }, 40);
  const random = new Random(1);
  for (let round = 0; round < 50; round++) {
    const logits = Float32Array.from({ length: 40 }, () => random.normal());
    const history = Array.from({ length: 30 }, () => Math.floor(random.next() * 40));
    const unused = new Sampler(used.settings, 40);
    assertEquals(used.sample(logits, history, 10), unused.sample(logits, history, 10));
  }
});

Deno.test("Sampler refuses logits that are not numbers, whatever the options", () => {
  const all: SamplingOptions[] = [
    { greedy: true },
    {},
    { topK: 0 },
    { topK: 3 },
    { topK: 0, topP: 0.9 },
    { topK: 0, minP: 0.1 },
    { topK: 0, typicalP: 0.9 },
    { order: "llama.cpp", topK: 5, topP: 0.9 },
    // A ban must not hide it.
    { topK: 0, noRepeatNgramSize: 1, repetitionPenalty: 1.2, presencePenalty: 1 },
    { topK: 0, logitBias: { 0: -Infinity, 5: -Infinity, 39: -Infinity } },
  ];
  for (const options of all) {
    const sampler = new Sampler(options, 40);
    for (const bad of [NaN, Infinity]) {
      for (const place of [0, 5, 39]) {
        const logits = new Float32Array(40).map((_, i) => i % 7);
        logits[place] = bad;
        assertThrows(() => sampler.sample(logits, [0, 5, 39]), NumericalError, `token ${place} `);
      }
    }
    const nothing = new Float32Array(40).fill(-Infinity);
    assertThrows(() => sampler.sample(nothing, []), NumericalError, "all -Infinity");
    // It works again afterwards.
    assert(sampler.sample(new Float32Array(40), []) < 40);
  }
});

Deno.test("Sampler refuses to choose when every token is banned", () => {
  const sampler = new Sampler({ noRepeatNgramSize: 1 }, 3);
  assertEquals(sampler.sample(new Float32Array(3), [0, 2]), 1);
  assertThrows(() => sampler.sample(new Float32Array(3), [0, 2, 1]), NumericalError, "Loosen");
});

Deno.test("Sampler never draws a banned token", () => {
  const sampler = new Sampler(
    { topK: 0, temperature: 100, logitBias: { 1: -Infinity }, seed: 1 },
    4,
  );
  for (let i = 0; i < 1000; i++) assertNotEquals(sampler.sample(new Float32Array(4), []), 1);
});

Deno.test("Sampler refuses a number of logits that is not the vocabulary size", () => {
  const sampler = new Sampler({}, 50_257);
  for (const length of [0, 50_256, 50_304]) {
    const error = assertThrows(() => sampler.sample(new Float32Array(length), []), TypeError);
    assert(error.message.includes(`50257: received ${length}.`), error.message);
  }
});

Deno.test("Sampler refuses a vocabulary size that is not a positive integer", () => {
  for (const size of [0, -1, 1.5, NaN, Infinity]) {
    assertThrows(() => new Sampler({}, size), RangeError, `received ${size}.`);
  }
});

Deno.test("Sampler checks its options", () => {
  assertThrows(() => new Sampler({ topP: 2 }, 10), RangeError, "topP");
  assertThrows(() => new Sampler({ logitBias: { 10: 1 } }, 10), RangeError, "below 10");
  assertThrows(() => new Sampler({ top_k: 5 } as SamplingOptions, 10), TypeError, "topK");
});

Deno.test("Sampler names the option that has made a logit infinite", () => {
  const tooMuch: SamplingOptions[] = [
    { repetitionPenalty: 1e-320 },
    { presencePenalty: -1e308 },
    { frequencyPenalty: -1e308 },
    { logitBias: { 1: 1e308 } },
  ];
  for (const options of tooMuch) {
    const sampler = new Sampler(options, 2);
    const [name] = Object.keys(options);
    assertThrows(() => sampler.sample(Float32Array.of(1, 2), [1]), NumericalError, name);
  }
  const tooLittle: SamplingOptions[] = [
    { repetitionPenalty: 1e308 },
    { presencePenalty: 1e308 },
    { frequencyPenalty: 1e308 },
    { logitBias: { 0: -Infinity, 1: -1e308 } },
    { noRepeatNgramSize: 1 },
  ];
  for (const options of tooLittle) {
    const sampler = new Sampler(options, 2);
    const [name] = Object.keys(options);
    assertThrows(() => sampler.sample(Float32Array.of(-1, -2), [0, 1]), NumericalError, name);
  }
});

const LOGITS = Float32Array.from({ length: 30 }, (_, i) => 2 * Math.sin(i * i));

function drawSome(sampler: Sampler): number[] {
  return Array.from({ length: 40 }, () => sampler.sample(LOGITS, []));
}

function drawMany(options: SamplingOptions): { counts: number[]; probabilities: Float64Array } {
  const sampler = new Sampler(options, LOGITS.length);
  const { ids, probabilities } = sampler.distribution(LOGITS, []);
  const counts = new Array(LOGITS.length).fill(0);
  for (let i = 0; i < 50_000; i++) counts[sampler.sample(LOGITS, [])]++;
  const total = Array.from(ids, (id) => counts[id]).reduce((sum, count) => sum + count, 0);
  assertEquals(total, 50_000, "only candidates are drawn");
  return { counts: Array.from(ids, (id) => counts[id]), probabilities };
}
