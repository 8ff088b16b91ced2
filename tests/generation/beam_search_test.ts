import { assert, assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import { NumericalError } from "../../src/base/errors.ts";
import { Engine } from "../../src/engine/engine.ts";
import { generate } from "../../src/generation/generate.ts";
import type { GenerateOptions } from "../../src/generation/generate_options.ts";
import { Tokenizer } from "../../src/tokenizer/tokenizer.ts";
import { createReferenceModel, referencePath } from "../model/reference.ts";
import { generateSequences, readGenerationCases } from "./reference_cases.ts";

const model = createReferenceModel("tiny", { threads: 1 });
const engine = new Engine(model);

const tokenizer = Tokenizer.fromVocabAndMerges(
  Deno.readTextFileSync(referencePath("hf_folder/vocab.json")),
  Deno.readTextFileSync(referencePath("hf_folder/merges.txt")),
);
const vocabulary = { tokenizer, endOfTextIds: [tokenizer.endOfTextId!] };
const prompts = [[5, 6, 7], [40, 41, 42, 43, 44, 45], [9]];

/** Sums of log-probabilities in F32, which were summed in another order. */
const SCORE_TOLERANCE = 1e-4;

const cases = readGenerationCases("beam_search.json");

for (const [index, entry] of cases.entries()) {
  const { options, end, prompts, sequences, scores } = entry;
  const what = `${JSON.stringify(options)}, ended by ${end ?? "nothing"}`;
  Deno.test(`beam search ${index} finds what Hugging Face's does: ${what}`, async () => {
    const found = await generateSequences(engine, entry);
    assertEquals(found.map((tokens) => tokens.map(({ id }) => id)), sequences);
    const { maxNewTokens = 128 } = options;
    for (const [i, tokens] of found.entries()) {
      const last = tokens.at(-1)!;
      assertAlmostEquals(last.score!, scores![i], SCORE_TOLERANCE);
      assertEquals(
        tokens.findIndex(({ score, finishReason }) => score ?? finishReason),
        tokens.length - 1,
      );
      const isFull = prompts[0].length + tokens.length > 256;
      const reason = tokens.length === maxNewTokens ? "maxNewTokens" : "contextLength";
      assert(end?.includes(last.id) || isFull || tokens.length === maxNewTokens);
      assertEquals(last.finishReason, end?.includes(last.id) ? "endOfText" : reason);
    }
  });
}

/** The texts of one prompt and their scores, the best first. */
async function textsOf(options: GenerateOptions): Promise<{ text: string; score: number }[]> {
  const texts: { text: string; score: number }[] = [];
  for await (
    const { sequence, text, score } of generate(engine, vocabulary, [[5, 6, 7]], options)
  ) {
    texts[sequence] ??= { text: "", score: NaN };
    texts[sequence].text += text;
    texts[sequence].score = score ?? NaN;
  }
  return texts;
}

/** Whether the engine has no sequence left: the first slot is free. */
async function isFree(engine: Engine): Promise<boolean> {
  using sequence = engine.open();
  await engine.step([{ sequence, tokens: [1], logits: "none" }]);
  return sequence.slot === 0;
}

Deno.test("the score is the sum of the log-probabilities, where nothing changes them", async () => {
  for (const lengthPenalty of [0, 1, -0.5]) {
    const options = { numBeams: 3, lengthPenalty, maxNewTokens: 7, topLogProbabilities: 2 };
    const [tokens] = await generateSequences(engine, { prompts: [prompts[0]], options });
    const sum = tokens.reduce((sum, { logProbability }) => sum + logProbability, 0);
    assertAlmostEquals(tokens.at(-1)!.score!, sum / 7 ** lengthPenalty, SCORE_TOLERANCE);
    const [plain] = await generateSequences(engine, {
      prompts: [[...prompts[0], ...tokens.slice(0, -1).map(({ id }) => id)]],
      options: { greedy: true, maxNewTokens: 1, topLogProbabilities: 2 },
    });
    const [expected] = plain[0].topLogProbabilities!;
    const [best] = tokens.at(-1)!.topLogProbabilities!;
    assertEquals(best.id, expected.id);
    assertAlmostEquals(best.logProbability, expected.logProbability, SCORE_TOLERANCE);
  }
});

Deno.test("the tokens of a text come together, the best text first", async () => {
  const options = { numBeams: 4, numReturnSequences: 3, maxNewTokens: 4, logProbabilities: false };
  const order = [];
  const scores = [];
  for await (const token of generate(engine, undefined, prompts, options)) {
    order.push(`${token.prompt}.${token.sequence}`);
    if (token.score !== undefined) scores.push(token.score);
    assertEquals(token.logProbability, NaN);
  }
  const places = ["0.0", "0.1", "0.2", "1.0", "1.1", "1.2", "2.0", "2.1", "2.2"];
  assertEquals(order, places.flatMap((place) => new Array(4).fill(place)));
  for (const i of [0, 3, 6]) {
    assertEquals(scores.slice(i, i + 3).toSorted((a, b) => b - a), scores.slice(i, i + 3));
  }
});

Deno.test("batchSize changes nothing in what beam search finds", async () => {
  const options = { numBeams: 3, numReturnSequences: 2, maxNewTokens: 8 };
  const idsOf = async (batchSize?: number) =>
    (await generateSequences(engine, { prompts, options: { ...options, batchSize }, end: [212] }))
      .map((tokens) => tokens.map(({ id }) => id));
  const together = await idsOf();
  assertEquals(together.length, 6);
  for (const batchSize of [1, 6, 100]) assertEquals(await idsOf(batchSize), together);
});

Deno.test("beams keep to a constraint, each where it is in it", async () => {
  const choices = ["abc", "abd", "the end", "no"];
  // Most texts can be spelled in several ways.
  const all = await textsOf({ choices, numBeams: 40, numReturnSequences: 40 });
  assertEquals([...new Set(all.map(({ text }) => text))].toSorted(), choices.toSorted());
  const scores = all.map(({ score }) => score);
  assertEquals(scores.toSorted((a, b) => b - a), scores);
  const found = await textsOf({
    regex: "(ab|ba){2,3}[0-9]",
    numBeams: 5,
    numReturnSequences: 5,
    maxNewTokens: 20,
  });
  assertEquals(new Set(found.map(({ text }) => text)).size, 5);
  for (const { text } of found) assert(/^(ab|ba){2,3}[0-9]$/.test(text), text);
});

Deno.test("texts that may go on do, or are ended by the token for it", async () => {
  const options = { numBeams: 3, numReturnSequences: 3, maxNewTokens: 6, regex: "a+" };
  const ended = await textsOf({ ...options, logitBias: { [tokenizer.endOfTextId!]: 50 } });
  for (const { text } of ended) assert(/^a+$/.test(text), text);
  assert(ended.some(({ text }) => text.length < 6));
});

Deno.test("an abort signal or leaving the loop early frees all beams", async () => {
  const options = { numBeams: 4, numReturnSequences: 2, maxNewTokens: 6 };
  const own = new Engine(model);
  for await (const _ of generate(own, undefined, prompts, { ...options, batchSize: 8 })) break;
  assert(await isFree(own));

  const controller = new AbortController();
  const { signal } = controller;
  const run = async () => {
    for await (
      const { prompt } of generate(own, undefined, prompts, { ...options, signal, batchSize: 4 })
    ) {
      if (prompt === 1) controller.abort();
    }
  };
  await assertRejects(run, DOMException, "aborted");
  assert(await isFree(own));
  await generateSequences(own, { prompts, options });
  assert(await isFree(own));
});

Deno.test("no more texts are open than there are beams", async () => {
  class CountingEngine extends Engine {
    numOpen = 0;
    mostOpen = 0;
    override open(...options: Parameters<Engine["open"]>) {
      this.numOpen++;
      this.mostOpen = Math.max(this.mostOpen, this.numOpen);
      return super.open(...options);
    }
    /** Is called once by each that is disposed of. */
    override forgetDisposed() {
      this.numOpen--;
      super.forgetDisposed();
    }
  }
  const counting = new CountingEngine(model);
  const options = { numBeams: 4, numReturnSequences: 4, maxNewTokens: 12 };
  await generateSequences(counting, { prompts, options });
  assertEquals([counting.mostOpen, counting.numOpen], [4 * prompts.length, 0]);
});

Deno.test("a model that computes what is no number is an error, and so are rules that leave nothing", async () => {
  using broken = createReferenceModel("tiny", { threads: 1 });
  const { name, shape } = broken.weights.specs.find(({ name }) => name === "finalNorm.bias")!;
  broken.weights.write(name, new Uint8Array(new Float32Array(shape[0]).fill(NaN).buffer));
  const run = (engine: Engine, options: GenerateOptions) =>
    generateSequences(engine, { prompts, options: { numBeams: 2, ...options } });
  await assertRejects(() => run(new Engine(broken), {}), NumericalError, "not a finite number");
  const suppressTokens = Array.from({ length: 300 }, (_, i) => i);
  await assertRejects(() => run(engine, { suppressTokens }), NumericalError, "suppressTokens");
  // One beam may come to an end where none can follow, while others go on.
  const badWords = suppressTokens.map((id) => [187, id]);
  const [left] = await run(engine, { badWords, maxNewTokens: 5, numBeams: 4 });
  assertEquals(left.length, 5);
  assert(!left.slice(0, -1).some(({ id }) => id === 187));
});

Deno.test("what does not go together with beams is refused by name before anything is computed", async () => {
  const run = (options: GenerateOptions) => generateSequences(engine, { prompts, options });
  const refused: Record<string, unknown> = {
    temperature: 0.5,
    topK: 0,
    topP: 0.9,
    minP: 0.1,
    typicalP: 0.5,
    order: "llama.cpp",
    stop: "a",
    overflow: "crop",
    speculate: "lookup",
    numReturnSequences: 4,
    lengthPenalty: 51,
    earlyStopping: "always",
  };
  for (const [name, value] of Object.entries(refused)) {
    await assertRejects(() => run({ numBeams: 3, [name]: value }), RangeError, name);
  }
  for (
    const [name, value] of Object.entries({ numBeams: "3", lengthPenalty: "1", earlyStopping: 1 })
  ) {
    await assertRejects(() => run({ numBeams: 3, [name]: value }), TypeError, name);
  }
  for (const numBeams of [0, -1, 1.5, NaN]) {
    await assertRejects(() => run({ numBeams }), RangeError, "numBeams");
  }
  const tooMany = { numBeams: 1e9, numReturnSequences: 2 };
  await assertRejects(() => run(tooMany), RangeError, "Use fewer beams (numBeams)");
  await assertRejects(() => run({ lengthPenalty: 1 }), RangeError, "needs numBeams");
  await assertRejects(() => run({ earlyStopping: true }), RangeError, "needs numBeams");
  for (const same of [{ greedy: true }, { temperature: 0 }]) {
    await assertRejects(
      () => run({ ...same, numReturnSequences: 2 }),
      RangeError,
      "numReturnSequences above 1 would be the same text each time",
    );
  }
  const defaults = {
    temperature: 1,
    topK: 50,
    stop: [],
    overflow: "stop",
    seed: 4,
    greedy: true,
  } as const;
  const options = { numBeams: 2, maxNewTokens: 3 };
  assertEquals(await run({ ...options, ...defaults }), await run(options));
});
