import { assert, assertEquals, assertRejects } from "@std/assert";
import { NotEnoughMemoryError } from "../../src/base/errors.ts";
import type { TokenLogProbability, TokenScore } from "../../src/engine/target_scores.ts";
import type { GPT2 } from "../../src/gpt2.ts";
import type { Text } from "../../src/generation/text.ts";
import { PrefixCache } from "../../src/server/prefix_cache.ts";
import { Backend } from "../../src/tensor/backend.ts";
import { canAttendRagged } from "../../src/tensor/fused_attention.ts";
import { assertClose } from "../close.ts";
import { model } from "./serving.ts";

const { signal } = new AbortController();
/** Without kernels of our own, a Q8_0 matrix rounds one column otherwise than several. */
const TOLERANCE = hasKernels() ? 0 : 0.2;
const LIMITS = { maxTexts: 4, maxTokens: 1000 };
const tokens = model.tokenizer!.encode(
  "ROMEO:\nI would the world were mine, and all the stars that shine above it at this hour of night.",
);
const other = model.tokenizer!.encode(
  "JULIET:\nWhat is it that thou wouldst have, my gentle friend?",
);

function hasKernels(): boolean {
  using backend = Backend.cpu();
  return canAttendRagged(backend, model.config.headDim, "f16");
}

async function logitsOf(prompt: readonly number[]): Promise<Float32Array> {
  return (await model.forward(prompt, { logits: "last" })).logits;
}

function valuesOf(scores: readonly TokenLogProbability[]): number[] {
  return scores.map(({ logProbability }) => logProbability);
}

async function read(cache: PrefixCache, prompt: readonly number[]): Promise<number> {
  const { text, numReused } = await cache.read(prompt, { signal });
  assertEquals(text.tokens, prompt);
  assertClose(await text.logits(), await logitsOf(prompt), TOLERANCE);
  cache.giveBack(text, { isKept: true });
  return numReused;
}

Deno.test("read() reads what no other text has, and gives the same bits", async () => {
  const cache = new PrefixCache(model, LIMITS);
  assertEquals(await read(cache, tokens.slice(0, 20)), 0);
  assertEquals(await read(cache, tokens), 20, "a longer one");
  assertEquals(await read(cache, tokens), tokens.length, "the same one");
  assertEquals(await read(cache, tokens.slice(0, 12)), 12, "a shorter one");
  assertEquals(await read(cache, [...tokens.slice(0, 9), ...other]), 9, "one that turns off");
  assertEquals(await read(cache, other), 0, "another one");
  assertEquals(await read(cache, [...tokens.slice(0, 5), ...other]), 0, "not worth the while");
  cache.clear();
});

Deno.test("read() copies a text of which much would be lost", async () => {
  const cache = new PrefixCache(model, LIMITS);
  const long = [...tokens, ...other, ...other, ...other];
  await read(cache, long);
  assertEquals(await read(cache, [...tokens, 1]), tokens.length);
  assertEquals(cache.numKept, 2);
  assertEquals(await read(cache, long), long.length, "it is still there");
  cache.clear();
  assertEquals(cache.numKept, 0);
});

Deno.test("read() shares the beginning of a text that is in use", async () => {
  const cache = new PrefixCache(model, LIMITS);
  const [first, second, third] = await Promise.all(
    [tokens, [...tokens, ...other], tokens].map((prompt) => cache.read(prompt, { signal })),
  );
  assertEquals([first, second, third].map(({ numReused }) => numReused), [
    0,
    tokens.length,
    tokens.length,
  ]);
  // While it is being read on, too.
  const appended = first.text.append(other);
  const fourth = await cache.read([...tokens, 7], { signal });
  assertEquals(fourth.numReused, tokens.length);
  assertClose(await fourth.text.logits(), await logitsOf([...tokens, 7]), TOLERANCE);
  assertClose(await second.text.logits(), await logitsOf([...tokens, ...other]), TOLERANCE);
  await appended;
  assertClose(await first.text.logits(), await logitsOf([...tokens, ...other]), TOLERANCE);
  for (const { text } of [first, second, third, fourth]) cache.giveBack(text, { isKept: false });
  assertEquals(cache.numKept, 0);
});

