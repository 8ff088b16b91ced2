import { assert, assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import { logSumExp } from "../../src/base/log_sum_exp.ts";
import { groupScores } from "../../src/evaluation/group_scores.ts";
import { GPT2 } from "../../src/gpt2.ts";
import { GPT2Config } from "../../src/model/config.ts";
import { Tokenizer } from "../../src/tokenizer/tokenizer.ts";

const model = await GPT2.fromPretrained("demo", { type: "f32" });
const tokenizer = model.tokenizer!;
const endOfText = model.endOfTextIds[0];
const { vocabSize, contextLength } = model.config;

/** The kernel's log-probabilities are exact to 3e-7; perplexities of the size of 100 multiply that. */
const TOLERANCE = 2e-5;

/** The log-probability of each token but the first, from all logits. */
async function fromLogits(tokens: readonly number[]): Promise<number[]> {
  const { logits } = await model.forward(tokens);
  return tokens.slice(1).map((id, i) =>
    logits[i * vocabSize + id] - logSumExp(logits, i * vocabSize, vocabSize)
  );
}

const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);

Deno.test("GPT2.score() tells of each token what all logits say, and of the text what they add up to", async () => {
  const text = "To be, or not to be: that is the question";
  const score = await model.score(text, { topLogProbabilities: 2 });
  const ids = tokenizer.encode(text);
  const expected = await fromLogits(ids);
  assertEquals(score.tokens.map(({ id }) => id), ids);
  assertEquals(score.tokens.map(({ text }) => text).join(""), text);
  assertEquals(score.tokens[0].logProbability, NaN);
  expected.forEach((logProbability, i) => {
    const token = score.tokens[i + 1];
    assertAlmostEquals(token.logProbability, logProbability, TOLERANCE);
    assertEquals(token.topLogProbabilities!.length, 2);
  });
  assertEquals(score.numScored, ids.length - 1);
  assertAlmostEquals(score.logProbability, sum(expected), TOLERANCE);
  assertAlmostEquals(score.perplexity, Math.exp(-sum(expected) / expected.length), TOLERANCE * 100);
  const numBytes = text.length - tokenizer.decode([ids[0]]).length;
  assertAlmostEquals(score.bitsPerByte, -sum(expected) / Math.log(2) / numBytes, TOLERANCE);
  const { loss } = await model.forward(ids.slice(0, -1), { targets: ids.slice(1) });
  assertAlmostEquals(Math.log(score.perplexity), loss!, TOLERANCE);
});

Deno.test("GPT2.score() scores the first token too, after the token that ends texts", async () => {
  const ids = tokenizer.encode("To be");
  const { tokens, numScored, bitsPerByte, logProbability } = await model.score("To be", {
    afterEndOfText: true,
  });
  const expected = await fromLogits([endOfText, ...ids]);
  assertEquals([tokens.length, numScored, tokens[0].offset], [2, 2, 0]);
  tokens.forEach((token, i) => assertAlmostEquals(token.logProbability, expected[i], TOLERANCE));
  assertAlmostEquals(bitsPerByte, -logProbability / Math.log(2) / 5, TOLERANCE);
});

Deno.test("GPT2.score() reads long texts in windows, of which the tokens that are new count", async () => {
  const ids = tokenizer.encode("ROMEO:\nI love thee, and thou, my love, art fair. ".repeat(60))
    .slice(0, 2 * contextLength + 17);
  for (const stride of [undefined, 100, contextLength]) {
    const { tokens } = await model.score(ids, { stride });
    assertEquals(tokens.map(({ id }) => id), ids);
    const step = stride ?? contextLength / 2;
    let end = 0;
    for (let start = 0; end < ids.length; start += step) {
      const window = ids.slice(start, start + contextLength);
      const expected = [NaN, ...await fromLogits(window)];
      for (let i = end; i < start + window.length; i++) {
        const actual = tokens[i].logProbability;
        if (i === start) assertEquals(actual, NaN);
        else assertAlmostEquals(actual, expected[i - start], TOLERANCE);
      }
      end = start + window.length;
    }
  }
  const { tokens } = await model.score(ids, { afterEndOfText: true });
  assert(tokens.length === ids.length && tokens.every(({ rank }) => rank >= 1));
});

