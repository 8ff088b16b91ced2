import { assertEquals, assertMatch } from "@std/assert";
import { readJsonBody } from "../../src/server/read_body.ts";
import { complete, post, refusal, serving } from "./serving.ts";

Deno.test("a body in another encoding is refused, and not guessed", async () => {
  using handler = serving();
  const status = async (headers: Record<string, string>) => {
    const { status, message } = await refusal(handler, post("/tokenize", {}, { headers }));
    assertEquals(status === 415, /UTF-8|as it is|must be JSON/.test(message), message);
    return status;
  };
  for (const charset of ["utf-16", '"utf-16"', "latin1", "iso-8859-1", "UTF-32"]) {
    assertEquals(await status({ "content-type": `application/json; charset=${charset}` }), 415);
  }
  for (const encoding of ["gzip", "br", "deflate, gzip", "x"]) {
    assertEquals(await status({ "content-encoding": encoding }), 415);
  }
  for (const encoding of ["gzip", "gzip, chunked"]) {
    assertEquals(await status({ "transfer-encoding": encoding }), 415);
  }
  for (const type of ["", "text/plain", "application/jsonp", "multipart/form-data"]) {
    assertEquals(await status({ "content-type": type }), 415);
  }
  const headers = { "content-type": "application/x-www-form-urlencoded" };
  const { message } = await refusal(handler, post("/tokenize", {}, { headers }));
  assertMatch(message, /received content-type: "application\/x-www-form-urlencoded"\. .* curl -d/);
  for (const type of ["; charset=utf-8", ';charset="UTF-8"', "; charset=utf8", ";", "; a=b"]) {
    assertEquals(await status({ "content-type": `application/json${type}` }), 400);
  }
  assertEquals(await status({ "content-encoding": "identity" }), 400);
});

Deno.test("half of a surrogate pair is refused wherever it is, and names the field", async () => {
  using handler = serving();
  const bodies: [path: string, body: string, param: string | null][] = [
    ["/v1/completions", String.raw`{"prompt": "a \ud800 b"}`, "prompt"],
    ["/v1/completions", String.raw`{"prompt": ["a", "\uDBFF"]}`, "prompt"],
    ["/v1/completions", String.raw`{"prompt": "\udc00\ud800"}`, "prompt"],
    ["/v1/completions", String.raw`{"prompt": "\ud83d\ude00\ude00"}`, "prompt"],
    ["/v1/completions", String.raw`{"prompt": "a", "stop": ["\udfff"]}`, "stop"],
    ["/v1/completions", String.raw`{"choices": ["\ud800"]}`, "choices"],
    ["/v1/completions", String.raw`{"regex": "\ud800"}`, "regex"],
    [
      "/v1/completions",
      String.raw`{"json_schema": {"properties": {"\ud800": {}}}}`,
      "json_schema",
    ],
    ["/v1/completions", String.raw`{"\ud800": 1}`, null],
    ["/v1/score", String.raw`{"prompt": "a", "continuations": ["\ud800"]}`, "continuations"],
    ["/tokenize", String.raw`{"prompt": "\ud800"}`, "prompt"],
  ];
  for (const [path, body, param] of bodies) {
    const refused = await refusal(handler, post(path, body));
    assertEquals([refused.status, refused.param], [400, param], body);
    assertMatch(refused.message, /must be well-formed Unicode: .*\\ud800/);
  }
  const deep = "[".repeat(250) + String.raw`"\ud800"` + "]".repeat(250);
  assertEquals((await refusal(handler, post("/tokenize", deep))).status, 400);
});

Deno.test("whole surrogate pairs, and what only looks like half of one, are texts", async () => {
  const texts = ["\u{1f600}", "\\ud800", "a\u{10ffff}\u{10000}", "\\\\udc00"];
  const escaped = JSON.stringify(texts).replace(
    /[\ud800-\udfff]/g,
    (half) => `\\u${half.charCodeAt(0).toString(16)}`,
  );
  assertEquals(await readJsonBody(post("/", escaped)), texts);
  using handler = serving();
  const { choices } = await complete(handler, { prompt: texts[0], echo: true, max_tokens: 0 });
  assertEquals(choices[0].text, texts[0]);
});

Deno.test("the end of the server ends the bodies that are on their way", async () => {
  using handler = serving();
  const body = new ReadableStream<Uint8Array>({});
  const answer = handler(post("/v1/completions", {}, { body }));
  await handler.drain(0);
  // And not 408, ten seconds later.
  assertEquals((await answer).status, 503);
});
