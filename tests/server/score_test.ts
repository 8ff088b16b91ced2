import { assertAlmostEquals, assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import type { EncodeOptions } from "../../src/tokenizer/tokenizer.ts";
import { complete, model, post, refusal, serving } from "./serving.ts";

/** An answer of `POST /v1/score`. */
interface Scores {
  readonly data: readonly {
    readonly index: number;
    readonly logprob: number;
    readonly logprob_per_token: number | null;
    readonly logprob_per_byte: number | null;
    readonly is_greedy: boolean;
    readonly truncated_tokens: number;
    readonly tokens: string[];
    readonly token_ids: number[];
    readonly token_logprobs: (number | null)[];
    readonly ranks: (number | null)[];
    readonly top_logprobs: Record<string, number>[] | null;
  }[];
  readonly usage: { readonly [name: string]: unknown };
}

async function scores(handler: ReturnType<typeof serving>, body: unknown): Promise<Scores> {
  const response = await handler(post("/v1/score", body));
  const json = await response.json();
  if (response.status !== 200) throw new Error(JSON.stringify(json));
  return json;
}

const TEXTS = ["ROMEO:\nI would the world were", "To be"];

Deno.test("score without continuations scores the prompts, as completions echo them", async () => {
  using handler = serving();
  const { data, usage } = await scores(handler, { prompt: TEXTS, logprobs: 2 });
  using other = serving();
  const echo = { prompt: TEXTS, max_tokens: 0, echo: true, logprobs: 2 };
  const { choices, usage: expected } = await complete(other, echo);
  assertEquals(usage, { ...expected });
  for (const [i, { logprobs }] of choices.entries()) {
    const { tokens, token_logprobs, top_logprobs } = data[i];
    assertEquals([data[i].index, tokens], [i, logprobs!.tokens]);
    assertEquals(token_logprobs, logprobs!.token_logprobs);
    assertEquals(token_logprobs[0], null);
    assertEquals(top_logprobs![0], {});
    const [score] = await model.score([TEXTS[i]]);
    assertAlmostEquals(data[i].logprob, score.logProbability, 1e-5);
    const perToken = score.logProbability / score.numScored;
    assertAlmostEquals(data[i].logprob_per_token!, perToken, 1e-5);
    assertAlmostEquals(data[i].logprob_per_byte!, -score.bitsPerByte * Math.LN2, 1e-5);
  }
});

Deno.test("score takes one prompt, its tokens, and reads what is remembered of it no more", async () => {
  using handler = serving();
  const [text] = TEXTS;
  const once = await scores(handler, { prompt: text });
  const ids = Array.from(model.tokenizer!.encode(text));
  assertEquals(once.data[0].token_ids, ids);
  const again = await scores(handler, { prompt: ids });
  assertEquals(again.data, once.data);
  const { prompt_tokens, completion_tokens, prompt_tokens_details } = again.usage;
  assertEquals([prompt_tokens, completion_tokens], [ids.length, 0]);
  assertEquals(prompt_tokens_details, { cached_tokens: ids.length });
});

Deno.test("score of a prompt whose only token has nothing before it has no numbers", async () => {
  using handler = serving();
  const { data: [one] } = await scores(handler, { prompt: "" });
  assertEquals(one.token_ids, [model.tokenizer!.endOfTextId!]);
  assertEquals([one.token_logprobs, one.ranks], [[null], [null]]);
  assertEquals([one.logprob, one.logprob_per_token, one.logprob_per_byte], [0, null, null]);
  assertEquals(one.is_greedy, null);
  const none = await refusal(handler, post("/v1/score", { prompt: [] }));
  assertEquals([none.status, none.param], [400, "prompt"]);
});

Deno.test("score says how many tokens of a prompt had no room before a continuation", async () => {
  using handler = serving();
  const { contextLength } = model.config;
  const prompt = Array.from({ length: contextLength }, (_, i) => i % 500);
  const { data, usage } = await scores(handler, {
    prompt,
    continuations: [[7], [7, 8, 9]],
  });
  assertEquals(data.map(({ truncated_tokens }) => truncated_tokens), [0, 2]);
  assertEquals(usage.prompt_tokens, contextLength + 4);
  const longer = await refusal(handler, post("/v1/score", { prompt: [...prompt, 1] }));
  assertEquals([longer.status, longer.code], [400, "context_length_exceeded"]);
  assertEquals(
    longer.message,
    `The model has room for ${contextLength} tokens: received a prompt of ${
      contextLength + 1
    } tokens. Shorten it.`,
  );
  const long = { prompt: "a ".repeat(64 * contextLength + 1), continuations: [[7]] };
  const tooLong = await refusal(handler, post("/v1/score", long));
  assertEquals(tooLong.message.includes(`at most ${128 * contextLength} characters`), true);
  const begun = await scores(handler, { prompt: [3, ...prompt], continuations: [[7], [7, 8, 9]] });
  const logprobs = (scored: typeof data) => scored.map(({ logprob }) => logprob);
  assertEquals(logprobs(begun.data), logprobs(data), "only the end counts");
});

Deno.test("score names the continuation that is empty", async () => {
  using handler = serving();
  for (const continuations of [["x", ""], [[7], []]]) {
    const refused = await refusal(handler, post("/v1/score", { prompt: "a", continuations }));
    assertEquals([refused.status, refused.param], [400, "continuations"]);
    assertEquals(refused.message.endsWith("received nothing as continuation 1."), true);
  }
});

Deno.test("allowSpecial reads special tokens in the texts of prompts, as nothing does without it", async () => {
  const prompt = "king<|endoftext|>ROMEO:";
  const { tokenizer } = model;
  const read = (options?: EncodeOptions) => [...tokenizer!.encode(prompt, options)];
  for (const allowSpecial of [undefined, "all"] as const) {
    using handler = serving({ allowSpecial });
    const expected = read({ allowSpecial });
    assertEquals(expected.includes(model.endOfTextIds[0]), allowSpecial === "all");
    const [scored, continued] = (await Promise.all([
      scores(handler, { prompt }),
      scores(handler, { prompt: "To be", continuations: [prompt] }),
    ])).map(({ data }) => data[0].token_ids);
    assertEquals([scored, continued], [expected, expected]);
    const { usage } = await complete(handler, { prompt, max_tokens: 0, echo: true });
    assertEquals(usage!.prompt_tokens, expected.length);
  }
  assertNotEquals(read(), read({ allowSpecial: "all" }));
});

Deno.test("score and detokenize name the field whose tokens there are not", async () => {
  using handler = serving();
  const paramOf = async (path: string, body: unknown) => {
    const { status, param, message } = await refusal(handler, post(path, body));
    assertMatch(message, /must have token ids from 0 to 1023: received 5000, token 1\./);
    assertEquals(status, 400);
    return param;
  };
  const wrong = [1, 5000];
  assertEquals(await paramOf("/v1/score", { prompt: wrong, continuations: [[1]] }), "prompt");
  assertEquals(await paramOf("/v1/score", { prompt: wrong }), "prompt");
  assertEquals(
    await paramOf("/v1/score", { prompt: "a", continuations: [[1], wrong] }),
    "continuations",
  );
  assertEquals(await paramOf("/detokenize", { tokens: wrong }), "tokens");
});
