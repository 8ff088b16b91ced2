// Ready-made interventions while several texts are written, with weights of different types.

import { assertEquals, assertNotEquals } from "@std/assert";
import type { Interventions } from "../../src/engine/intervention.ts";
import { GPT2 } from "../../src/gpt2.ts";
import { ablate } from "../../src/inspection/ablate.ts";
import type { PlaceOptions } from "../../src/inspection/places.ts";
import { freeze, replace } from "../../src/inspection/replace.ts";
import { steer } from "../../src/inspection/steer.ts";

const prompts = [
  "KING RICHARD III:\nNow is",
  "ROMEO:\n",
  "First Citizen:\nBefore we proceed any further",
];

/** What is done to the texts that the options name. */
async function interventionsOf(
  model: GPT2,
): Promise<[string, (o: PlaceOptions) => Interventions][]> {
  const stream = "blocks.1.residual";
  const weights = [0, 1, 2, 3].map((layer) => `blocks.${layer}.attention.weights`);
  const tokens = model.tokenizer!.encode("O Romeo, Romeo! wherefore art thou Romeo");
  const { activations } = await model.forward(tokens, { capture: [stream, ...weights] });
  const vector = activations!.get(stream)!.data.slice(0, model.config.embeddingDim);
  const attended = "blocks.*.attention.attended";
  return [
    ["ablate", (places) => ({ [attended]: ablate({ ...places, heads: [0, 2] }) })],
    ["steer", (places) => ({ [stream]: steer(vector, 0.5, places) })],
    ["freeze", (places) =>
      Object.fromEntries(
        weights.map((name) => [name, freeze(activations!.get(name)!, places)]),
      )],
    ["replace", (places) => ({
      [stream]: replace(activations!.get(stream)!, {
        ...places,
        positions: [1, 2],
        during: "prompt",
      }),
    })],
  ];
}

for (const type of ["f32", "q8_0", "q4_0"] as const) {
  Deno.test(`interventions in one of several texts write what they write alone, with ${type} weights`, async () => {
    using model = await GPT2.fromPretrained("demo", { type, threads: 1 });
    const options = { maxNewTokens: 10, temperature: 0 };
    const write = (prompts: string[], intervene?: Interventions) =>
      model.generateText(prompts, { ...options, ...intervene && { intervene } });
    const plain = await write(prompts);
    for (const [name, interventionsAt] of await interventionsOf(model)) {
      const changed = await write(prompts, interventionsAt({ texts: [1] }));
      assertEquals([changed[0], changed[2]], [plain[0], plain[2]], name);
      assertNotEquals(changed[1], plain[1], name);
      assertEquals([changed[1]], await write([prompts[1]], interventionsAt({})), name);
    }
  });
}
