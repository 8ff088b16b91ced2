/** Requests that differ in nothing but what changes the numbers, all at once. */
import { assertEquals } from "@std/assert";
import { randomAdapter } from "../model/random_adapter.ts";
import { type Completion, events, model, post, serving } from "./serving.ts";

const adapterOf = (seed: number) =>
  model.loadAdapter(randomAdapter(model.config, { rank: 4, targets: ["mlpProjection"], seed }));
const adapters = { love: await adapterOf(1), war: await adapterOf(2) };
const vector = Array.from({ length: model.config.embeddingDim }, (_, i) => Math.sin(i + 1));
const steering = { night: { layer: 1, vector } };
const BODY = { prompt: "ROMEO:\nI would the world were mine", max_tokens: 16, logprobs: 2 };

const WAYS: readonly object[] = [
  {},
  { model: "love" },
  { adapters: { love: 0.5, war: -1 } },
  {
    steer: { night: 3 },
  },
  { steer: { night: -2 }, model: "war" },
  { regex: "[ab ]{1,40}" },
  { temperature: 0 },
  {
    repetition_penalty: 1.5,
  },
];

const bodies = WAYS.flatMap((way) =>
  [1, 2, 3].map((seed) => ({ ...BODY, ...way, seed, stream: seed === 2 }))
);

/** The text, its tokens and their numbers. */
async function answerTo(handler: ReturnType<typeof serving>, body: (typeof bodies)[number]) {
  const response = await handler(post("/v1/completions", body));
  assertEquals(response.status, 200);
  const parts: readonly Completion[] = body.stream
    ? await events(response)
    : [await response.json()];
  const choices = parts.flatMap(({ choices }) => choices);
  return {
    text: choices.map(({ text }) => text).join(""),
    numbers: choices.flatMap(({ logprobs }) => logprobs?.token_logprobs ?? []),
  };
}

Deno.test("with adapters, steering, constraints and seeds at once, each is what it is alone", async () => {
  const alone = [];
  for (const body of bodies) {
    using handler = serving({ adapters, steering });
    alone.push(await answerTo(handler, body));
  }
  using handler = serving({ adapters, steering, maxTexts: 8 });
  for (let round = 0; round < 2; round++) {
    const together = await Promise.all(bodies.map((body) => answerTo(handler, body)));
    assertEquals(together.map(({ text }) => text), alone.map(({ text }) => text));
    for (const [i, { numbers }] of together.entries()) {
      assertEquals(numbers, alone[i].numbers);
    }
  }
  assertEquals(new Set(alone.map(({ text }) => text)).size > bodies.length / 2, true);
});