Deno.test("read() has the scores of what is reused, or reads it again", async () => {
  const cache = new PrefixCache(model, LIMITS);
  const score = async (prompt: readonly number[], numTop: number) => {
    const { text, scores, numReused } = await cache.read(prompt, { numTop, signal });
    using alone = await model.open();
    const expected = await alone.score(prompt, { topLogProbabilities: numTop });
    assertClose(valuesOf(scores), valuesOf(expected), TOLERANCE);
    const top = (from: readonly TokenScore[]) =>
      from.slice(1).flatMap(({ topLogProbabilities = [] }) => topLogProbabilities.slice(0, numTop));
    assertEquals(top(scores).length, numTop * (prompt.length - 1));
    assertClose(valuesOf(top(scores)), valuesOf(top(expected)), TOLERANCE);
    cache.giveBack(text, { isKept: true });
    return numReused;
  };
  await read(cache, tokens);
  assertEquals(await score(tokens, 1), 0, "they were not computed");
  assertEquals(await score(tokens, 1), tokens.length);
  assertEquals(await score([...tokens, ...other], 1), tokens.length);
  assertEquals(await score(tokens, 3), 0, "not so many of the likeliest");
  assertEquals(await score(tokens, 2), tokens.length);
  cache.clear();
});

Deno.test("no more is kept than may be, and what was used last stays", async () => {
  const cache = new PrefixCache(model, { maxTexts: 2, maxTokens: 60 });
  const prompts = [1, 2, 3].map((id) => [id, ...tokens.slice(0, 15)]);
  for (const prompt of prompts) await read(cache, prompt);
  assertEquals([cache.numKept, cache.numKeptTokens], [2, 32]);
  assertEquals(await read(cache, prompts[1]), 16);
  assertEquals(await read(cache, prompts[0]), 0);
  assertEquals(await read(cache, prompts[1]), 16);
  await read(cache, [9, ...tokens, ...tokens].slice(0, 50));
  assert(cache.numKeptTokens <= 60);
  cache.clear();
});

Deno.test("a text of which another one has all is not kept twice", async () => {
  const cache = new PrefixCache(model, LIMITS);
  const texts: Text[] = [];
  for (let i = 0; i < 3; i++) texts.push((await cache.read(tokens, { signal })).text);
  for (const text of texts) cache.giveBack(text, { isKept: true });
  assertEquals(cache.numKept, 1);
  cache.clear();
});

Deno.test("who waits for a text whose reader goes away reads it himself", async () => {
  const cache = new PrefixCache(model, LIMITS);
  const gone = new AbortController();
  const first = cache.read(tokens, { signal: gone.signal });
  const second = cache.read([...tokens, 1], { signal });
  gone.abort();
  await assertRejects(() => first, DOMException);
  const { text, numReused } = await second;
  assertEquals([text.tokens, numReused], [[...tokens, 1], 0]);
  assertClose(await text.logits(), await logitsOf([...tokens, 1]), TOLERANCE);
  cache.giveBack(text, { isKept: true });
  cache.clear();
});

Deno.test("when memory is refused all that is kept is given back, and the prompt read", async () => {
  let numRefused = 0;
  const scarce = {
    open: async () => {
      if (numRefused++ === 1) throw new NotEnoughMemoryError("no memory");
      return await model.open();
    },
  } as unknown as GPT2;
  const cache = new PrefixCache(scarce, LIMITS);
  assertEquals(await read(cache, tokens), 0);
  assertEquals(cache.numKept, 1);
  assertEquals(await read(cache, other), 0);
  assertEquals(await read(cache, tokens), 0, "it is not there any more");
  cache.clear();
});
