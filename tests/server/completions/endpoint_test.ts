import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { complete, type Completion, events, model, post, serving } from "../serving.ts";

const PROMPT = "ROMEO:\nI would the world were mine";
const tokens = model.tokenizer!.encode(PROMPT);

Deno.test("completions continue a text as generate() does", async () => {
  using handler = serving();
  const body = { model: "demo", prompt: PROMPT, max_tokens: 12, seed: 3, top_k: 50 };
  const { object, choices, usage } = await complete(handler, body);
  const text = await model.generateText(PROMPT, { maxNewTokens: 12, seed: 3 });
  assertEquals(object, "text_completion");
  assertEquals(choices, [{ text, index: 0, logprobs: null, finish_reason: "length" }]);
  assertEquals(usage, {
    prompt_tokens: tokens.length,
    completion_tokens: 12,
    total_tokens: tokens.length + 12,
    prompt_tokens_details: { cached_tokens: 0 },
  });
});

Deno.test("completions take texts, tokens, and lists of either", async () => {
  using handler = serving();
  const body = { max_tokens: 4, temperature: 0 };
  const [one] = (await complete(handler, { ...body, prompt: PROMPT })).choices;
  const other = (await complete(handler, { ...body, prompt: "JULIET:" })).choices[0];
  for (
    const prompt of [tokens, [PROMPT, "JULIET:"], [tokens, model.tokenizer!.encode("JULIET:")]]
  ) {
    const { choices } = await complete(handler, { ...body, prompt });
    const expected = [one, { ...other, index: 1 }];
    assertEquals(choices, expected.slice(0, choices.length));
  }
});

Deno.test("completions write several texts for each prompt, and choose the best", async () => {
  using handler = serving();
  const body = { prompt: [PROMPT, PROMPT], max_tokens: 5, seed: 1, logprobs: 0 };
  const all = (await complete(handler, { ...body, n: 4 })).choices;
  assertEquals(all.map(({ index }) => index), [0, 1, 2, 3, 4, 5, 6, 7]);
  assertEquals(new Set(all.map(({ text }) => text)).size, 8, "equal prompts go on differently");
  const best = await complete(handler, { ...body, n: 1, best_of: 4 });
  assertEquals(best.usage!.completion_tokens, 40);
  for (const [i, { text }] of best.choices.entries()) {
    const own = all.slice(4 * i, 4 * i + 4).toSorted((a, b) => mean(b) - mean(a));
    assertEquals(text, own[0].text);
  }
});

function mean({ logprobs }: Completion["choices"][0]): number {
  return logprobs!.token_logprobs.reduce((sum: number, value) => sum + value!, 0) /
    logprobs!.tokens.length;
}

Deno.test("echo comes with the log-probabilities of the prompt, and of what follows", async () => {
  using handler = serving();
  // As lm-evaluation-harness asks.
  const body = { prompt: [tokens], temperature: 0, max_tokens: 1, logprobs: 1, echo: true };
  const [{ text, logprobs }] = (await complete(handler, body)).choices;
  assert(text.startsWith(PROMPT));
  const all = model.tokenizer!.encode(text);
  assertEquals(logprobs!.tokens, all.map((id) => model.tokenizer!.decode([id])));
  assertEquals(logprobs!.text_offset, offsets(logprobs!.tokens));
  assertEquals([logprobs!.token_logprobs[0], logprobs!.top_logprobs![0]], [null, null]);
  using reader = await model.open(all.slice(0, 1));
  for (const [i, id] of all.entries()) {
    if (i === 0) continue;
    const [best] = await reader.likeliest(1);
    const logProbability = (await reader.logProbabilities())[id];
    assertClose(logprobs!.token_logprobs[i]!, logProbability);
    const top = logprobs!.top_logprobs![i]!;
    // The harness takes the token for the greedy one if the numbers are equal, to the last bit.
    assertEquals(top[logprobs!.tokens[i]], logprobs!.token_logprobs[i]);
    assertEquals(logprobs!.token_logprobs[i] === Math.max(...Object.values(top)), best.id === id);
    await reader.append([id]);
  }
});

function offsets(tokens: readonly string[]): number[] {
  let end = 0;
  return tokens.map((token) => (end += token.length) - token.length);
}

function assertClose(actual: number, expected: number): void {
  assert(Math.abs(actual - expected) < 1e-4, `${actual} is not ${expected}`);
}

