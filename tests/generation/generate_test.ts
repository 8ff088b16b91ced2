import { fullLogits } from "../model/full_logits.ts";
import { assert, assertEquals, assertRejects } from "@std/assert";
import type { GenerateOptions } from "../../src/generation/generate_options.ts";
import { generate } from "../../src/generation/generate.ts";
import type { GeneratedToken } from "../../src/generation/generated_token.ts";
import { Engine } from "../../src/engine/engine.ts";
import type { ReadProgress } from "../../src/engine/reading.ts";
import { GPT2Config } from "../../src/model/config.ts";
import { initializeWeights } from "../../src/model/initialize.ts";
import { Model } from "../../src/model/model.ts";
import { Weights } from "../../src/model/weights.ts";
import { Backend } from "../../src/tensor/backend.ts";
import { Tokenizer } from "../../src/tokenizer/tokenizer.ts";
import { createReferenceModel, referencePath } from "../model/reference.ts";

const tokenizer = Tokenizer.fromVocabAndMerges(
  Deno.readTextFileSync(referencePath("hf_folder/vocab.json")),
  Deno.readTextFileSync(referencePath("hf_folder/merges.txt")),
);
const vocabulary = { tokenizer, endOfTextIds: [tokenizer.endOfTextId!] };
const model = createReferenceModel("tiny", { threads: 1 });
const engine = new Engine(model);
const prompt = [5, 6, 7];

async function collect(
  options: GenerateOptions,
  prompts: number[][] = [prompt],
): Promise<GeneratedToken[]> {
  const tokens = [];
  for await (const token of generate(engine, undefined, prompts, options)) tokens.push(token);
  return tokens;
}

/** Without kernels of our own, products of two columns are summed in another order than those of one. */
const SHARING_TOLERANCE = 1e-5;

const ids = (tokens: GeneratedToken[]) => tokens.map(({ id }) => id);

Deno.test("generate() gives the same tokens for the same seed, others for another", async () => {
  const options = { seed: 5, maxNewTokens: 20 };
  const first = await collect(options);
  assertEquals(ids(first).length, 20);
  assertEquals(await collect(options), first);
  assert(ids(await collect({ ...options, seed: 6 })).join() !== ids(first).join());
  assertEquals(first.map(({ finishReason }) => finishReason).indexOf("maxNewTokens"), 19);
});

Deno.test("each prompt of a batch samples as it does alone", async () => {
  const options = { seed: 9, maxNewTokens: 12 };
  const batch = await collect(options, [prompt, [40, 41, 42, 43, 44, 45]]);
  for (const [i, alone] of [prompt, [40, 41, 42, 43, 44, 45]].entries()) {
    assertEquals(
      ids(batch.filter((token) => token.prompt === i)),
      ids(await collect(options, [alone])),
    );
  }
});

Deno.test("tokens and log-probabilities are those of all logits, whichever of them are read", async () => {
  const all: GenerateOptions = { seed: 3, maxNewTokens: 12, logitBias: { 1: 0 } };
  const sampled = [{ topK: 5 }, { topK: 40, topP: 0.9 }, { topK: 3, temperature: 0.5 }, {
    topK: 0,
  }];
  for (const sampling of [...sampled, { greedy: true, topLogProbabilities: 7 }]) {
    // A bias needs all logits, even if it is 0.
    const expected = await collect({ ...all, ...sampling });
    const actual = await collect({ ...all, logitBias: {}, ...sampling });
    assertEquals(actual, expected);
    assert(actual.every(({ logProbability }) => logProbability < 0));
    for (const { id, logProbability, topLogProbabilities = [] } of actual) {
      const own = topLogProbabilities.find((token) => token.id === id);
      if (own !== undefined) assertEquals(own.logProbability, logProbability);
    }
  }
});

