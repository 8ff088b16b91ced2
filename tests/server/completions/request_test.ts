import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { get, model, post, refusal, serving } from "../serving.ts";

const { contextLength } = model.config;

const REFUSED: readonly [body: unknown, param: string | null, message: RegExp][] = [
  ["[]", null, /must be a JSON object/],
  ["{", null, /not valid JSON/],
  [{ prompt: 1 }, "prompt", /prompt must be a text, an array of token ids/],
  [{ prompt: [[]] }, "prompt", /prompt must be/],
  [{ prompt: ["a", [1]] }, "prompt", /prompt must be/],
  [{ prompt: [1, "a"] }, "prompt", /prompt must be/],
  [{ prompt: new Array(257).fill("a") }, "prompt", /1 to 256/],
  [{ prompt: [1.5] }, "prompt", /ids from 0 to 1023: received 1.5, token 0/],
  [{ prompt: [[1], [2, -1]] }, "prompt", /received -1, token 1/],
  [{ prompt: [1024] }, "prompt", /received 1024/],
  [{ prompt: new Array(contextLength).fill(1) }, "prompt", /room for 256 tokens/],
  [{ prompt: new Array(100_000).fill(1) }, "prompt", /room for 256 tokens/],
  [{ prompt: "a ".repeat(100_000) }, "prompt", /room for 256 tokens/],
  [{ max_token: 1 }, "max_token", /Did you mean max_tokens\?/],
  [{ max_completion_tokens: 1 }, "max_completion_tokens", /Did you mean max_tokens\?/],
  [{ user: 1 }, "user", /user must be a text: received 1/],
  [{ temperature: "1" }, "temperature", /received "1"/],
  ['{"temperature":1e999}', "temperature", /finite number/],
  ['{"__proto__":1}', "__proto__", /no such field/],
  [{ wings: 2 }, "wings", /The fields are .*best_of/],
  [{ constructor: 1 }, "constructor", /no such field/],
  [{ max_tokens: -1 }, "max_tokens", /whole number from 0/],
  [{ max_tokens: "5" }, "max_tokens", /received "5"/],
  [{ n: 0 }, "n", /from 1 to 4/],
  [{ n: 5 }, "n", /from 1 to 4/],
  [{ n: 3, best_of: 2 }, "best_of", /at least n, 3/],
  [{ best_of: 2, stream: true }, "best_of", /cannot be streamed/],
  [{ stream_options: {} }, "stream_options", /only for stream/],
  [{ stream: true, stream_options: { include: 1 } }, "stream_options.include", /include_usage/],
  [{ logprobs: 21 }, "logprobs", /from 0 to 20/],
  [{ suffix: "end" }, "suffix", /not supported/],
  [{ stop: "" }, "stop", /1 to 256 characters/],
  [{ stop: new Array(17).fill("a") }, "stop", /1 to 16 texts/],
  [{ stop: ["a".repeat(257)] }, "stop", /1 to 256 characters/],
  [{ temperature: -1 }, "temperature", /temperature is not a finite number of 0 or more/],
  [{ top_p: 2 }, "top_p", /top_p is not above 0/],
  [{ top_k: 1.5 }, "top_k", /top_k is not a whole number/],
  [{ presence_penalty: 3 }, "presence_penalty", /from -2 to 2/],
  [{ repetition_penalty: 1e-320 }, "repetition_penalty", /from 0.01 to 100/],
  [{ logit_bias: { a: 1 } }, "logit_bias", /name tokens by their ids: received "a"/],
  [{ logit_bias: { "01": 1 } }, "logit_bias", /received "01"/],
  [{ logit_bias: { "1.5": 1 } }, "logit_bias", /received "1.5"/],
  [{ logit_bias: { "-1": 1 } }, "logit_bias", /received "-1"/],
  [{ logit_bias: { "": 1 } }, "logit_bias", /received ""/],
  [{ logit_bias: { " 1": 1 } }, "logit_bias", /received " 1"/],
  [{ logit_bias: { [`9${"0".repeat(400)}`]: 1 } }, "logit_bias", /below 1024/],
  [
    { logit_bias: Object.fromEntries(Array.from({ length: 1025 }, (_, i) => [`k${i}`, 1])) },
    "logit_bias",
    /at most 1024 token ids.*: received 1025/,
  ],
  [{ logit_bias: { 1: 101 } }, "logit_bias", /from -100 to 100/],
  [{ logit_bias: { 1024: 1 } }, "logit_bias", /below 1024/],
  [{ regex: "(" }, "regex", /not a regular expression/],
  [{ regex: "a".repeat(5000) }, "regex", /at most 4096/],
  [{ regex: "(".repeat(2000) + ")".repeat(2000) }, "regex", /too deeply. Nest it at most 500 deep/],
  [{ regex: "(?:abcdefgh){10000}".repeat(30) }, "regex", /regex is too large: received more than/],
  [{ regex: "a", choices: ["b"] }, "choices", /only one constraint: received regex and choices/],
  [{ json_schema: { no: 1 } }, "json_schema", /json_schema/],
  [{ choices: [] }, "choices", /1 to 1024 texts/],
  [{ choices: new Array(20).fill("a".repeat(4000)) }, "choices", /at most 65536/],
  [{ steer: { love: 1 } }, "steer", /no such field/],
];

for (const [body, param, message] of REFUSED) {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  Deno.test(`completions refuse ${text.slice(0, 60)}`, async () => {
    using handler = serving({ maxTexts: 4 });
    const refused = await refusal(handler, post("/v1/completions", body));
    assertEquals([refused.status, refused.type], [400, "invalid_request_error"]);
    assertMatch(refused.message, message);
    assertEquals(refused.param, param);
  });
}

Deno.test("fields that are null count as not given, and user makes no difference", async () => {
  using handler = serving();
  const body = { prompt: "a", max_tokens: 1, stop: null, suffix: null, logprobs: null, user: "me" };
  assertEquals((await handler(post("/v1/completions", body))).status, 200);
});

Deno.test("a request is for the model that there is", async () => {
  using handler = serving();
  const refused = await refusal(handler, post("/v1/completions", { model: "gpt-4", prompt: "a" }));
  assertEquals([refused.status, refused.code], [404, "model_not_found"]);
  assertStringIncludes(refused.message, '"demo"');
});

Deno.test("chat is refused with the reason", async () => {
  using handler = serving();
  const refused = await refusal(handler, post("/v1/chat/completions", { messages: [] }));
  assertEquals([refused.status, refused.code], [404, "no_chat_format"]);
  assertStringIncludes(refused.message, "GPT-2 has no chat format");
});

Deno.test("addresses and methods that are not there are refused", async () => {
  using handler = serving();
  const nothing = await refusal(handler, get("/v1/nothing"));
  assertEquals(nothing.code, "unknown_url");
  assertStringIncludes(nothing.message, "/v1/completions, ");
  assertStringIncludes(nothing.message, "/v1/models/<name>, ");
  assertEquals((await refusal(handler, get("/../../etc/passwd"))).status, 404);
  const response = await handler(get("/v1/completions"));
  assertEquals([response.status, response.headers.get("allow")], [405, "POST, OPTIONS"]);
  await response.body?.cancel();
});

Deno.test("a body has to be JSON, and be called so", async () => {
  using handler = serving();
  const headers = { "content-type": "text/plain" };
  const refused = await refusal(handler, post("/v1/completions", {}, { headers }));
  assertEquals(refused.status, 415);
  const body = new Uint8Array([0x22, 0xff, 0x22]);
  assertEquals((await refusal(handler, post("/v1/completions", "", { body }))).status, 400);
});
