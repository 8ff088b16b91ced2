import { assertEquals } from "@std/assert";
import {
  LogProbabilityWriter,
  tokenText,
} from "../../../src/server/completions/log_probabilities.ts";
import { Tokenizer } from "../../../src/tokenizer/tokenizer.ts";

const tokenizer = await Tokenizer.gpt2();

Deno.test("tokenText() writes parts of characters as their bytes, so that no two look alike", () => {
  const ids = tokenizer.encode("A 😀é");
  assertEquals(ids.map((id) => tokenText(tokenizer, id)), [
    "A",
    "bytes:\\x20\\xf0\\x9f\\x98",
    "bytes:\\x80",
    "é",
  ]);
  const texts = Array.from({ length: tokenizer.vocabSize }, (_, id) => tokenText(tokenizer, id));
  assertEquals(new Set(texts).size, tokenizer.vocabSize);
  assertEquals(tokenText(tokenizer, tokenizer.vocabSize), `token:${tokenizer.vocabSize}`);
});

Deno.test("LogProbabilityWriter tells where tokens begin in characters as Python counts them", () => {
  const text = "A 😀é b";
  const writer = new LogProbabilityWriter(tokenizer, 0);
  for (const id of tokenizer.encode(text)) writer.add({ id, logProbability: -1 });
  const { tokens, text_offset, token_logprobs, top_logprobs } = writer.take();
  assertEquals(tokens.length, 5);
  // The first three bytes of the second token are a space and a part of a character that the third completes.
  assertEquals(text_offset, [0, 1, 2, 3, 4]);
  assertEquals([token_logprobs, top_logprobs], [[-1, -1, -1, -1, -1], null]);
  assertEquals(writer.take().tokens, []);
});

Deno.test("LogProbabilityWriter names the token itself beside the likeliest, and writes no NaN", () => {
  const writer = new LogProbabilityWriter(tokenizer, 2);
  const [a, b, c] = tokenizer.encode("abc".split("").join(" "));
  const top = [{ id: a, logProbability: -0.5 }, { id: b, logProbability: -1 }, {
    id: c,
    logProbability: -2,
  }];
  writer.add({ id: c, logProbability: NaN });
  writer.add({ id: c, logProbability: -2, topLogProbabilities: top });
  writer.add({ id: a, logProbability: -0.5, topLogProbabilities: top });
  writer.add({ id: c, logProbability: -Infinity, topLogProbabilities: [] });
  const { token_logprobs, top_logprobs } = writer.take();
  assertEquals(token_logprobs, [null, -2, -0.5, -9999]);
  assertEquals(top_logprobs, [
    null,
    { a: -0.5, " b": -1, " c": -2 },
    { a: -0.5, " b": -1 },
    { " c": -9999 },
  ]);
});
