import { assert, assertEquals, assertRejects } from "@std/assert";
import { NumericalError } from "../../../src/base/errors.ts";
import { Engine } from "../../../src/engine/engine.ts";
import { generate } from "../../../src/generation/generate.ts";
import type { GenerateOptions } from "../../../src/generation/generate_options.ts";
import {
  asDraft,
  assertSameTexts,
  createSmallModel,
  tokenizer,
  vocabulary,
  WatchedEngine,
  write,
} from "./speculating.ts";

const model = createSmallModel(1);
const engine = new Engine(model);
/** Agrees with the model always. */
const perfect = asDraft(new Engine(createSmallModel(1)));
/** Has other weights, and agrees with it by chance. */
const other = asDraft(new Engine(createSmallModel(2)));

const prompts = [[5, 6, 7], [40, 41, 42, 43, 40, 41, 42], [5, 6, 7]];
const low = { temperature: 0.05 };
const speculations: GenerateOptions[] = [
  { speculate: "lookup" },
  { draft: perfect },
  { draft: other },
];

const options: Record<string, GenerateOptions> = {
  greedy: { greedy: true },
  "low temperature": low,
  "no filter": { topK: 0 },
  "top-k": { ...low, topK: 3 },
  "top-p": { ...low, topK: 0, topP: 0.8 },
  "min-p": { ...low, minP: 0.1 },
  "typical-p": { ...low, typicalP: 0.6 },
  "llama.cpp": { order: "llama.cpp", temperature: 0.05, topP: 0.9 },
  penalties: { ...low, repetitionPenalty: 1.1, presencePenalty: 0.01, frequencyPenalty: 0.01 },
  "no repeated n-grams": { ...low, noRepeatNgramSize: 3 },
  bias: { greedy: true, logitBias: { 9: 0.2, 10: -Infinity } },
  "top log-probabilities": { greedy: true, topLogProbabilities: 3 },
  "no log-probabilities": { greedy: true, logProbabilities: false },
  "several texts": { ...low, numReturnSequences: 3 },
  "few at a time": { ...low, numReturnSequences: 2, batchSize: 3 },
  "one token": { greedy: true, maxNewTokens: 1 },
  "two tokens": { greedy: true, maxNewTokens: 2 },
  "up to the context": { greedy: true, maxNewTokens: 100 },
  "beyond the context": { greedy: true, maxNewTokens: 150, overflow: "crop" },
  "beyond the context, at random": { ...low, maxNewTokens: 150, overflow: "crop" },
  "no end": { ...low, ignoreEndOfText: true },
  "an end": { ...low, logitBias: { [tokenizer.endOfTextId!]: 0.15 } },
  "rules for tokens": {
    ...low,
    badWords: [[5, 6], [7]],
    suppressTokens: [8],
    minNewTokens: 10,
    forcedStart: [9, 9, 9, 9],
  },
  regex: { ...low, regex: "([a-z]{2} ){20}" },
  choices: { ...low, choices: [" yes yes yes yes", " no no no no no"] },
};

for (const [name, extra] of Object.entries(options)) {
  Deno.test(`generate() writes the same with and without drafts: ${name}`, async () => {
    for (let seed = 0; seed < 6; seed++) {
      const settings = { maxNewTokens: 40, seed, ...extra };
      const plain = await write(engine, prompts, settings);
      assertEquals(plain.numDrafted, 0);
      for (const speculation of speculations) {
        const drafted = await write(engine, prompts, { ...settings, ...speculation });
        assertSameTexts(model, drafted, plain);
        assert(drafted.numAccepted <= drafted.numDrafted);
        if (speculation.draft === other) continue;
        const isLookup = speculation.speculate !== undefined;
        const canDraft = settings.maxNewTokens > 2;
        if (canDraft && !isLookup) assert(drafted.numDrafted > 0);
      }
    }
  });
}

Deno.test("generate() writes the same where a stop text ends it within a draft", async () => {
  let numStopped = 0;
  for (let seed = 0; seed < 30; seed++) {
    const settings = { ...low, topK: 5, seed, maxNewTokens: 40 };
    const { tokens } = await write(engine, [prompts[0]], settings);
    const text = tokens.map((token) => token.text).join("");
    const stopping = { ...settings, stop: [text.slice(20, 23), "no such text"] };
    if (stopping.stop[0] === "") continue;
    const plain = await write(engine, [prompts[0]], stopping);
    if (plain.tokens.at(-1)!.finishReason === "stop") numStopped++;
    for (const speculation of speculations) {
      assertSameTexts(
        model,
        await write(engine, [prompts[0]], { ...stopping, ...speculation }),
        plain,
      );
    }
  }
  assert(numStopped > 20);
});

