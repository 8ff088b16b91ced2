import { assert, assertEquals, assertThrows } from "@std/assert";
import { GPT2 } from "../../src/gpt2.ts";
import { GPT2Config } from "../../src/model/config.ts";
import { createHandler } from "../../src/server/handler.ts";
import { complete, get, model, post, refusal, serving } from "./serving.ts";

const LONG = { prompt: "ROMEO:", max_tokens: 250, ignore_eos: true, seed: 1 };

Deno.test("createHandler() refuses what it cannot serve, and options that there are not", () => {
  using untrained = new GPT2(GPT2Config.tiny());
  assertThrows(() => createHandler(untrained), TypeError, "with a tokenizer");
  assertThrows(() => createHandler({} as GPT2), TypeError, "must be a GPT2");
  assertThrows(() => serving({ maxText: 1 } as object), TypeError, "Did you mean maxTexts?");
  assertThrows(() => serving({ maxTexts: 0 }), RangeError, "maxTexts");
  const others = ["", "foo", "https://a.b/", "https://a.b/path", "https://a.b:443", "HTTPS://a.b"];
  for (const cors of others) assertThrows(() => serving({ cors }), RangeError, "cors must be");
  const origins = ["*", "https://a.b", "http://localhost:3000", "chrome-extension://abc"];
  for (const cors of origins) serving({ cors })[Symbol.dispose]();
});

