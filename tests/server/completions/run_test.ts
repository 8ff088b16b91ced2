import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { get, post, refusal, serving } from "../serving.ts";

Deno.test("a text that no token can continue is the fault of the request, which forbids them", async () => {
  const errors: unknown[] = [];
  using handler = serving({ onError: (error) => errors.push(error) });
  const bodies = [
    { regex: "(aa){20}", no_repeat_ngram_size: 1 },
    { choices: ["a a a a"], no_repeat_ngram_size: 1, n: 2 },
    { choices: ["a a a a"], no_repeat_ngram_size: 1, prompt: ["a", "b"] },
  ];
  for (const body of bodies) {
    const request = { prompt: "a", temperature: 0, max_tokens: 50, ...body };
    const refused = await refusal(handler, post("/v1/completions", request));
    const { status, param, code, message } = refused;
    assertEquals([status, param, code], [400, "no_repeat_ngram_size", "no_token_allowed"]);
    assertStringIncludes(
      message,
      `no_repeat_ngram_size and ${
        "regex" in body ? "regex" : "choices"
      } together forbid every token`,
    );
  }
  const few = { prompt: "a", allowed_token_ids: [5], regex: "x", max_tokens: 5 };
  const { param } = await refusal(handler, post("/v1/completions", few));
  assertEquals(param, "allowed_token_ids");
  const streamed = { ...bodies[0], prompt: "a", max_tokens: 50, stream: true };
  const stream = await (await handler(post("/v1/completions", streamed))).text();
  assertStringIncludes(stream, '"code":"no_token_allowed"');
  assertEquals(errors, []);
});

Deno.test("the time to cancel counts each stream that a client leaves, and none that ends", async () => {
  using handler = serving({ maxTexts: 2 });
  const count = async () => {
    const text = await (await handler(get("/metrics"))).text();
    return Number(/^gpt2_cancel_seconds_count (\d+)$/m.exec(text)![1]);
  };
  const request = { prompt: "ROMEO:", max_tokens: 200, ignore_eos: true, stream: true };
  for (let i = 0; i < 3; i++) {
    const reader = (await handler(post("/v1/completions", request))).body!.getReader();
    assert(!(await reader.read()).done);
    await reader.cancel();
  }
  await (await handler(post("/v1/completions", { ...request, max_tokens: 2 }))).text();
  while (handler.numRunning > 0) await new Promise((resolve) => setTimeout(resolve, 1));
  assertEquals(await count(), 3);
});
