import { assertEquals, assertThrows } from "@std/assert";
import { Random } from "../../../src/base/random.ts";
import { Sampler } from "../../../src/generation/sampling/sampler.ts";
import type { SamplingOptions } from "../../../src/generation/sampling/sampling_options.ts";
import { addToken, hasToken } from "../../../src/generation/sampling/token_mask.ts";

const SIZE = 1000;

function randomMask(random: Random, share: number): Uint32Array {
  const mask = new Uint32Array(Math.ceil(SIZE / 32));
  for (let id = 0; id < SIZE; id++) if (random.next() < share) addToken(mask, id);
  addToken(mask, 3);
  return mask;
}

Deno.test("Sampler draws from what is allowed as if all other logits were -Infinity", () => {
  const random = new Random(1);
  const options: SamplingOptions[] = [
    { topK: 0 },
    { greedy: true },
    { topK: 5 },
    { topK: 500, topP: 0.8 },
    { topK: 0, minP: 0.3, temperature: 0.7 },
    { topK: 0, typicalP: 0.6 },
    { order: "llama.cpp", topK: 40, typicalP: 0.9, topP: 0.9, temperature: 2 },
    { repetitionPenalty: 1.4, presencePenalty: 0.4, frequencyPenalty: 0.2, noRepeatNgramSize: 2 },
    { logitBias: { 3: 2, 7: -Infinity } },
  ];
  for (const option of options) {
    const sampler = new Sampler({ ...option, seed: 1 }, SIZE);
    for (const share of [0, 0.01, 0.5, 0.99, 1]) {
      const logits = Float32Array.from({ length: SIZE }, () => 3 * random.normal());
      const mask = randomMask(random, share);
      const masked = logits.map((logit, id) => hasToken(mask, id) ? logit : -Infinity);
      const history = [3, 9, 9, 12, 3];
      assertEquals(
        sampler.distribution(logits, history, 1, mask),
        sampler.distribution(masked, history, 1),
        `${JSON.stringify(option)} ${share}`,
      );
      assertEquals(hasToken(mask, sampler.sample(logits, history, 1, mask)), true);
      // Nothing of it is left behind.
      assertEquals(
        sampler.distribution(logits, history, 1),
        new Sampler({ ...option, seed: 1 }, SIZE).distribution(logits, history, 1),
      );
    }
  }
});

Deno.test("a mask may have tokens behind the end of the vocabulary, which are not drawn", () => {
  const sampler = new Sampler({ topK: 0, seed: 1 }, 40);
  const mask = new Uint32Array(3).fill(0xffffffff);
  const { ids } = sampler.distribution(new Float32Array(40), [], 0, mask);
  assertEquals([...ids], Array.from({ length: 40 }, (_, id) => id));
});

Deno.test("a mask that is shorter than the vocabulary allows nothing behind its end", () => {
  const sampler = new Sampler({ topK: 0, seed: 1 }, SIZE);
  const mask = new Uint32Array(2);
  addToken(mask, 63);
  addToken(mask, 5);
  assertEquals([...sampler.distribution(new Float32Array(SIZE), [], 0, mask).ids], [5, 63]);
});

Deno.test("Sampler refuses to choose where nothing is allowed", () => {
  const sampler = new Sampler({ seed: 1 }, SIZE);
  assertThrows(
    () => sampler.sample(new Float32Array(SIZE), [], 0, new Uint32Array(4)),
    RangeError,
    "none is allowed",
  );
});