Deno.test("numReturnSequences gives different continuations of one prompt", async () => {
  const tokens = await collect({ seed: 2, maxNewTokens: 10, numReturnSequences: 3 });
  const sequences = [0, 1, 2].map((n) => ids(tokens.filter(({ sequence }) => sequence === n)));
  assertEquals(sequences.map(({ length }) => length), [10, 10, 10]);
  assertEquals(new Set(sequences.map(String)).size, 3);
  assertEquals(sequences[0], ids(await collect({ seed: 2, maxNewTokens: 10 })));
});

Deno.test("logProbability is the model's own, whatever the sampling options", async () => {
  const [plain] = await collect({ greedy: true, maxNewTokens: 1 });
  const [biased] = await collect({ topK: 1, temperature: 0.3, maxNewTokens: 1 });
  assertEquals(biased.id, plain.id);
  assertEquals(biased.logProbability, plain.logProbability);
  const logits = await fullLogits(model, Int32Array.from(prompt), 1, 3);
  const row = [...logits.subarray(2 * 300)];
  const expected = row[plain.id] - Math.log(row.reduce((sum, v) => sum + Math.exp(v), 0));
  assert(Math.abs(plain.logProbability - expected) < 1e-4);
});

Deno.test("a full context ends the text, or goes on from its last half", async () => {
  const { contextLength } = model.config;
  const long = Array.from({ length: contextLength - 3 }, (_, i) => i % 300);
  const stopped = await collect({ greedy: true, maxNewTokens: 10 }, [long]);
  // The last position gives one more token.
  assertEquals(stopped.length, 4);
  assertEquals(stopped.at(-1)!.finishReason, "contextLength");

  const cropped = await collect({ greedy: true, maxNewTokens: 10, overflow: "crop" }, [long]);
  assertEquals(cropped.length, 10);
  assertEquals(ids(cropped).slice(0, 4), ids(stopped));
  const half = [...long, ...ids(stopped)].slice(-contextLength / 2);
  const continued = await collect({ greedy: true, maxNewTokens: 6 }, [half]);
  assertEquals(ids(cropped).slice(4), ids(continued));

  const tooLong = Array.from({ length: contextLength + 50 }, (_, i) => i % 300);
  await assertRejects(() => collect({}, [tooLong]), RangeError, "longer than the context");
  const [first] = await collect({ greedy: true, maxNewTokens: 1, overflow: "crop" }, [tooLong]);
  const [expected] = await collect({ greedy: true, maxNewTokens: 1 }, [
    tooLong.slice(-contextLength),
  ]);
  assertEquals(first.id, expected.id);
});

Deno.test("<|endoftext|> ends a text; ignoreEndOfText writes it", async () => {
  const endOfText = tokenizer.endOfTextId!;
  const options = { logitBias: { [endOfText]: 1000 }, maxNewTokens: 3 };
  const run = async (extra: GenerateOptions) => {
    const tokens = [];
    const all = generate(new Engine(small), vocabulary, [[1, 2]], { ...options, ...extra });
    for await (const token of all) tokens.push(token);
    return tokens;
  };
  using small = createHuggingFaceSizedModel();
  const [only, ...rest] = await run({});
  assertEquals([only.id, only.text, only.finishReason, rest.length], [
    endOfText,
    "",
    "endOfText",
    0,
  ]);
  assertEquals(
    (await run({ ignoreEndOfText: true })).map(({ id }) => id),
    new Array(3).fill(endOfText),
  );
});

Deno.test("any of several tokens may end a text, also without a tokenizer", async () => {
  using small = createHuggingFaceSizedModel();
  const ends = { tokenizer: undefined, endOfTextIds: [3, 8] };
  for (const id of [3, 8, 9]) {
    const options = { logitBias: { [id]: 1000 }, maxNewTokens: 2 };
    const reasons = [];
    for await (const { finishReason } of generate(new Engine(small), ends, [[1, 2]], options)) {
      reasons.push(finishReason);
    }
    assertEquals(reasons, id === 9 ? [undefined, "maxNewTokens"] : ["endOfText"]);
  }
});

