import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { PrefixCache } from "../../src/server/prefix_cache.ts";
import { randomAdapter } from "../model/random_adapter.ts";
import { complete, get, model, post, refusal, serving } from "./serving.ts";

const adapterOf = (seed: number) =>
  model.loadAdapter(randomAdapter(model.config, { rank: 4, targets: ["mlpProjection"], seed }));
const [love, war] = [await adapterOf(1), await adapterOf(2)];
const adapters = { love, war: { adapter: war, scale: 0.5 } };
const prompt = "ROMEO:\nI would the world were mine, and all the stars";
const body = { prompt, max_tokens: 12, temperature: 0 };
const expected = (adapters: Parameters<typeof model.useAdapters>[0]) =>
  model.generateText(prompt, { maxNewTokens: 12, greedy: true, adapters });

Deno.test("a request may name adapters, as the model or with scales of its own", async () => {
  using handler = serving({ adapters });
  const plain = await complete(handler, body);
  const cases = [
    [{ model: "demo" }, []],
    [{ model: "love" }, [love]],
    [{ model: "war" }, [{ adapter: war, scale: 0.5 }]],
    [{ adapters: { war: 2 } }, [{ adapter: war, scale: 2 }]],
    [{ adapters: { love: 0.7, war: -1 } }, [{ adapter: love, scale: 0.7 }, {
      adapter: war,
      scale: -1,
    }]],
    [{ adapters: { love: 0 } }, []],
  ] as const;
  // Side by side, and one after another: neither has got what others have read.
  const together = await Promise.all(
    cases.map(([fields]) => complete(handler, { ...body, ...fields })),
  );
  for (const [i, [fields, list]] of cases.entries()) {
    const { model: name, choices } = await complete(handler, { ...body, ...fields });
    assertEquals(name, "model" in fields ? fields.model : "demo");
    assertEquals(choices[0].text, await expected(list), JSON.stringify(fields));
    assertEquals(choices, together[i].choices);
    assertEquals(choices[0].text === plain.choices[0].text, list.length === 0);
  }
});

Deno.test("what was read with adapters is of use to requests with the same ones only", async () => {
  const cache = new PrefixCache(model, { maxTexts: 8, maxTokens: 1000 });
  const tokens = model.tokenizer!.encode(prompt);
  const { signal } = new AbortController();
  const read = async (key: string | undefined) => {
    const chosen = key === undefined ? undefined : { key, list: [{ adapter: love, scale: 1 }] };
    const { text, numReused } = await cache.read(tokens, { adapters: chosen, signal });
    cache.giveBack(text, { isKept: true });
    return numReused;
  };
  assertEquals(await read(undefined), 0);
  assertEquals(await read("love"), 0);
  assertEquals(await read(undefined), tokens.length);
  assertEquals(await read("love"), tokens.length);
  await model.useAdapters([war]);
  assertEquals(await read(undefined), 0, "the model is used with an adapter");
  await model.useAdapters([]);
  assertEquals(await read(undefined), tokens.length, "the model is used without again");
  cache.clear();
});

Deno.test("prompts and continuations are scored with adapters", async () => {
  using handler = serving({ adapters });
  const score = async (fields: object) => {
    const response = await handler(post("/v1/score", { prompt, ...fields }));
    const { data, model } = await response.json();
    return { logprobs: data.map(({ logprob }: { logprob: number }) => logprob), model };
  };
  const plain = await score({});
  const { logProbability } = await model.score(prompt, { adapters: [love] });
  const adapted = await score({ model: "love" });
  assertEquals(adapted.model, "love");
  assert(Math.abs(adapted.logprobs[0] - logProbability) < 1e-3);
  assertEquals((await score({ adapters: { love: 1 } })).logprobs, adapted.logprobs);
  assertNotEquals(adapted.logprobs, plain.logprobs);
  const continuations = [" above", " below"];
  const own = await model.scoreContinuations(prompt, continuations, { adapters: [love] });
  assertEquals(
    (await score({ continuations, model: "love" })).logprobs,
    own.map(({ logProbability }) => logProbability),
  );
});

Deno.test("adapters are listed beside their model", async () => {
  using handler = serving({ adapters });
  const { data } = await (await handler(get("/v1/models"))).json();
  const listed = data.map(({ id, parent }: { id: string; parent?: string }) => [id, parent]);
  assertEquals(listed, [["demo", undefined], ["love", "demo"], ["war", "demo"]]);
  assertEquals((await (await handler(get("/v1/models/love"))).json()).parent, "demo");
  const { status, message } = await refusal(handler, get("/v1/models/hate"));
  assertEquals(status, 404);
  assert(message.includes('The models are "demo", "love", "war".'));
});

Deno.test("adapters that there are not are refused", async () => {
  using handler = serving({ adapters });
  const refused = async (fields: object) => {
    const { status, param } = await refusal(
      handler,
      post("/v1/completions", { ...body, ...fields }),
    );
    return [status, param];
  };
  assertEquals(await refused({ model: "hate" }), [404, "model"]);
  assertEquals(await refused({ adapters: { hate: 1 } }), [400, "adapters"]);
  assertEquals(await refused({ adapters: { love: "much" } }), [400, "adapters"]);
  assertEquals(await refused({ adapters: { love: 1e9 } }), [400, "adapters"]);
  assertEquals(await refused({ adapters: ["love"] }), [400, "adapters"]);
  assertEquals(await refused({ adapters: { love: 1 }, model: "war" }), [400, "adapters"]);
  // A server without any does not know the field.
  using other = serving();
  const request = post("/v1/completions", { ...body, adapters: { love: 1 } });
  assertEquals((await refusal(other, request)).status, 400);
});

Deno.test("createHandler() throws when adapters cannot be served", () => {
  assertThrows(() => serving({ adapters: { demo: love } }), RangeError, "a name of its own");
  assertThrows(
    () => serving({ adapters: { x: { adapter: love, scale: NaN } } }),
    RangeError,
    "must be a finite number",
  );
  assertThrows(() => serving({ adapters: { x: {} as typeof love } }), TypeError, "adapters");
});
