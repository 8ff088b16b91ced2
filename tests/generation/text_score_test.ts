import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { GPT2 } from "../../src/gpt2.ts";
import { assertClose } from "../close.ts";

const model = await GPT2.fromPretrained("demo");
const encode = (text: string) => model.tokenizer!.encode(text);

/** Sums in another order, where there are no kernels of this package's own. */
const TOLERANCE = 1e-5;

Deno.test("Text.score() tells of each token that it adds what the text before says of it", async () => {
  using text = await model.open("ROMEO:");
  using other = await model.open("ROMEO:");
  const scores = await text.score("\nI love thee", { topLogProbabilities: 3 });
  assertEquals(scores.map(({ id }) => id), encode("\nI love thee"));
  assertEquals(text.text, "ROMEO:\nI love thee");
  for (const { id, logProbability, rank, topLogProbabilities } of scores) {
    const expected = await other.likeliest(model.config.vocabSize);
    const place = expected.findIndex((token) => token.id === id);
    assertEquals(rank, place + 1);
    assertClose([logProbability], [expected[place].logProbability], TOLERANCE);
    assertEquals(
      topLogProbabilities!.map(({ id, text }) => [id, text]),
      expected.slice(0, 3).map(({ id }) => [id, model.tokenizer!.decode([id])]),
    );
    await other.append([id]);
  }
  // What follows is what follows any such text.
  assertClose(await text.logits(), await other.logits(), TOLERANCE);
});

Deno.test("Text.score() scores what is added to a fork, a shortened and an unread text", async () => {
  using text = await model.open("ROMEO:\nI love");
  const [expected] = await text.fork().score(" thee");
  using fork = text.fork();
  fork.truncate(fork.length - 1);
  await fork.next({ seed: 1 });
  fork.truncate(fork.length - 1);
  assertClose([(await fork.score(" love thee")).at(-1)!.logProbability], [
    expected.logProbability,
  ], TOLERANCE);
  using unread = await model.open(encode("ROMEO:\nI"));
  for await (const _ of unread.generate({ maxNewTokens: 1, greedy: true })) break;
  unread.truncate(unread.length - 1);
  assertClose([(await unread.score(" love thee")).at(-1)!.logProbability], [
    expected.logProbability,
  ], TOLERANCE);
});

Deno.test("Text.score() has no number for the very first token, and nothing for no token", async () => {
  using text = await model.open();
  const [first, second] = await text.score(encode("ROMEO:").slice(0, 2));
  assertEquals([first.logProbability, first.rank, first.entropy], [NaN, NaN, NaN]);
  assertEquals(Number.isFinite(second.logProbability), true);
  assertEquals(await text.score([]), []);
  assertEquals(text.length, 2);
});

Deno.test("Text.score() takes back what it could not read", async () => {
  using text = await model.open("ROMEO:");
  const before = text.tokens;
  const { contextLength } = model.config;
  await assertRejects(() => text.score(Array(contextLength).fill(1)), RangeError, "positions");
  await assertRejects(() => text.score([-1]), RangeError);
  await assertRejects(() => text.score("x", { topLogProbabilities: -1 }), RangeError);
  const stop = new AbortController();
  const aborted = text.score(Array(100).fill(1), { signal: stop.signal });
  stop.abort();
  await assertRejects(() => aborted, DOMException);
  assertEquals(text.tokens, before);
  const expected = await model.open("ROMEO:");
  assertClose(await text.logits(), await expected.logits(), TOLERANCE);
  text[Symbol.dispose]();
  assertThrows(() => text.fork(), TypeError);
  await assertRejects(() => text.score("x"), TypeError, "disposed");
});
