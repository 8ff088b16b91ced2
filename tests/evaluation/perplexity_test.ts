import { assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import { perplexity, type PerplexityOptions } from "../../src/evaluation/perplexity.ts";
import { GPT2 } from "../../src/gpt2.ts";
import { GPT2Config } from "../../src/model/config.ts";
import { Tokenizer } from "../../src/tokenizer/tokenizer.ts";

/** `perplexity.json`: see scripts/make_perplexity_reference.py. */
interface Reference {
  readonly numTokens: number;
  readonly huggingFace: readonly (Expected & { maxLength: number; stride: number })[];
  readonly llamaCpp: readonly (Expected & { chunk: number })[];
}

interface Expected {
  readonly numWindows: number;
  readonly numScored: number;
  readonly loss: number;
  readonly perplexity: number;
  readonly error: number;
}

const fixtures = new URL("../fixtures/", import.meta.url);
const reference: Reference = JSON.parse(
  Deno.readTextFileSync(new URL("evaluation/perplexity.json", fixtures)),
);
const passage = Deno.readTextFileSync(new URL("reference/demo/passage.txt", fixtures)).slice(
  0,
  1500,
);

/** In F32, logits are transformers' within 1e-4, and their errors have no common sign. */
const LOSS_TOLERANCE = 1e-5;

const model = await GPT2.fromPretrained("demo", { type: "f32", threads: 2 });
const tiny = new GPT2(GPT2Config.tiny(), { seed: 1, threads: 1 });

async function checkPerplexity(options: PerplexityOptions, expected: Expected): Promise<void> {
  const found = await perplexity(model, passage, options);
  const { numTokens, numWindows, numScored, loss } = found;
  assertEquals(
    { numTokens, numWindows, numScored },
    {
      numTokens: reference.numTokens,
      numWindows: expected.numWindows,
      numScored: expected.numScored,
    },
  );
  assertAlmostEquals(loss.value, expected.loss, LOSS_TOLERANCE);
  const relative = expected.perplexity * LOSS_TOLERANCE;
  assertAlmostEquals(found.perplexity.value, expected.perplexity, relative);
  assertAlmostEquals(found.perplexity.error, expected.error, relative);
  assertAlmostEquals(
    found.bitsPerByte,
    loss.value * numScored / Math.LN2 / found.numBytes,
    1e-12,
  );
}

Deno.test("perplexity() by strides equals transformers' number", async () => {
  for (const { maxLength, stride, ...expected } of reference.huggingFace) {
    await checkPerplexity({ maxLength, stride }, expected);
  }
});

Deno.test("perplexity() by chunks equals what transformers gives by llama.cpp's definition", async () => {
  for (const { chunk, ...expected } of reference.llamaCpp) {
    await checkPerplexity({ chunk }, expected);
  }
});

Deno.test("perplexity() counts the bytes of what is scored", async () => {
  const text = "Mercy! ".repeat(3) + "§";
  const tokens = model.tokenizer!.encode(text);
  const { numBytes, numScored } = await perplexity(model, text);
  assertEquals(numScored, tokens.length - 1);
  const [first] = tokens;
  const numAll = new TextEncoder().encode(text).length;
  assertEquals(numBytes, numAll - model.tokenizer!.tokenBytes(first).length);
});

Deno.test("perplexity() takes tokens, and needs no tokenizer for them", async () => {
  const tokens = Array.from({ length: 90 }, (_, i) => i * 37 % 1000);
  const { loss, numScored, numBytes, bitsPerByte, windows } = await perplexity(tiny, tokens);
  const { contextLength } = tiny.config;
  assertEquals(windows, {
    definition: "hugging-face",
    maxLength: contextLength,
    stride: contextLength / 2,
  });
  assertEquals([numScored, numBytes, bitsPerByte], [89, NaN, NaN]);
  // It knows nothing yet.
  assertAlmostEquals(loss.value, Math.log(1000), 0.1);
  assertEquals((await perplexity(tiny, Uint16Array.from(tokens))).loss, loss);
});

Deno.test("perplexity() gives the same numbers for one token that counts, without an error", async () => {
  const { loss, perplexity: found, numScored } = await perplexity(tiny, [1, 2]);
  const [score] = (await tiny.score([1, 2])).tokens.slice(1);
  assertEquals(numScored, 1);
  assertEquals(loss, { value: -score.logProbability, error: NaN });
  assertEquals(found, { value: Math.exp(-score.logProbability), error: NaN });
});

Deno.test("perplexity() scores the first token after the end of a text where that is asked for", async () => {
  const text = "ROMEO: What light?";
  const options = { afterEndOfText: true };
  const [found, score] = [await perplexity(model, text, options), await model.score(text, options)];
  assertEquals([found.numTokens, found.numScored], [score.numScored, score.numScored]);
  assertAlmostEquals(found.loss.value, -score.logProbability / score.numScored, 1e-5);
  assertEquals(found.numBytes, text.length);
  // One token is enough then. The windows are those of the text with what is put before it.
  assertEquals((await perplexity(model, "a", options)).numScored, 1);
  const tokens = Array.from(model.tokenizer!.encode(passage));
  const whole = [model.endOfTextIds[0], ...tokens];
  const { windows: _, numTokens, ...rest } = await perplexity(model, tokens, options);
  const { windows: _w, numTokens: one, ...expected } = await perplexity(model, whole);
  assertEquals([numTokens + 1, rest], [one, expected]);
});

Deno.test("perplexity() recognizes special tokens where that is asked for", async () => {
  const text = "A.<|endoftext|>B.";
  const found = await perplexity(model, text, { allowSpecial: "all" });
  const plain = await perplexity(model, text);
  assertEquals(found.numTokens, model.tokenizer!.encode(text, { allowSpecial: "all" }).length);
  assertEquals(plain.numTokens, model.tokenizer!.encode(text).length);
});

Deno.test("perplexity() tells how far it is", async () => {
  const seen: number[] = [];
  const tokens = Array.from({ length: 300 }, (_, i) => i % 1000);
  await perplexity(tiny, tokens, {
    maxLength: 20,
    stride: 10,
    onProgress: ({ numScoredTokens, numTokens }) => {
      assertEquals(numTokens, 299);
      seen.push(numScoredTokens);
    },
  });
  assertEquals([seen[0], seen.at(-1)], [0, 299]);
  assertEquals(seen, seen.toSorted((a, b) => a - b));
});

Deno.test("perplexity() can be aborted", async () => {
  const tokens = Array.from({ length: 3000 }, (_, i) => i % 1000);
  const stop = new AbortController();
  await assertRejects(
    () => perplexity(tiny, tokens, { signal: stop.signal, onProgress: () => stop.abort() }),
    DOMException,
    "aborted",
  );
  assertEquals((await perplexity(tiny, tokens.slice(0, 9))).numScored, 8);
});

Deno.test("perplexity() throws for what cannot be measured", async () => {
  const wrong: [unknown, unknown, new () => Error, string][] = [
    [[1], {}, RangeError, "at least 2 tokens: received 1"],
    [[], {}, RangeError, "at least 2 tokens: received 0"],
    [[1, 2, 3], { chunk: 4 }, RangeError, "at least 4 tokens: received 3"],
    [[], { afterEndOfText: true }, RangeError, "the model has no token that ends a text"],
    [[1, 2, 3], { afterEndOfText: true, chunk: 3 }, RangeError, "with `chunk` it never counts"],
    [[1, 1000], {}, RangeError, "Cannot read token 1"],
    [[1, 2], { stride: 0 }, RangeError, "stride must be an integer of at least 1"],
    [[1, 2], { chunk: 2 }, RangeError, "chunk must be an integer of at least 3"],
    [[1, 2], { maxLength: 1 }, RangeError, "maxLength must be an integer of at least 2"],
    [[1, 2], { window: 2 }, TypeError, "there is no such option"],
    ["text", {}, TypeError, "no tokenizer"],
    [null, {}, TypeError, "a text or its tokens are needed: received null"],
  ];
  for (const [text, options, ErrorClass, message] of wrong) {
    await assertRejects(
      () => perplexity(tiny, text as string, options as PerplexityOptions),
      ErrorClass,
      message,
    );
  }
  const { config, endOfTextIds } = tiny;
  const other = { config, endOfTextIds, tokenizer: await Tokenizer.gpt2() };
  await assertRejects(() => perplexity(other, "text"), TypeError, "a GPT2 is needed");
});
