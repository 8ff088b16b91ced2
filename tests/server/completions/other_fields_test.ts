import { assert, assertEquals, assertMatch } from "@std/assert";
import { complete, model, post, refusal, serving } from "../serving.ts";

const BODY = { prompt: "ROMEO:", max_tokens: 8, seed: 1 };

/** What a client of vLLM may send with every request. */
const DEFAULTS = {
  use_beam_search: false,
  top_k: -1,
  min_p: 0,
  repetition_penalty: 1,
  length_penalty: 1,
  early_stopping: false,
  stop_token_ids: [],
  include_stop_str_in_output: false,
  ignore_eos: false,
  min_tokens: 0,
  skip_special_tokens: true,
  spaces_between_special_tokens: true,
  truncate_prompt_tokens: null,
  allowed_token_ids: null,
  prompt_logprobs: null,
  add_special_tokens: true,
  response_format: null,
  structured_outputs: { json: null, disable_fallback: true, disable_any_whitespace: false },
  guided_json: null,
  guided_grammar: null,
  guided_decoding_backend: "xgrammar",
  guided_whitespace_pattern: null,
  priority: 0,
  logits_processors: null,
  bad_words: null,
  return_tokens_as_token_ids: false,
  return_token_ids: null,
  cache_salt: null,
  kv_transfer_params: null,
};

Deno.test("fields of vLLM that say what is done anyway make no difference", async () => {
  using handler = serving();
  const { choices: [{ text }] } = await complete(handler, BODY);
  const { choices } = await complete(handler, { ...BODY, ...DEFAULTS });
  assertEquals(choices[0].text, text);
  const options = { include_usage: false, continuous_usage_stats: false };
  const stream = await handler(
    post("/v1/completions", { ...BODY, stream: true, stream_options: options }),
  );
  assertEquals(stream.status, 200);
  await stream.body?.cancel();
  const tokens = await handler(post("/tokenize", { prompt: "a", return_token_strs: false }));
  assertEquals((await tokens.json()).count, 1);
});

Deno.test("fields of vLLM that say something else are refused by name", async () => {
  using handler = serving();
  const cases: readonly [field: object, message: RegExp][] = [
    [{ skip_special_tokens: false }, /must be true, which is what is done, or left out: .* false/],
    [{ include_stop_str_in_output: true }, /must be false/],
    [{ use_beam_search: true }, /must be false/],
    [{ use_beam_search: 0 }, /must be false/],
    [{ length_penalty: 2 }, /must be 1,/],
    [{ priority: 1 }, /must be 0/],
    [{ stop_token_ids: [1] }, /must be \[\]/],
    [{ logits_processors: ["a"] }, /must be \[\]/],
    [{ prompt_logprobs: 0 }, /not supported/],
    [{ cache_salt: "a" }, /not supported/],
    [{ top_k: -2 }, /top_k is not a whole number/],
    [{ bad_words: [""] }, /1 to 256 texts/],
    [{ allowed_token_ids: [] }, /at least one/],
    [{ allowed_token_ids: [1024] }, /ids from 0 to 1023: received 1024/],
  ];
  for (const [field, message] of cases) {
    const refused = await refusal(handler, post("/v1/completions", { ...BODY, ...field }));
    const [name] = Object.keys(field);
    assertEquals([refused.status, refused.param, refused.code], [400, name, "invalid_value"]);
    assertMatch(refused.message, message);
  }
});

Deno.test("bad_words are not written, with or without a space before them", async () => {
  using handler = serving();
  const body = { ...BODY, temperature: 0, max_tokens: 30 };
  const { choices: [{ text }] } = await complete(handler, body);
  const [, within] = / (\w+)/.exec(text)!;
  for (const word of [within, ` ${within}`]) {
    const { choices } = await complete(handler, { ...body, bad_words: [word] });
    assert(choices[0].text !== text);
    const start = text.indexOf(` ${within}`);
    assertEquals(choices[0].text.slice(0, start), text.slice(0, start));
    assert(!choices[0].text.slice(start).startsWith(` ${within}`), choices[0].text);
  }
});

Deno.test("allowed_token_ids are the only tokens that are written", async () => {
  using handler = serving();
  const allowed = [...model.tokenizer!.encode("abc")];
  const answer = await complete(handler, {
    ...BODY,
    allowed_token_ids: allowed,
    return_token_ids: true,
  });
  const [{ token_ids }] = answer.choices as unknown as { token_ids: number[] }[];
  assertEquals(token_ids.length, 8);
  assert(token_ids.every((id) => allowed.includes(id)), String(token_ids));
});