Deno.test("a streamed completion is the same one in parts", async () => {
  using handler = serving();
  const body = { prompt: PROMPT, max_tokens: 9, seed: 5, n: 2, logprobs: 2, echo: true };
  const whole = await complete(handler, body);
  const streamed = { ...body, stream: true, stream_options: { include_usage: true } };
  const response = await handler(post("/v1/completions", streamed));
  assertEquals(response.headers.get("content-type"), "text/event-stream");
  const parts = await events(response);
  const { choices: none, usage } = parts.pop()!;
  assertEquals([none, usage], [[], {
    ...whole.usage,
    prompt_tokens_details: { cached_tokens: tokens.length },
  }]);
  assert(parts.every(({ usage }) => usage === null));
  for (const { text, index, logprobs, finish_reason } of whole.choices) {
    const own = parts.flatMap(({ choices }) => choices.filter((each) => each.index === index));
    assert(own.length >= 9);
    assertEquals(own.map(({ text }) => text).join(""), text);
    assertEquals(own.flatMap(({ logprobs }) => logprobs!.tokens), logprobs!.tokens);
    assertEquals(own.flatMap(({ logprobs }) => logprobs!.text_offset), logprobs!.text_offset);
    assertEquals(own.flatMap(({ logprobs }) => logprobs!.top_logprobs), logprobs!.top_logprobs);
    assertEquals(own.map((each) => each.finish_reason), [
      ...own.slice(1).map(() => null),
      finish_reason,
    ]);
  }
});

Deno.test("a stop text ends a completion and is not in it", async () => {
  using handler = serving();
  const body = { prompt: "ROMEO:", max_tokens: 40, temperature: 0 };
  const [{ text }] = (await complete(handler, body)).choices;
  const stop = text.slice(10, 13);
  const [stopped] = (await complete(handler, { ...body, stop })).choices;
  assertEquals(stopped.text, text.slice(0, text.indexOf(stop)));
  assertEquals(stopped.finish_reason, "stop");
  assertEquals((await complete(handler, { ...body, stop: ["#", stop] })).choices, [stopped]);
  assertEquals((await complete(handler, { ...body, stop: [] })).choices[0].text, text);
});

Deno.test("the token that ends a text is listed, and not in the text", async () => {
  using handler = serving();
  const end = model.endOfTextIds[0];
  const body = { prompt: "ROMEO:", max_tokens: 5, logprobs: 0, logit_bias: { [end]: 100 } };
  const [{ text, logprobs, finish_reason }] = (await complete(handler, body)).choices;
  assertEquals([text, finish_reason, logprobs!.tokens], ["", "stop", ["<|endoftext|>"]]);
  const ignoring = await complete(handler, { ...body, ignore_eos: true });
  assertEquals(ignoring.choices[0].logprobs!.tokens.length, 5);
});

Deno.test("options of sampling count", async () => {
  using handler = serving();
  const body = { prompt: "ROMEO:", max_tokens: 12, seed: 1 };
  const [{ text }] = (await complete(handler, body)).choices;
  for (
    const option of [
      { temperature: 0.1 },
      { top_p: 0.1 },
      { top_k: 1 },
      { min_p: 0.9 },
      { typical_p: 0.05 },
      { repetition_penalty: 50 },
      { presence_penalty: 2, frequency_penalty: 2 },
      { logit_bias: { "1": 100 } },
      { seed: 2 },
    ]
  ) {
    const { choices } = await complete(handler, { ...body, ...option });
    assertNotEquals(choices[0].text, text, JSON.stringify(option));
  }
  const [{ text: word }] = (await complete(handler, { ...body, choices: ["yes", "no"] })).choices;
  assert(["yes", "no"].includes(word));
  const [{ text: number }] = (await complete(handler, { ...body, regex: "[0-9]{3}" })).choices;
  assert(/^[0-9]{3}$/.test(number));
  const schema = { enum: ["left", "right"] };
  const [{ text: json }] = (await complete(handler, { ...body, json_schema: schema })).choices;
  assert(schema.enum.includes(JSON.parse(json)));
});

Deno.test("the texts of the largest seeds differ too", async () => {
  using handler = serving();
  const body = { prompt: PROMPT, n: 4, max_tokens: 12 };
  for (const below of [0, 1, 2]) {
    const { choices } = await complete(handler, { ...body, seed: Number.MAX_SAFE_INTEGER - below });
    assertEquals(new Set(choices.map(({ text }) => text)).size, 4);
    const { choices: first } = await complete(handler, { ...body, seed: 0, n: 1 });
    assertEquals(choices[below + 1].text, first[0].text);
  }
});

Deno.test("nothing is written for max_tokens 0, and echo still has the prompt", async () => {
  using handler = serving();
  const body = { prompt: PROMPT, max_tokens: 0, echo: true, logprobs: 0 };
  const { choices: [{ text, logprobs, finish_reason }], usage } = await complete(handler, body);
  assertEquals([text, finish_reason, usage!.completion_tokens], [PROMPT, "length", 0]);
  assertEquals([logprobs!.tokens.length, logprobs!.top_logprobs], [tokens.length, null]);
  const parts = await events(await handler(post("/v1/completions", { ...body, stream: true })));
  assertEquals(parts.map(({ choices: [{ text }] }) => text), [PROMPT]);
});
