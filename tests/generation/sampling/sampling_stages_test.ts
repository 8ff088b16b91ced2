import { assert, assertEquals, assertThrows } from "@std/assert";
import { Sampler } from "../../../src/generation/sampling/sampler.ts";
import type { SamplingOptions } from "../../../src/generation/sampling/sampling_options.ts";
import { samplingStages } from "../../../src/generation/sampling/sampling_stages.ts";
import { Random } from "../../../src/base/random.ts";

const random = new Random(1);
const logits = Float32Array.from({ length: 300 }, () => 2 * random.normal());
const history = [3, 4, 3, 7, 3];
const NUM_PROMPT_TOKENS = 2;

const stagesOf = (options: SamplingOptions) =>
  samplingStages(options, logits, history, NUM_PROMPT_TOKENS);

const everything: SamplingOptions = {
  logitBias: { 5: 2, 6: -Infinity },
  repetitionPenalty: 1.2,
  presencePenalty: 0.3,
  frequencyPenalty: 0.2,
  noRepeatNgramSize: 2,
  temperature: 0.8,
  topK: 100,
  topP: 0.9,
  minP: 0.01,
  typicalP: 0.8,
};

for (const order of ["huggingface", "llama.cpp"] as const) {
  Deno.test(`samplingStages() ends with what the sampler draws from, in the order of ${order}`, () => {
    const options = { ...everything, order };
    const stages = stagesOf(options);
    const { ids, probabilities } = new Sampler(options, logits.length)
      .distribution(logits, history, NUM_PROMPT_TOKENS);
    const last = stages.at(-1)!;
    assertEquals(last.ids, ids);
    assertEquals(last.probabilities, probabilities);
    const penalties = Object.keys(everything).slice(0, 5);
    const filters = order === "huggingface"
      ? ["temperature", "topK", "topP", "minP", "typicalP"]
      : ["topK", "typicalP", "topP", "minP", "temperature"];
    assertEquals(stages.map(({ name }) => name) as string[], [...penalties, ...filters]);
    assertEquals(stages[0].value, 2);
    assertEquals(stages[1].value, 1.2);
  });
}

Deno.test("samplingStages() shows what each stage takes away", () => {
  const [bias, topK, topP] = stagesOf({ logitBias: { 6: -Infinity }, topK: 40, topP: 0.5 });
  assertEquals([bias.ids.length, topK.ids.length], [299, 40]);
  assert(!bias.ids.includes(6));
  assert(topP.ids.length < 40 && topP.ids.every((id) => topK.ids.includes(id)));
});

Deno.test("samplingStages() has none for options that change nothing, and one where the choice is greedy", () => {
  assertEquals(stagesOf({ topK: 0, seed: 7, order: "llama.cpp" }), []);
  assertEquals(stagesOf({}).map(({ name, value }) => [name, value]), [["topK", 50]]);
  for (const options of [{ greedy: true }, { temperature: 0 }]) {
    const [{ name, ids, probabilities }, ...more] = stagesOf({ ...options, topP: 0.5 });
    assertEquals([name, ids.length, [...probabilities], more], ["greedy", 1, [1], []]);
  }
});

Deno.test("samplingStages() refuses what the sampler refuses", () => {
  assertThrows(() => stagesOf({ topP: 2 }), RangeError, "topP");
  assertThrows(() => stagesOf({ topQ: 2 } as SamplingOptions), TypeError, "topQ");
});
