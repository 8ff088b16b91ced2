import { assert, assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import { NumericalError } from "../../src/base/errors.ts";
import { Engine } from "../../src/engine/engine.ts";
import { generate } from "../../src/generation/generate.ts";
import type { GenerateOptions } from "../../src/generation/generate_options.ts";
import { Text } from "../../src/generation/text.ts";
import { Tokenizer } from "../../src/tokenizer/tokenizer.ts";
import { createReferenceModel, referencePath } from "../model/reference.ts";
import { generateSequences, readGenerationCases } from "./reference_cases.ts";

const tokenizer = Tokenizer.fromVocabAndMerges(
  Deno.readTextFileSync(referencePath("hf_folder/vocab.json")),
  Deno.readTextFileSync(referencePath("hf_folder/merges.txt")),
);
const model = createReferenceModel("tiny", { threads: 1 });
const engine = new Engine(model);
const prompts = [[5, 6, 7]];
/** Logits in F32, summed in another order: see the tolerance of the reference values. */
const LOG_PROBABILITY_TOLERANCE = 1e-4;

async function idsOf(options: GenerateOptions, end: number[] = []): Promise<number[][]> {
  const sequences = await generateSequences(engine, { prompts, options, end });
  return sequences.map((tokens) => tokens.map(({ id }) => id));
}

/** As above, with texts. */
async function textOf(options: GenerateOptions): Promise<string> {
  let text = "";
  const vocabulary = { tokenizer, endOfTextIds: [tokenizer.endOfTextId!] };
  for await (const token of generate(engine, vocabulary, prompts, options)) text += token.text;
  return text;
}

for (const entry of readGenerationCases("token_rules.json")) {
  const { maxNewTokens: _, ...rules } = entry.options;
  const end = entry.end === undefined ? "" : `, ended by ${entry.end}`;
  Deno.test(`generate() writes what Hugging Face does with ${JSON.stringify(rules)}${end}`, async () => {
    const options = { ...entry.options, greedy: true };
    const sequences = await generateSequences(engine, { ...entry, options });
    assertEquals(sequences.map((tokens) => tokens.map(({ id }) => id)), entry.sequences);
    const isEnded = entry.end?.includes(entry.sequences[0].at(-1)!);
    assertEquals(sequences[0].at(-1)!.finishReason, isEnded ? "endOfText" : "maxNewTokens");
  });
}

Deno.test("sampling keeps to the rules, whatever the seed", async () => {
  const options: GenerateOptions = {
    topK: 0,
    temperature: 3,
    maxNewTokens: 40,
    numReturnSequences: 12,
    seed: 3,
    logProbabilities: false,
  };
  const evenIds = Array.from({ length: 150 }, (_, i) => 2 * i);
  const pairs = Array.from({ length: 300 }, (_, i) => [i, (i + 2) % 300]);
  const rules = { suppressTokens: evenIds, badWords: [[1], [3], ...pairs], minNewTokens: 30 };
  const end = Array.from({ length: 75 }, (_, i) => 4 * i + 1);
  const hasNeighbors = (ids: number[]) => ids.some((id, i) => ids[i + 1] === (id + 2) % 300);
  const free = await idsOf(options, end);
  assert(free.some((ids) => ids.length < 30) && free.flat().some((id) => id % 2 === 0));
  const ruled = await idsOf({ ...options, ...rules }, end);
  assert(ruled.every((ids) => ids.length > 30));
  // A bad word that ends texts counts for nothing.
  assert(ruled.flat().every((id) => id % 2 === 1 && id !== 3));
  assert(!ruled.some(hasNeighbors));
});

Deno.test("forcedStart gives tokens like others, with the log-probabilities of the model", async () => {
  const forcedStart = [9, 9, 4];
  const [forced] = await generateSequences(engine, {
    prompts,
    options: { forcedStart, suppressTokens: [9], noRepeatNgramSize: 1, seed: 1, maxNewTokens: 5 },
  });
  assertEquals(forced.slice(0, 3).map(({ id }) => id), forcedStart);
  assertEquals(forced.length, 5);
  for (const [i, { id, logProbability }] of forced.entries()) {
    const logitBias = { [id]: 1000 };
    const [[free]] = await generateSequences(engine, {
      prompts: [[...prompts[0], ...forced.slice(0, i).map(({ id }) => id)]],
      options: { logitBias, greedy: true, maxNewTokens: 1 },
    });
    assertEquals(free.id, id);
    assertAlmostEquals(logProbability, free.logProbability, LOG_PROBABILITY_TOLERANCE);
  }
  const [cut] = await idsOf({ forcedStart, maxNewTokens: 2 });
  assertEquals(cut, [9, 9]);
});

Deno.test("texts are as good as tokens", async () => {
  const ids = tokenizer.encode("the end");
  const options = { seed: 5, maxNewTokens: 30 };
  const text = await textOf({ ...options, forcedStart: "the end" });
  assert(text.startsWith("the end"));
  assertEquals(await textOf({ ...options, forcedStart: Uint32Array.from(ids) }), text);
  const words = ["e", "th", "a"];
  const tokens = words.map((word) => tokenizer.encode(word));
  const without = await textOf({ ...options, badWords: words });
  assertEquals(await textOf({ ...options, badWords: tokens }), without);
  assert(without !== await textOf(options));
});

Deno.test("a text that stays open keeps to the rules too", async () => {
  using text = new Text(engine, { tokenizer: undefined, endOfTextIds: [] });
  await text.append(prompts[0]);
  const options: GenerateOptions = { forcedStart: [9, 9], badWords: [[9]], seed: 1 };
  const ids = [];
  for await (const { id } of text.generate({ ...options, maxNewTokens: 6 })) ids.push(id);
  assertEquals([ids], await idsOf({ ...options, maxNewTokens: 6 }));
  assertEquals(ids.slice(0, 2), [9, 9]);
});

Deno.test("constraints and rules are kept to together", async () => {
  const options: GenerateOptions = { regex: "[a-f]{8}", seed: 2, maxNewTokens: 9 };
  const bans = { badWords: ["a", "ab"], suppressTokens: tokenizer.encode("c") };
  for (let seed = 0; seed < 5; seed++) {
    const text = await textOf({ ...options, ...bans, forcedStart: "fed", seed });
    assert(/^fed[bdef]{5}$/.test(text), text);
  }
  await assertRejects(
    () => textOf({ ...options, forcedStart: "fish" }),
    RangeError,
    "the constraint forbids what forcedStart demands",
  );
});

Deno.test("rules that leave no token are an error, and none is invented", async () => {
  const suppressTokens = Array.from({ length: 300 }, (_, i) => i);
  const error = await assertRejects(() => idsOf({ suppressTokens }), NumericalError);
  assert(error.message.includes("suppressTokens"));
});

Deno.test("minNewTokens counts for nothing where no token ends texts", async () => {
  const options = { seed: 1, maxNewTokens: 4 };
  assertEquals(await idsOf({ ...options, minNewTokens: 4 }), await idsOf(options));
});

Deno.test("rules of the wrong type or out of range are refused by name before anything is computed", async () => {
  const wrongTypes = {
    badWords: ["word", [5], [null], new Set(["a"]), [["a"]], ["needs a tokenizer"]],
    suppressTokens: [5, "5", ["5"], [[5]], null, [undefined]],
    minNewTokens: ["1", null, true],
    forcedStart: [5, {}, null, ["a"], [1n], "needs a tokenizer"],
  };
  const outOfRange = {
    badWords: [[[]], [[300]], [[-1]], [[1, 1.5]]],
    suppressTokens: [[300], [-1], [NaN], Float32Array.of(0.5)],
    minNewTokens: [-1, 1.5, NaN, 200],
    forcedStart: [[300], [-1], [0, Infinity]],
  };
  for (
    const [ErrorClass, refused] of [[TypeError, wrongTypes], [RangeError, outOfRange]] as const
  ) {
    for (const [name, values] of Object.entries(refused)) {
      for (const value of values) {
        await assertRejects(() => idsOf({ [name]: value }), ErrorClass, name, Deno.inspect(value));
      }
    }
  }
});