Deno.test("GPT2.score() and scoreEach() give many texts of any lengths in order, each as alone", async () => {
  const texts = [
    "a b c",
    "",
    "x",
    "To be, or not to be".repeat(9),
    [1, 2, 3],
    "ROMEO: ".repeat(200),
  ];
  const alone = [];
  for (const text of texts) alone.push(await model.score(text));
  const together = await model.score(texts);
  const numbers = (scores: readonly { tokens: readonly { rank: number }[] }[]) =>
    scores.map(({ tokens }) => tokens.map(({ rank }) => rank));
  assertEquals(numbers(together), numbers(alone));
  async function* slowly() {
    for (const text of texts) {
      await new Promise((resolve) => setTimeout(resolve, 1));
      yield text;
    }
  }
  assertEquals(numbers(await Array.fromAsync(model.scoreEach(slowly()))), numbers(alone));
});

Deno.test("GPT2.score() says how far it is, and stops when it is told to", async () => {
  const told: number[][] = [];
  const stop = new AbortController();
  const ids = Array.from({ length: 3 * contextLength }, (_, i) => i % 100);
  await model.score(ids, {
    onProgress: ({ numScoredTokens, numTokens }) => told.push([numScoredTokens, numTokens]),
  });
  assertEquals(told.at(-1), [ids.length, ids.length]);
  assert(told.length > 1);
  const refused = assertRejects(
    () => model.score(ids, { signal: stop.signal, onProgress: () => stop.abort() }),
    DOMException,
  );
  await refused;
  assertEquals((await model.score("To be")).numScored, 1);
});

Deno.test("GPT2.score() refuses what it cannot score, before it reads anything", async () => {
  // deno-lint-ignore no-explicit-any
  const bad = model as any;
  await assertRejects(() => bad.score(5), TypeError, "Cannot score");
  await assertRejects(() => bad.score(["a", null]), TypeError, "Cannot score");
  await assertRejects(() => bad.score("a", { strid: 3 }), TypeError, "stride");
  await assertRejects(() => model.score("a", { stride: 0 }), RangeError, "stride");
  await assertRejects(() => model.score("a", { stride: contextLength + 1 }), RangeError, "stride");
  await assertRejects(() => model.score([vocabSize]), RangeError);
  await assertRejects(() => model.score([1, -1]), RangeError);
  await assertRejects(() => model.score("a", { topLogProbabilities: -1 }), RangeError);
  using plain = new GPT2(new GPT2Config({ ...GPT2Config.tiny(), numLayers: 1 }));
  await assertRejects(() => plain.score("a"), TypeError, "no tokenizer");
  await assertRejects(
    () => plain.score([1], { afterEndOfText: true }),
    RangeError,
    "afterEndOfText",
  );
  const { bitsPerByte, perplexity } = await plain.score([1, 2, 3]);
  assert(Number.isNaN(bitsPerByte) && perplexity > 1);
});

Deno.test("GPT2.scoreEach() gives one score for each text, also of those without tokens", async () => {
  for (const afterEndOfText of [false, true]) {
    const texts = ["", "To be", "", "or", ""];
    const scores = await Array.fromAsync(model.scoreEach(texts, { afterEndOfText }));
    assertEquals(scores.map(({ tokens }) => tokens.length), [0, 2, 0, 1, 0]);
    assertEquals(
      scores.map(({ numScored }) => numScored),
      afterEndOfText ? [0, 2, 0, 1, 0] : [0, 1, 0, 0, 0],
    );
  }
});

