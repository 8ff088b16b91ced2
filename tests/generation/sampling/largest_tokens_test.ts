// Choosing from the largest logits alone.

import { assert, assertEquals, assertThrows } from "@std/assert";
import type { LargestTokens } from "../../../src/engine/logits_summary.ts";
import { Sampler } from "../../../src/generation/sampling/sampler.ts";
import type { SamplingOptions } from "../../../src/generation/sampling/sampling_options.ts";
import { randomLogits } from "./random_logits.ts";

/** Options for which some of the largest logits decide. */
const options: SamplingOptions[] = (["huggingface", "llama.cpp"] as const).flatMap((order) => [
  { greedy: true },
  { temperature: 0, topK: 3 },
  ...[1, 2, 50].flatMap((topK) => [
    { order, topK },
    { order, topK, temperature: 0.3 },
    { order, topK, temperature: 1e-30 },
    { order, topK, topP: 0.8 },
    { order, topK, minP: 0.1, temperature: 1.5 },
    { order, topK, typicalP: 0.7 },
    { order, topK, temperature: 2, topP: 0.9, minP: 0.01, typicalP: 0.8 },
  ]),
]);

/** The `count` largest logits; nothing where there are not so many, or others equal the last but one. */
function largestOf(logits: Float32Array, count: number): LargestTokens | undefined {
  const ids = [...logits.keys()].sort((a, b) => logits[b] - logits[a]).slice(0, count);
  const [beyond, last] = ids.map((id) => logits[id]).reverse();
  if (ids.length < count || beyond === last || beyond === -Infinity) return undefined;
  const sorted = Int32Array.from(ids).sort();
  return { ids: sorted, logits: Float32Array.from(sorted, (id) => logits[id]) };
}

Deno.test("Sampler draws the same tokens from the largest logits as from all", () => {
  let numCompared = 0;
  for (const option of options) {
    for (let seed = 0; seed < 60; seed++) {
      const logits = randomLogits(seed);
      const [one, two] = [0, 1].map(() => new Sampler({ ...option, seed }, logits.length));
      for (const more of [1, 20]) {
        const largest = largestOf(logits, one.numDecisiveLogits! + more);
        if (largest === undefined) continue;
        numCompared++;
        for (let draw = 0; draw < 5; draw++) {
          const message = `${JSON.stringify(option)}, logits ${seed}`;
          assertEquals(one.sample(largest, []), two.sample(logits, []), message);
        }
      }
    }
  }
  assert(numCompared > 1000);
});

Deno.test("Sampler refuses to choose from the largest logits where others may decide", () => {
  const largest = largestOf(Float32Array.of(5, 1, 4, 2, 3), 3)!;
  assert([0, 2].includes(new Sampler({ topK: 2 }, 5).sample(largest, [])));
  for (const option of [{ topK: 0 }, { topK: 2, repetitionPenalty: 2 }]) {
    assertThrows(
      () => new Sampler(option, 5).sample(largest, []),
      TypeError,
      "all logits are needed",
    );
  }
  assertThrows(
    () => new Sampler({ topK: 3 }, 5).sample(largest, []),
    TypeError,
    "4 logits are needed",
  );
  const allowed = Uint32Array.of(31);
  assertThrows(
    () => new Sampler({ topK: 2 }, 5).sample(largest, [], 0, allowed),
    TypeError,
    "all logits are needed",
  );
});
