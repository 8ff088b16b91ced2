/** Models that have more tokens than their tokenizer, as nanoGPT's have: what they read and write need not have a text. */
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { GPT2, GPT2Config, type Tokenizer } from "../mod.ts";
import { activationPatching } from "../src/inspect.ts";
import { createHandler } from "../src/serve.ts";

const tokenizer = await demoTokenizer();
const { vocabSize } = tokenizer;
const config = new GPT2Config({
  vocabSize: vocabSize + 80,
  contextLength: 32,
  embeddingDim: 32,
  numHeads: 2,
  numLayers: 1,
});
const createModel = () => new GPT2(config, { seed: 1, threads: 1, tokenizer });

async function demoTokenizer(): Promise<Tokenizer> {
  using demo = await GPT2.fromPretrained("demo", { threads: 1 });
  return demo.tokenizer!;
}

/** Two letters, and a token between them that says nothing. */
const [a, b] = ["a", "b"].map((letter) => tokenizer.encode(letter)[0]);
const mute = vocabSize + 3;
const tokens = [a, mute, b];

/** Has only mute tokens written. */
const suppressTokens = Array.from({ length: vocabSize }, (_, id) => id);

Deno.test("a text has the text of the tokens that have one", async () => {
  using model = createModel();
  using text = await model.open(tokens);
  assertEquals(text.text, "ab");
  assertStringIncludes(Deno.inspect(text), "ab");
  for (let i = 0; i < 3; i++) await text.next({ seed: 1, topK: 0 });
  const { length } = text.text;
  for await (const token of text.generate({ suppressTokens, maxNewTokens: 5, seed: 1 })) {
    assertEquals(token.text, "");
    assert(token.id >= vocabSize);
  }
  assertEquals(text.text.length, length);
});

Deno.test("texts are generated, likely tokens named and scored where tokens have no text", async () => {
  using model = createModel();
  for (const options of [{ seed: 1 }, { numBeams: 3 }, { speculate: "lookup", seed: 1 } as const]) {
    const written = await model.generateText("a", { suppressTokens, maxNewTokens: 6, ...options });
    assertEquals(written, "");
  }
  using text = await model.open(tokens);
  const likely = await text.likeliest(config.vocabSize);
  assertEquals(likely.find(({ id }) => id === mute)!.text, "");
  const scored = (await model.score(tokens)).tokens;
  assertEquals(scored.map(({ text }) => text), ["a", "", "b"]);
  assertEquals(scored.map(({ numBytes }) => numBytes), [1, 0, 1]);
  const [one, other] = await model.scoreContinuations([a], [[mute, b], [b]]);
  assertEquals(one.logProbabilityPerByte, one.logProbability);
  assertEquals(other.tokens.length, 1);
});

Deno.test("the server takes tokens without a text", async () => {
  using model = createModel();
  const handler = createHandler(model);
  const post = async (address: string, body: unknown) => {
    const request = new Request(`http://127.0.0.1${address}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    const response = await handler(request);
    assertEquals(response.status, 200);
    return await response.json();
  };
  const completion = { prompt: tokens, max_tokens: 1, echo: true, logprobs: 2, seed: 1 };
  const { choices: [{ text, logprobs }] } = await post("/v1/completions", completion);
  assert(text.startsWith("ab"), text);
  assertEquals(logprobs.tokens[1], `token:${mute}`);
  const { data: [score] } = await post("/v1/score", { prompt: [a], continuations: [[mute, b]] });
  assertEquals(score.logprob_per_byte, score.logprob);
});

Deno.test("an error names a token without a text", async () => {
  using model = createModel();
  const prompts = { clean: tokens, corrupted: [b, mute, a], answer: mute, against: mute };
  await assertRejects(
    () => activationPatching(model, prompts),
    RangeError,
    `must differ: received ${mute}, `,
  );
});