Deno.test("models, health and metrics say what there is", async () => {
  using handler = serving({ maxTexts: 3 });
  await complete(handler, { prompt: "ROMEO:", max_tokens: 5 });
  await complete(handler, { prompt: "ROMEO:", max_tokens: 5, top_k: 1 });
  await (await handler(post("/v1/completions", { wings: 2 }))).body?.cancel();
  const { data } = await (await handler(get("/v1/models"))).json();
  assertEquals([data.length, data[0].id, data[0].max_model_len], [1, "demo", 256]);
  assertEquals(await (await handler(get("/v1/models/demo"))).json(), data[0]);
  assertEquals((await refusal(handler, get("/v1/models/other/one"))).code, "model_not_found");
  assertEquals((await (await handler(get("/health"))).json()).status, "ok");
  const lines = (await (await handler(get("/metrics"))).text()).split("\n");
  for (
    const line of [
      `gpt2_requests_total{endpoint="/v1/completions",status="200"} 2`,
      `gpt2_requests_total{endpoint="/v1/completions",status="400"} 1`,
      "gpt2_requests_waiting 0",
      "gpt2_texts_running 0",
      "gpt2_texts_max 3",
      "gpt2_tokens_read_total 2",
      "gpt2_tokens_reused_total 2",
      "gpt2_tokens_written_total 10",
      "gpt2_time_to_first_token_seconds_count 2",
      "gpt2_time_per_token_seconds_count 8",
    ]
  ) assert(lines.includes(line), line);
  for (const line of lines) {
    assert(/^(# (HELP|TYPE) \w+ .+|\w+(\{.*\})? [\d.e+-]+|)$/.test(line), line);
  }
});

Deno.test("a key is asked for where there are keys", async () => {
  using handler = serving({ apiKeys: ["first-key", "second-key"] });
  const body = { prompt: "a", max_tokens: 1 };
  for (const key of [undefined, "", "Bearer", "Bearer wrong-key", "Basic first-key", "first-key"]) {
    const headers: HeadersInit = key === undefined ? {} : { authorization: key };
    const refused = await refusal(handler, post("/v1/completions", body, { headers }));
    assertEquals([refused.status, refused.code], [401, "invalid_api_key"], key);
    assertEquals((await refusal(handler, get("/metrics", { headers }))).status, 401);
  }
  for (const key of ["first-key", "second-key"]) {
    const headers = { authorization: `Bearer ${key}` };
    assertEquals((await handler(post("/v1/completions", body, { headers }))).status, 200);
  }
  assertEquals((await handler(get("/health"))).status, 200, "without a key");
});

Deno.test("pages of the origin that may are let in, and no others", async () => {
  using handler = serving({ cors: "https://example.org" });
  using closed = serving();
  const asking = (origin: string) =>
    new Request("http://localhost/v1/completions", {
      method: "OPTIONS",
      headers: { origin, "access-control-request-headers": "authorization, x-stainless-os" },
    });
  const header = async (server: typeof handler, origin: string, name: string) =>
    (await server(asking(origin))).headers.get(name);
  const allow = "access-control-allow-origin";
  assertEquals(await header(handler, "https://example.org", allow), "https://example.org");
  assertEquals(await header(handler, "https://example.com", allow), null);
  assertEquals(await header(closed, "https://example.org", allow), null);
  assertEquals(
    await header(handler, "https://example.org", "access-control-allow-headers"),
    "authorization, x-stainless-os",
  );
  const headers = { origin: "https://example.org" };
  assertEquals((await handler(get("/health", { headers }))).headers.get(allow), headers.origin);
});

Deno.test("beyond the queue requests are refused, and what was accepted is answered", async () => {
  using handler = serving({ maxTexts: 1, maxWaiting: 2 });
  const answers = await Promise.all(
    Array.from({ length: 6 }, () => handler(post("/v1/completions", { ...LONG, max_tokens: 20 }))),
  );
  const refused = answers.filter(({ status }) => status === 503);
  assertEquals(refused.length, 3);
  for (const response of refused) {
    assert(Number(response.headers.get("retry-after")) >= 1);
    assertEquals((await response.json()).error.code, "overloaded");
  }
  for (const response of answers.filter(({ status }) => status !== 503)) {
    assertEquals((await response.json()).usage.completion_tokens, 20);
  }
});

Deno.test("a client that goes away frees its place", async () => {
  using handler = serving({ maxTexts: 2, maxWaiting: 0 });
  const gone = new AbortController();
  const running = handler(post("/v1/completions", { ...LONG, n: 2 }, { signal: gone.signal }));
  const streamed = post("/v1/completions", { ...LONG, stream: true, n: 2 });
  while ((await (await handler(get("/health"))).json()).texts_running < 2);
  assertEquals((await handler(streamed.clone())).status, 503);
  gone.abort();
  assertEquals((await running).status, 499);
  const next = await handler(streamed);
  assertEquals(next.status, 200);
  await next.body!.cancel();
  await whenIdle(handler);
  assertEquals((await complete(handler, { ...LONG, max_tokens: 3, n: 2 })).choices.length, 2);
});

async function whenIdle(handler: ReturnType<typeof serving>): Promise<void> {
  while (handler.numRunning > 0) await new Promise((resolve) => setTimeout(resolve, 1));
}

Deno.test("drain() refuses new requests, waits for those that run, and ends what takes too long", async () => {
  using handler = serving();
  const short = handler(post("/v1/completions", { ...LONG, max_tokens: 10 }));
  const stream = await handler(post("/v1/completions", { ...LONG, max_tokens: 10, stream: true }));
  const draining = handler.drain(60_000);
  assertEquals((await refusal(handler, post("/v1/completions", LONG))).status, 503);
  assertEquals((await handler(get("/health"))).status, 503);
  assertEquals((await short).status, 200);
  assert((await stream.text()).endsWith("data: [DONE]\n\n"));
  await draining;
  using other = serving();
  const long = other(post("/v1/completions", { ...LONG, n: 16 }));
  const parts = await other(post("/v1/completions", { ...LONG, stream: true }));
  await other.drain(0);
  assertEquals((await long).status, 503);
  assert((await parts.text()).includes('"error":{"message":"The server is shutting down.'));
});

Deno.test("what fails through no fault of a client is told to who serves, not to the client", async () => {
  const errors: unknown[] = [];
  const own = await GPT2.fromPretrained("demo", { threads: 1 });
  using handler = createHandler(own, { onError: (error) => errors.push(error) });
  own[Symbol.dispose]();
  const refused = await refusal(handler, post("/v1/completions", LONG));
  assertEquals([refused.status, refused.type], [500, "server_error"]);
  assert(!refused.message.includes("dispose"), refused.message);
  assertEquals(errors.map((error) => error instanceof TypeError), [true]);
});

Deno.test("whoever disposes of the model while it is served is told, also of streams", async () => {
  for (const stream of [false, true]) {
    const own = await GPT2.fromPretrained("demo", { threads: 1 });
    const errors: unknown[] = [];
    using handler = createHandler(own, { onError: (error) => errors.push(error) });
    const body = { prompt: "ROMEO:", max_tokens: 250, ignore_eos: true, stream };
    const answer = handler(post("/v1/completions", body));
    while (!/written_total [1-9]/.test(await (await handler(get("/metrics"))).text())) {
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    own[Symbol.dispose]();
    const response = await answer;
    assertEquals(response.status, stream ? 200 : 500);
    assert((await response.text()).includes("The server failed"));
    assertEquals(errors.length, 1);
    assert(String(errors[0]).includes("it has been disposed of"));
  }
});

Deno.test("tokenize, detokenize and tokenizer_info are what harnesses ask for", async () => {
  using handler = serving();
  const text = "ROMEO: I — you 😀";
  const body = { prompt: text, add_special_tokens: false };
  const { tokens, count } = await (await handler(post("/tokenize", body))).json();
  assertEquals(count, tokens.length);
  assertEquals(await (await handler(post("/detokenize", { tokens }))).json(), { prompt: text });
  const info = await (await handler(get("/tokenizer_info"))).json();
  assertEquals([info.eos_token, info.vocab_size], ["<|endoftext|>", 1024]);
  const ending = { prompt: `king${info.eos_token}`, add_special_tokens: false };
  const ended = await (await handler(post("/tokenize", ending))).json();
  assertEquals(ended.tokens, [...model.tokenizer!.encode("king"), info.eos_token_id]);
  assertEquals((await refusal(handler, post("/tokenize", {}))).param, "prompt");
  assertEquals((await refusal(handler, post("/detokenize", { tokens: [-1] }))).status, 400);
  assertEquals((await refusal(handler, post("/detokenize", { tokens: ["a"] }))).param, "tokens");
});

Deno.test("a long text is tokenized, and tokens detokenized, while others have their turn", async () => {
  using handler = serving();
  const text = "é" + "nothing".repeat(30_000) + " 😀".repeat(30_000);
  const turnsDuring = async <T>(action: Promise<T>): Promise<[T, number]> => {
    let [numTurns, isDone] = [0, false];
    const counted = (async () => {
      for (; !isDone; numTurns++) await new Promise((resolve) => setTimeout(resolve, 0));
    })();
    const result = await action;
    isDone = true;
    await counted;
    return [result, numTurns];
  };
  const body = { prompt: text, add_special_tokens: false };
  const [response, numTurns] = await turnsDuring(handler(post("/tokenize", body)));
  const { tokens, count, max_model_len } = await response.json();
  assertEquals([tokens, count], [model.tokenizer!.encode(text), tokens.length]);
  assertEquals([max_model_len, numTurns > 1], [256, true], `${numTurns}`);
  const many = new Array(4).fill(tokens).flat();
  const [back, numMore] = await turnsDuring(handler(post("/detokenize", { tokens: many })));
  assertEquals((await back.json()).prompt === text.repeat(4), true);
  assert(numMore > 1, `${numMore}`);
});

Deno.test("score tells how likely continuations are", async () => {
  using handler = serving();
  const body = {
    prompt: "ROMEO:\nI would the",
    continuations: [" world", " man were"],
    logprobs: 2,
  };
  const { data } = await (await handler(post("/v1/score", body))).json();
  assertEquals(data.map(({ index }: { index: number }) => index), [0, 1]);
  const echo = { prompt: `${body.prompt} world`, max_tokens: 0, echo: true, logprobs: 2 };
  const [{ logprobs }] = (await complete(handler, echo)).choices;
  assertEquals(data[0].tokens, [" world"]);
  assertEquals(data[0].token_logprobs, logprobs!.token_logprobs.slice(-1));
  assertEquals(Object.keys(data[0].top_logprobs[0]).length, 2);
  assertEquals((await refusal(handler, post("/v1/score", {}))).param, "prompt");
  const two = { prompt: ["a", "b"], continuations: ["c"] };
  assertEquals((await refusal(handler, post("/v1/score", two))).param, "prompt");
  const empty = { prompt: "a", continuations: [""] };
  assertEquals((await refusal(handler, post("/v1/score", empty))).status, 400);
});
