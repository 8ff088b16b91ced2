// deno-lint-ignore-file no-import-prefix -- for tests only: not a dependency of the package
/** OpenAI's own client, as it is, with nothing but another address. */
import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import OpenAI from "npm:openai@7.59.0";
import { model, serving } from "./serving.ts";

const KEY = "a-key-for-tests";

async function withClient(action: (client: OpenAI, numRunning: () => number) => Promise<void>) {
  using handler = serving({ apiKeys: [KEY], maxTexts: 2, maxWaiting: 0 });
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    (request) => handler(request),
  );
  const baseURL = `http://127.0.0.1:${server.addr.port}/v1`;
  try {
    await action(new OpenAI({ baseURL, apiKey: KEY, maxRetries: 0 }), () => handler.numRunning);
  } finally {
    await server.shutdown();
  }
}

Deno.test("the OpenAI client gets completions", async () => {
  await withClient(async (client) => {
    const body = { model: "demo", prompt: "ROMEO:", max_tokens: 12, seed: 1, top_k: 50 };
    const { choices, usage } = await client.completions.create(body);
    const text = await model.generateText("ROMEO:", { maxNewTokens: 12, seed: 1 });
    assertEquals([choices[0].text, choices[0].finish_reason], [text, "length"]);
    assertEquals(usage!.completion_tokens, 12);
    const stream = await client.completions.create({
      ...body,
      stream: true,
      stream_options: { include_usage: true },
    });
    let streamed = "";
    let numTokens: number | undefined;
    for await (const { choices: [choice], usage } of stream) {
      streamed += choice?.text ?? "";
      numTokens = usage?.completion_tokens ?? numTokens;
    }
    assertEquals([streamed, numTokens], [text, 12]);
    assertEquals((await client.models.list()).data.map(({ id }) => id), ["demo"]);
    assertEquals((await client.models.retrieve("demo")).id, "demo");
  });
});

Deno.test("the OpenAI client gets errors of its own classes", async () => {
  await withClient(async (client, numRunning) => {
    const body = { model: "demo", prompt: "ROMEO:", max_tokens: 250, ignore_eos: true };
    const bad = await assertRejects(
      () => client.completions.create({ ...body, top_p: 2 }),
      OpenAI.BadRequestError,
    );
    assertEquals([bad.param, bad.type], ["top_p", "invalid_request_error"]);
    await assertRejects(
      () => client.completions.create({ ...body, model: "gpt-4" }),
      OpenAI.NotFoundError,
    );
    const chat = { model: "demo", messages: [] };
    const refused = await assertRejects(
      () => client.chat.completions.create(chat),
      OpenAI.NotFoundError,
    );
    assertMatch(refused.message, /GPT-2 has no chat format/);
    const other = client.withOptions({ apiKey: "another-key" });
    await assertRejects(() => other.models.list(), OpenAI.AuthenticationError);
    const stream = await client.completions.create({ ...body, n: 2, stream: true });
    const busy = await assertRejects(
      () => client.completions.create(body),
      OpenAI.InternalServerError,
    );
    assertEquals(busy.status, 503);
    stream.controller.abort();
    await whenIdle(numRunning);
  });
});

Deno.test("the OpenAI client can stop a completion, which frees its place", async () => {
  await withClient(async (client, numRunning) => {
    const body = { model: "demo", prompt: "ROMEO:", max_tokens: 250, n: 2, ignore_eos: true };
    const stop = new AbortController();
    const running = client.completions.create(body, { signal: stop.signal });
    while (numRunning() === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    stop.abort();
    await assertRejects(() => running, OpenAI.APIUserAbortError);
    await whenIdle(numRunning);
    const stream = await client.completions.create({ ...body, stream: true });
    for await (const { choices } of stream) {
      assert(choices.length > 0);
      break; // The client closes the connection then.
    }
    await whenIdle(numRunning);
  });
});

async function whenIdle(numRunning: () => number): Promise<void> {
  while (numRunning() > 0) await new Promise((resolve) => setTimeout(resolve, 1));
}