Deno.test("a draft of the same model is right always, and saves passes", async () => {
  const watched = new WatchedEngine(model);
  for (const settings of [{ greedy: true }, { temperature: 0.3, topK: 0, seed: 3 }]) {
    watched.numSteps = 0;
    const { numDrafted, numAccepted, tokens } = await write(watched, [prompts[0]], {
      ...settings,
      maxNewTokens: 50,
      draft: perfect,
    });
    assertEquals(tokens.length, 50);
    assertEquals(numAccepted, numDrafted);
    assert(watched.numSteps < 12, `${watched.numSteps} steps`);
  }
});

Deno.test("looking up saves passes where a text repeats itself", async () => {
  const watched = new WatchedEngine(model);
  const repeating = { greedy: true, maxNewTokens: 50, speculate: "lookup" as const };
  const { numDrafted, numAccepted } = await write(watched, [[5, 6, 7, 8, 5, 6, 7, 8]], repeating);
  assert(numAccepted > numDrafted / 2, `${numAccepted} of ${numDrafted}`);
  assertEquals(watched.numSteps, 50 - numAccepted);
  watched.numSteps = 0;
  const random = await write(watched, [[5, 6]], { ...repeating, greedy: false, topK: 0, seed: 1 });
  assert(random.numDrafted < 10);
});

Deno.test("calls that overlap write what they write alone, with drafts too", async () => {
  const calls = [0, 1, 2, 3].map((seed) => ({
    ...low,
    seed,
    maxNewTokens: 40,
    ...speculations[seed % 3],
  }));
  const alone = [];
  for (const call of calls) alone.push(await write(engine, prompts, call));
  const together = await Promise.all(calls.map((call) => write(engine, prompts, call)));
  for (const [i, written] of together.entries()) {
    assertSameTexts(model, written, alone[i]);
    assertEquals(written.numDrafted, alone[i].numDrafted);
  }
});

Deno.test("an abort is noticed between two tokens of one pass", async () => {
  for (const speculation of speculations.slice(0, 2)) {
    for (let last = 1; last < 30; last += 4) {
      const controller = new AbortController();
      const { signal } = controller;
      let numTokens = 0;
      await assertRejects(async () => {
        const settings = { greedy: true, maxNewTokens: 40, signal, ...speculation };
        for await (const _ of generate(engine, vocabulary, [prompts[1]], settings)) {
          if (++numTokens === last) controller.abort();
        }
      }, DOMException);
      assertEquals(numTokens, last);
    }
  }
});

Deno.test("leaving the loop, and its end, free the texts of both models", async () => {
  for (const most of [1, 7, Infinity]) {
    const engines = [
      new WatchedEngine(createSmallModel(1)),
      new WatchedEngine(createSmallModel(1)),
    ];
    const settings = { greedy: true, maxNewTokens: 30, draft: asDraft(engines[1]) };
    let numTokens = 0;
    for await (const _ of generate(engines[0], vocabulary, prompts, settings)) {
      if (++numTokens >= most) break;
    }
    if (most > 1) assert(engines[1].opened.length > 0);
    for (const { opened } of engines) assert(opened.every(({ isDisposed }) => isDisposed));
  }
});

Deno.test("what goes wrong goes wrong at the same token with drafts", async () => {
  // In the end every token would repeat a pair.
  const banned = Object.fromEntries(
    Array.from({ length: tokenizer.vocabSize - 6 }, (_, id) => [id, -Infinity]),
  );
  const settings = { greedy: true, noRepeatNgramSize: 2, logitBias: banned, maxNewTokens: 60 };
  const reach = async (extra: GenerateOptions) => {
    const ids: number[] = [];
    await assertRejects(async () => {
      const all = generate(engine, undefined, [[1, 2]], {
        ...settings,
        overflow: "crop",
        ...extra,
      });
      for await (const { id } of all) ids.push(id);
    }, NumericalError);
    return ids;
  };
  const plain = await reach({ maxNewTokens: 500 });
  for (const speculation of speculations) {
    assertEquals(await reach({ maxNewTokens: 500, ...speculation }), plain);
  }
});
