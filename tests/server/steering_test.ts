import { assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { steer } from "../../src/inspection/steer.ts";
import { complete, model, post, refusal, serving } from "./serving.ts";

const { embeddingDim } = model.config;
const direction = (seed: number) =>
  Array.from({ length: embeddingDim }, (_, i) => Math.sin(seed * (i + 1)));
const steering = {
  love: { layer: 1, vector: direction(1) },
  war: { layer: 1, vector: direction(2) },
  night: { layer: 2, vector: direction(3) },
};
const body = { prompt: "ROMEO:\nI would the world were mine", max_tokens: 12, temperature: 0 };

Deno.test("a request may add steering vectors, to its prompt and to what follows", async () => {
  using handler = serving({ steering });
  const [{ text: plain }] = (await complete(handler, body)).choices;
  const steered = await complete(handler, { ...body, steer: { love: 3 } });
  const intervene = { "blocks.1.residual": steer(direction(1), 3) };
  const expected = await model.generateText(body.prompt, {
    maxNewTokens: 12,
    greedy: true,
    intervene,
  });
  assertEquals(steered.choices[0].text, expected);
  assertNotEquals(expected, plain);
  // Neither has it got what others have read, nor do others get what it has.
  assertEquals(steered.usage!.prompt_tokens_details.cached_tokens, 0);
  assertEquals((await complete(handler, body)).choices[0].text, plain);
  const several = { ...body, steer: { love: 2, war: -1, night: 1 }, n: 2 };
  const sum = direction(1).map((value, i) => 2 * value - direction(2)[i]);
  const both = {
    "blocks.1.residual": steer(sum),
    "blocks.2.residual": steer(direction(3)),
  };
  const together = await model.generateText(body.prompt, {
    maxNewTokens: 12,
    greedy: true,
    intervene: both,
  });
  assertEquals((await complete(handler, several)).choices.map(({ text }) => text), [
    together,
    together,
  ]);
});

Deno.test("steering vectors that there are not are refused", async () => {
  using handler = serving({ steering });
  const refused = (fields: object) =>
    refusal(handler, post("/v1/completions", { ...body, ...fields }));
  assertEquals((await refused({ steer: { hate: 1 } })).param, "steer");
  assertEquals((await refused({ steer: { love: "much" } })).param, "steer");
  assertEquals((await refused({ steer: { love: 1 }, echo: true, logprobs: 1 })).param, "steer");
  for (
    const wrong of [
      { layer: 4, vector: direction(1) },
      { layer: 1, vector: [1, 2] },
      { layer: 1, vector: direction(1).fill(NaN) },
    ]
  ) assertThrows(() => serving({ steering: { wrong } }), Error, '"wrong"');
});