Deno.test("a stop text ends the generation and is not part of the text", async () => {
  using small = createHuggingFaceSizedModel();
  const run = async (extra: GenerateOptions) => {
    let text = "";
    let finishReason;
    const options = { seed: 4, maxNewTokens: 40, ignoreEndOfText: true, ...extra };
    for await (const token of generate(new Engine(small), vocabulary, [[1, 2]], options)) {
      text += token.text;
      finishReason = token.finishReason;
    }
    return { text, finishReason };
  };
  const { text } = await run({});
  const stop = text.slice(20, 23);
  const stopped = await run({ stop });
  assertEquals(stopped, { text: text.slice(0, text.indexOf(stop)), finishReason: "stop" });
});

Deno.test("an abort signal ends the generation, and the model can be used again", async () => {
  const controller = new AbortController();
  const run = async () => {
    for await (const _ of generate(engine, undefined, [prompt], { signal: controller.signal })) {
      controller.abort();
    }
  };
  await assertRejects(run, DOMException, "aborted");
  await assertRejects(() => collect({ signal: AbortSignal.abort() }), DOMException, "aborted");
  assertEquals((await collect({ maxNewTokens: 2 })).length, 2);
});

Deno.test("leaving the loop early frees the session", async () => {
  for await (const _ of generate(engine, undefined, [prompt])) break;
  assertEquals((await collect({ maxNewTokens: 1 })).length, 1);
});

Deno.test("two generations at once both end right", async () => {
  const options = { greedy: true, maxNewTokens: 15 };
  const alone = await collect(options);
  for (const shared of await Promise.all([collect(options), collect(options)])) {
    assertEquals(ids(shared), ids(alone));
    for (const [i, { logProbability }] of shared.entries()) {
      assert(Math.abs(logProbability - alone[i].logProbability) < SHARING_TOLERANCE);
    }
  }
});

Deno.test("timers run while a text is written", async () => {
  let ticks = 0;
  const timer = setInterval(() => ticks++, 1);
  await collect({ maxNewTokens: 200 });
  clearInterval(timer);
  assert(ticks > 3, `${ticks} ticks`);
});

Deno.test("options and prompts out of range are refused before anything is computed", async () => {
  const cases: [GenerateOptions, number[], string][] = [
    [{ maxNewTokens: -1 }, prompt, "maxNewTokens"],
    [{ maxNewTokens: 1.5 }, prompt, "maxNewTokens"],
    [{ numReturnSequences: 0 }, prompt, "numReturnSequences"],
    [{ temperature: NaN }, prompt, "temperature"],
    [{ temperature: -1 }, prompt, "temperature"],
    [{ temperature: Infinity }, prompt, "temperature"],
    [{ topP: 2 }, prompt, "topP"],
    [{ topK: 1.5 }, prompt, "topK"],
    [{}, [-1], "token 0"],
    [{}, [300], "token 0"],
    [{}, [1, 1.5], "token 1"],
    [{}, [], "no token"],
  ];
  for (const [options, tokens, message] of cases) {
    await assertRejects(() => collect(options, [tokens]), RangeError, message);
  }
  await assertRejects(
    () => collect({ overflow: "wrap" as "crop" }),
    RangeError,
    "overflow must be one of stop, crop",
  );
});

/** A random model with as many tokens as the small tokenizer. */
function createHuggingFaceSizedModel() {
  const config = new GPT2Config({
    vocabSize: tokenizer.vocabSize,
    contextLength: 64,
    embeddingDim: 32,
    numHeads: 2,
    numLayers: 1,
  });
  const backend = Backend.cpu({ threads: 1 });
  const weights = new Weights(backend, config, () => "f32");
  initializeWeights(weights, config, { seed: 1 });
  return new Model(config, weights, backend);
}

