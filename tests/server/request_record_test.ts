import { assert, assertEquals } from "@std/assert";
import type { RequestRecord } from "../../src/server/request_record.ts";
import { complete, get, model, post, serving } from "./serving.ts";

/** A handler that keeps what it tells of requests. */
function recording(options = {}) {
  const records: RequestRecord[] = [];
  const handler = serving({ onRequest: (record) => void records.push(record), ...options });
  return { handler, records, [Symbol.dispose]: () => handler[Symbol.dispose]() };
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 1));
}

Deno.test("onRequest is told of each request when it has been answered", async () => {
  using told = recording();
  const { handler, records } = told;
  const { usage } = await complete(handler, {
    prompt: "ROMEO: My",
    max_tokens: 3,
    ignore_eos: true,
  });
  await handler(get("/nowhere?key=secret"));
  const response = await handler(
    post("/v1/score", { prompt: "the", continuations: [" man", " world"] }),
  );
  const { usage: scored } = await response.json();
  await until(() => records.length === 3);
  const [completion, missing, score] = records;
  assertEquals([completion.method, completion.path, completion.status], [
    "POST",
    "/v1/completions",
    200,
  ]);
  assertEquals(
    [completion.numPromptTokens, completion.numReusedTokens, completion.numWrittenTokens],
    [usage!.prompt_tokens, 0, 3],
  );
  assert(completion.elapsedMs > 0 && completion.begin <= new Date());
  assertEquals([missing.path, missing.status, missing.isCutOff], ["/nowhere", 404, false]);
  assertEquals([score.numPromptTokens, score.id], [
    scored.prompt_tokens,
    response.headers.get("x-request-id"),
  ]);
});

Deno.test("onRequest is told of a stream at its end, and whether that is a whole one", async () => {
  using told = recording();
  const { handler, records } = told;
  const body = { prompt: "ROMEO:", max_tokens: 200, ignore_eos: true, stream: true };
  const whole = await handler(post("/v1/completions", { ...body, max_tokens: 5 }));
  assertEquals(records.length, 0);
  await whole.text();
  await until(() => records.length === 1);
  assertEquals([records[0].isCutOff, records[0].numWrittenTokens], [false, 5]);
  const cut = await handler(post("/v1/completions", body));
  await cut.body!.cancel();
  await until(() => records.length === 2);
  assertEquals([records[1].isCutOff, records[1].status], [true, 200]);
  assert(records[1].numWrittenTokens < 200);
});

Deno.test("what onRequest throws ends no answer", async () => {
  const errors: unknown[] = [];
  const failure = new Error("no room for a log");
  const onRequest = () => {
    throw failure;
  };
  using handler = serving({ onRequest, onError: (error) => void errors.push(error) });
  assertEquals((await handler(get("/health"))).status, 200);
  await until(() => errors.length > 0);
  assertEquals(errors, [failure]);
});

Deno.test("capacity and metrics tell the memory of what is remembered", async () => {
  using handler = serving({ maxTexts: 3, maxKeptTexts: 2 });
  const { maxTexts, maxWaiting, maxKeptTexts, maxCacheBytes } = handler.capacity;
  assertEquals([maxTexts, maxWaiting, maxKeptTexts], [3, 12, 2]);
  const { contextLength, numHeads, headDim, numLayers } = model.config;
  const bytesOfPosition = 2 * 2 * numLayers * numHeads * headDim; // Keys and values in F16.
  assertEquals(maxCacheBytes, 5 * contextLength * bytesOfPosition);
  const gauges = async () => {
    const lines = (await (await handler(get("/metrics"))).text()).split("\n");
    const value = (name: string) =>
      Number(lines.find((line) => line.startsWith(`${name} `))?.split(" ")[1]);
    return [value("gpt2_cache_bytes"), value("gpt2_cache_slots_used"), value("gpt2_kept_bytes")];
  };
  assertEquals(await gauges(), [0, 0, 0]);
  const { usage } = await complete(handler, { prompt: "ROMEO:", max_tokens: 5, ignore_eos: true });
  const [cacheBytes, numUsed, keptBytes] = await gauges();
  assertEquals(numUsed, 1);
  // What was written last has not been read.
  assertEquals(keptBytes, usage!.total_tokens * bytesOfPosition);
  assert(cacheBytes >= keptBytes && cacheBytes % (64 * bytesOfPosition) === 0, `${cacheBytes}`);
});
