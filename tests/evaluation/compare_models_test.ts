import { assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import { compareLogits } from "../../src/evaluation/compare_logits.ts";
import { compareModels, type CompareModelsOptions } from "../../src/evaluation/compare_models.ts";
import { DifferenceCollector } from "../../src/evaluation/model_difference.ts";
import { perplexity } from "../../src/evaluation/perplexity.ts";
import { numScoredIn, windowDefinition, windowsFor } from "../../src/evaluation/window_options.ts";
import { GPT2 } from "../../src/gpt2.ts";
import { GPT2Config } from "../../src/model/config.ts";
import { Tokenizer } from "../../src/tokenizer/tokenizer.ts";

const config = GPT2Config.tiny();
const [base, other, third] = [1, 2, 3].map((seed) => new GPT2(config, { seed, threads: 1 }));
const { vocabSize, contextLength } = config;
const tokens = Array.from({ length: 300 }, (_, i) => i * i * 7 % vocabSize);

/** Logits of a text that is read at once, or in parts and beside others, differ by roundings of 1e-7 each. */
const TOLERANCE = 1e-6;

/** The same with all logits of each window at once. */
async function compareAtOnce(options: CompareModelsOptions) {
  const definition = windowDefinition("compare", options, contextLength);
  const windows = windowsFor("compare", tokens.length, definition);
  const collector = new DifferenceCollector(numScoredIn(windows));
  for (const { start, firstScored, end } of windows) {
    const text = tokens.slice(start, end);
    const own = await Promise.all([base, other].map(async (model) => {
      const { logits } = await model.forward(text);
      const begin = (firstScored - 1 - start) * vocabSize;
      return Float32Array.from(logits.subarray(begin, (text.length - 1) * vocabSize));
    }));
    const targets = Int32Array.from(tokens.slice(firstScored, end));
    for (const difference of await compareLogits(own[0], own[1], targets, false)) {
      collector.add(difference);
    }
  }
  return { definition, numWindows: windows.length, collector };
}

/** All numbers, however deep they are. */
function numbersOf(value: unknown): number[] {
  if (typeof value === "number") return [value];
  return Object.values(value as object).flatMap(numbersOf);
}

Deno.test("compareModels() gives what logits that are read at once give", async () => {
  for (
    const options of [{ chunk: 20 }, { chunk: contextLength }, { stride: 13, maxLength: 30 }, {
      stride: 8,
    }]
  ) {
    const { definition, numWindows, collector } = await compareAtOnce(options);
    const found = await compareModels([base, other], tokens, options);
    assertEquals(found.windows, definition);
    assertEquals([found.numWindows, found.numTokens], [numWindows, 300]);
    const [first, second] = found.models;
    assertEquals(first.difference, undefined);
    const pairs = [
      [first.loss, collector.baseLoss],
      [second.loss, collector.loss],
      [second.difference, collector.difference],
    ];
    for (const [actual, expected] of pairs) {
      const wanted = numbersOf(expected);
      for (const [i, value] of numbersOf(actual).entries()) {
        assertAlmostEquals(value, wanted[i], TOLERANCE, JSON.stringify(options));
      }
    }
  }
});

Deno.test("compareModels() measures the perplexity that perplexity() measures, of each model", async () => {
  const { models } = await compareModels([base, other, third], tokens, { chunk: 16 });
  for (const [i, model] of [base, other, third].entries()) {
    const alone = await perplexity(model, tokens, { chunk: 16 });
    assertAlmostEquals(models[i].perplexity.value, alone.perplexity.value, 1e-3);
    assertAlmostEquals(models[i].loss.value, alone.loss.value, TOLERANCE);
    assertAlmostEquals(models[i].loss.error, alone.loss.error, TOLERANCE);
  }
});

Deno.test("compareModels() finds a model equal to itself", async () => {
  const { models: [, { difference }], windows } = await compareModels([base, base], tokens);
  assertEquals(windows, { definition: "llama.cpp", chunk: contextLength });
  assertEquals(difference!.divergence.max, 0);
  assertEquals(difference!.perplexityRatio, { value: 1, error: 0 });
  assertEquals(difference!.sameTop, { value: 1, error: 0 });
});

Deno.test("compareModels() reads a window in parts where its logits take too much memory", async () => {
  // With 70,000 tokens, the logits of 239 places are in memory at once.
  const large = new GPT2Config({
    ...config,
    vocabSize: 70_000,
    contextLength: 300,
    embeddingDim: 32,
    numLayers: 1,
    numHeads: 2,
  });
  using a = new GPT2(large, { seed: 1, threads: 2 });
  using b = new GPT2(large, { seed: 2, threads: 2 });
  const seen: number[] = [];
  const found = await compareModels([a, b], tokens, {
    stride: 300,
    onProgress: ({ numScoredTokens }) => seen.push(numScoredTokens),
  });
  assertEquals(seen, [0, 239, 299]);
  assertAlmostEquals(
    found.models[1].loss.value,
    (await perplexity(b, tokens, { stride: 300 })).loss.value,
    TOLERANCE,
  );
});

Deno.test("compareModels() can be aborted, and the models used again", async () => {
  const stop = new AbortController();
  const onProgress = () => stop.abort();
  await assertRejects(
    () => compareModels([base, other], tokens, { signal: stop.signal, onProgress }),
    DOMException,
    "aborted",
  );
  assertEquals((await compareModels([base, other], tokens.slice(0, 128))).numTokens, 128);
});

Deno.test("compareModels() throws for what cannot be compared", async () => {
  using smaller = new GPT2(new GPT2Config({ ...config, vocabSize: 99 }), { seed: 1, threads: 1 });
  const wrong: [unknown, unknown, new () => Error, string][] = [
    [[base], tokens, RangeError, "two or more are needed: received 1"],
    [[], tokens, RangeError, "two or more are needed: received 0"],
    [[base, {}], tokens, TypeError, "a GPT2 is needed"],
    [null, tokens, TypeError, "an array of them is needed: received null"],
    [[base, smaller], [1, 2, 3], RangeError, "number 2, whose vocabulary has 99 tokens"],
    [[base, other], [1, 2, 3], RangeError, "at least 128 tokens: received 3"],
    [[base, other], "text", TypeError, "no tokenizer"],
  ];
  for (const [models, text, ErrorClass, message] of wrong) {
    await assertRejects(
      () => compareModels(models as GPT2[], text as number[]),
      ErrorClass,
      message,
    );
  }
});

Deno.test("compareModels() throws when a tokenizer has other tokens, and takes one without at its word", async () => {
  const gpt2 = await Tokenizer.gpt2();
  const tokenizerOf = (tokens: readonly string[]) => new Tokenizer({ tokens, merges: [] });
  const tiny = new GPT2Config({ ...config, vocabSize: 256 });
  const letters = Array.from({ length: 256 }, (_, id) => gpt2.tokens[id]);
  const exchanged = [letters[1], letters[0], ...letters.slice(2)];
  using a = new GPT2(tiny, { seed: 1, threads: 1, tokenizer: tokenizerOf(letters) });
  using b = new GPT2(tiny, { seed: 2, threads: 1, tokenizer: tokenizerOf(exchanged) });
  using none = new GPT2(tiny, { seed: 2, threads: 1 });
  const text = "one two three";
  await assertRejects(
    () => compareModels([a, b], text, { chunk: 6 }),
    RangeError,
    'whose token 0 is "\\"", and not "!"',
  );
  assertEquals((await compareModels([a, none], text, { chunk: 6 })).numScored, 4);
});