Deno.test("batchSize changes neither the texts nor their tokens, and not their number", async () => {
  const prompts = [[5, 6, 7], [8], [5, 6, 7], [9, 10], [5, 6, 7]];
  const sorted = (tokens: GeneratedToken[]) =>
    tokens.toSorted((a, b) => a.prompt - b.prompt || a.sequence - b.sequence);
  const options = { seed: 5, maxNewTokens: 6, numReturnSequences: 2, logProbabilities: false };
  const together = sorted(await collect(options, prompts));
  assertEquals(together.length, 5 * 2 * 6);
  for (const batchSize of [1, 2, 4, 5, 100]) {
    assertEquals(sorted(await collect({ ...options, batchSize }, prompts)), together);
  }
});

Deno.test("what becomes of the caller's prompts and options later makes no difference", async () => {
  const prompts = [[5, 6, 7], [8, 9]];
  const options = { seed: 5, maxNewTokens: 6, batchSize: 1, topLogProbabilities: 2 };
  const expected = await collect(options, prompts);
  const given = { ...options };
  const tokens = [];
  for await (const token of generate(engine, undefined, prompts, given)) {
    tokens.push(token);
    prompts[1].length = 0;
    Object.assign(given, { maxNewTokens: "2", topLogProbabilities: -4, signal: 5, seed: NaN });
  }
  assertEquals(tokens, expected);
  let numReads = 0;
  const shifty = {
    get topLogProbabilities() {
      return numReads++ === 0 ? 2 : -4;
    },
  };
  assertEquals(
    (await collect(Object.assign(Object.create(shifty), { maxNewTokens: 3 }))).length,
    3,
  );
});

Deno.test("batchSize is the most texts that are written at once", async () => {
  const prompts = Array.from({ length: 7 }, (_, i) => [i + 1]);
  for (const batchSize of [1, 3, 7]) {
    const open = new Set<number>();
    const options = { batchSize, maxNewTokens: 3 };
    for await (const { prompt, finishReason } of generate(engine, undefined, prompts, options)) {
      open.add(prompt);
      assert(open.size <= batchSize, `${open.size} texts at once`);
      if (finishReason !== undefined) open.delete(prompt);
    }
  }
});

Deno.test("onProgress tells how far the prompts of each batch are read", async () => {
  const calls: ReadProgress[] = [];
  const options = {
    batchSize: 2,
    maxNewTokens: 3,
    onProgress: (call: ReadProgress) => calls.push(call),
  };
  await collect(options, [[1, 2, 3], [4, 5], [6, 7]]);
  assertEquals(calls, [
    { numReadTokens: 0, numTokens: 5 },
    { numReadTokens: 5, numTokens: 5 },
    { numReadTokens: 0, numTokens: 2 },
    { numReadTokens: 2, numTokens: 2 },
  ]);
});

Deno.test("batchSize bounds how many texts are written side by side, also of one prompt", async () => {
  const prompts = [prompt, [8], [9, 10]];
  const options = { seed: 5, maxNewTokens: 6, numReturnSequences: 5 };
  const place = ({ prompt, sequence }: GeneratedToken) => `${prompt}/${sequence}`;
  const byPlace = (tokens: GeneratedToken[]) => {
    const idsOf = Map.groupBy(tokens, place);
    return new Map([...idsOf].map(([each, tokens]) => [each, ids(tokens)]));
  };
  const expected = byPlace(await collect(options, prompts));
  for (const batchSize of [1, 2, 4, 5, 7, 14]) {
    for (const others of [{}, { speculate: "lookup" }] as const) {
      const going = new Set<string>();
      let most = 0;
      const tokens = await collect({ ...options, ...others, batchSize }, prompts);
      for (const token of tokens) {
        going.add(place(token));
        most = Math.max(most, going.size);
        if (token.finishReason !== undefined) going.delete(place(token));
      }
      assertEquals(most, batchSize);
      assertEquals(byPlace(tokens), expected);
    }
  }
});