Deno.test("GPT2.score() scores all tokens of a text that the tokenizer puts one before, and these alone", async () => {
  const sequence = { Sequence: { id: "A", type_id: 0 } };
  const begin = { SpecialToken: { id: "<|endoftext|>", type_id: 0 } };
  const begun = Tokenizer.fromTokenizerJson(JSON.stringify({
    ...JSON.parse(tokenizer.toTokenizerJson()),
    post_processor: {
      type: "TemplateProcessing",
      single: [begin, sequence],
      pair: [],
      special_tokens: {},
    },
  }));
  assertEquals(begun.beginOfTextId, endOfText);
  const config = new GPT2Config({ ...GPT2Config.tiny(), vocabSize });
  using reader = new GPT2(config, { seed: 3, tokenizer: begun });
  const text = "  to b\u00e9 \u{1f642}";
  const ids = begun.encode(text);
  const alone = await reader.score([endOfText, ...ids]);
  for (const afterEndOfText of [false, true]) {
    const { tokens, numScored } = await reader.score(text, { afterEndOfText });
    assertEquals(tokens.map(({ id }) => id), ids);
    assertEquals(numScored, ids.length);
    tokens.forEach(({ logProbability, byteOffset }, i) => {
      assertAlmostEquals(logProbability, alone.tokens[i + 1].logProbability, TOLERANCE);
      assertEquals(byteOffset, begun.decodeBytes(ids.slice(0, i)).length);
    });
    assertEquals(tokens.at(-1)!.offset, text.length - 2);
    const words = groupScores(text, tokens);
    assertEquals(sum(words.map(({ numTokens }) => numTokens)), ids.length);
    assert(words.every(({ logProbability }) => Number.isFinite(logProbability)));
  }
});

Deno.test("GPT2.score() and scoreEach() refuse what is no list of texts, such as the characters of one", async () => {
  for (const texts of [null, undefined, 5, "To be", {}]) {
    const scores = model.scoreEach(texts as unknown as string[]);
    await assertRejects(() => scores.next(), TypeError, "Cannot score: something to iterate over");
  }
});

Deno.test("GPT2.score() reads the tokens that there are when it is called", async () => {
  const tokens = tokenizer.encode("To be, or not to be");
  const expected = await model.score(tokens);
  const [lone, listed] = [[...tokens], [[...tokens]]];
  const scores = [model.score(lone), model.score(listed).then(([score]) => score)];
  for (const changed of [lone, listed[0]]) changed.fill(7);
  listed.push([1]);
  for (const score of await Promise.all(scores)) assertEquals(score, expected);
});

Deno.test("GPT2.scoreEach() and scoreContinuations() say of a single text that it belongs into an array", async () => {
  // deno-lint-ignore no-explicit-any
  const bad = model as any;
  for (const text of ["a cat", [1, 2], new Int32Array([1, 2])]) {
    for (
      const refused of [
        () => bad.scoreEach(text).next(),
        () => bad.scoreContinuations("The", text),
      ]
    ) await assertRejects(refused, TypeError, "Put a single one in an array.");
  }
});

Deno.test("GPT2.score() gives no score for an empty list, and one for a typed array without tokens", async () => {
  const texts: string[] = [];
  assertEquals(await model.score(texts), []);
  assertEquals((await model.score(new Uint32Array())).tokens, []);
});

Deno.test("GPT2.score() tells the texts of the likeliest tokens, and the bytes of parts of characters", async () => {
  const { tokens } = await model.score("\u{1f642}.", { topLogProbabilities: vocabSize });
  assertEquals(tokens.slice(0, -1).map(({ hex }) => hex).join(""), "f09f9982");
  for (const { id, text, hex } of tokens.at(-1)!.topLogProbabilities!) {
    assertEquals(text, tokenizer.decode([id]));
    assertEquals(hex, text.includes("\ufffd") ? tokenizer.tokenBytes(id).toHex() : undefined);
  }
});

Deno.test("GPT2.score() counts no space that a tokenizer puts before a text", async () => {
  const { tokens, merges } = await Tokenizer.gpt2();
  const tokenizer = new Tokenizer({
    tokens: tokens.slice(0, 50_256),
    merges,
    addPrefixSpace: true,
  });
  const config = new GPT2Config({ ...GPT2Config.tiny(), vocabSize: tokenizer.vocabSize });
  using prefixing = new GPT2(config, { seed: 1, threads: 1, tokenizer });
  const text = "The cat sat";
  const score = await prefixing.score(text);
  const places = score.tokens.map(({ text, offset, numBytes }) => [text, offset, numBytes]);
  assertEquals(places, [["The", 0, 3], [" cat", 3, 4], [" sat", 7, 4]]);
  assertEquals(groupScores(text, score.tokens).map(({ text, numTokens }) => [text, numTokens]), [
    ["The", 1],
    ["cat", 1],
    ["sat", 1],
  ]);
  assertAlmostEquals(score.bitsPerByte, -score.logProbability / Math.LN2 / 8, 1e-9);
});
