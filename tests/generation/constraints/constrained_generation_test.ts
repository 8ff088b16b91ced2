import { assert, assertEquals, assertRejects } from "@std/assert";
import type { GenerateOptions } from "../../../src/generation/generate_options.ts";
import type { GeneratedToken } from "../../../src/generation/generated_token.ts";
import { GPT2 } from "../../../src/gpt2.ts";
import { GPT2Config } from "../../../src/model/config.ts";
import { Tokenizer } from "../../../src/tokenizer/tokenizer.ts";
import { referencePath } from "../../model/reference.ts";

const tokenizer = Tokenizer.fromVocabAndMerges(
  Deno.readTextFileSync(referencePath("hf_folder/vocab.json")),
  Deno.readTextFileSync(referencePath("hf_folder/merges.txt")),
);
// Its vocabulary is larger than the tokenizer's, as a padded one is.
const tiny = new GPT2(
  new GPT2Config({
    vocabSize: 300,
    contextLength: 64,
    embeddingDim: 32,
    numHeads: 2,
    numLayers: 1,
  }),
  { seed: 1, tokenizer, threads: 1 },
);
const demo = await GPT2.fromPretrained("demo", { threads: 1 });

async function collect(model: GPT2, prompt: string | string[], options: GenerateOptions) {
  const tokens: GeneratedToken[] = [];
  for await (const token of model.generate(prompt, options)) tokens.push(token);
  return tokens;
}

const textOf = (tokens: GeneratedToken[]) => tokens.map(({ text }) => text).join("");

Deno.test("generate() writes one of the choices, and ends when nothing may follow", async () => {
  const choices = [" yes", " no", " perhaps not"];
  const seen = new Set<string>();
  for (let seed = 0; seed < 20; seed++) {
    for (const model of [tiny, demo]) {
      const tokens = await collect(model, "To be?", { choices, seed, temperature: 2 });
      assert(choices.includes(textOf(tokens)), textOf(tokens));
      assertEquals(tokens.at(-1)!.finishReason, "endOfText");
      assert(!model.endOfTextIds.includes(tokens.at(-1)!.id));
      seen.add(textOf(tokens));
    }
  }
  assertEquals(seen.size, 3);
});

Deno.test("generate() writes texts that match a regex, with any options of sampling", async () => {
  const regex = /[A-Z]\p{L}{2,9}: \d\d?\.|日+é?/u;
  const options: GenerateOptions[] = [
    {},
    { greedy: true },
    { topK: 3 },
    { topK: 0, topP: 0.7 },
    { minP: 0.2 },
    { typicalP: 0.5, temperature: 1.5 },
    { repetitionPenalty: 1.3, presencePenalty: 0.5, frequencyPenalty: 0.5 },
    { logitBias: { 5: -Infinity } },
    { order: "llama.cpp", topP: 0.9, temperature: 0.5 },
  ];
  let numComplete = 0;
  for (const model of [tiny, demo]) {
    for (const [seed, option] of options.entries()) {
      const tokens = await collect(model, ["ROMEO:", "And so"], {
        regex,
        seed,
        maxNewTokens: 40,
        numReturnSequences: option.greedy ? 1 : 2,
        ...option,
      });
      const texts = Object.values(Object.groupBy(tokens, (at) => `${at.prompt} ${at.sequence}`));
      assertEquals(texts.length, option.greedy ? 2 : 4);
      for (const own of texts as GeneratedToken[][]) {
        const text = textOf(own);
        if (own.at(-1)!.finishReason === "endOfText") {
          assert(new RegExp(`^(?:${regex.source})$`, "u").test(text), JSON.stringify(text));
          numComplete++;
        } else {
          assertEquals(own.at(-1)!.finishReason, "maxNewTokens");
        }
      }
    }
  }
  assert(numComplete > 20, `${numComplete}`);
});

Deno.test("generate() writes JSON that fits a schema", async () => {
  const jsonSchema = {
    type: "object",
    properties: {
      name: { type: "string", minLength: 1, maxLength: 8 },
      age: { type: "integer", minimum: 0, maximum: 120 },
      mood: { enum: ["merry", "sad"] },
    },
    required: ["name", "age"],
  };
  for (let seed = 0; seed < 10; seed++) {
    const text = textOf(await collect(demo, "ROMEO:", { jsonSchema, seed, maxNewTokens: 60 }));
    const { name, age, mood } = JSON.parse(text);
    assert([...name].length >= 1 && [...name].length <= 8, text);
    assert(Number.isInteger(age) && age >= 0 && age <= 120, text);
    assert(mood === undefined || mood === "merry" || mood === "sad", text);
  }
});

Deno.test("a constraint changes neither the model's own log-probabilities nor what would fulfil it anyway", async () => {
  const plain = await collect(demo, "ROMEO:", { seed: 3, maxNewTokens: 12, ignoreEndOfText: true });
  const free = await collect(demo, "ROMEO:", {
    seed: 3,
    maxNewTokens: 12,
    ignoreEndOfText: true,
    regex: "[^]*",
  });
  assertEquals(free, plain);
  const [only] = await collect(demo, "ROMEO:", { choices: ["z"], topLogProbabilities: 2 });
  const [all] = await collect(demo, "ROMEO:", {
    greedy: true,
    maxNewTokens: 1,
    topLogProbabilities: 2,
  });
  assertEquals(only.topLogProbabilities, all.topLogProbabilities);
  assert(only.logProbability < all.logProbability);
});

Deno.test("a text that may go on ends with the token that ends texts, or when there is no more room", async () => {
  const reasons = new Set<string>();
  for (let seed = 0; seed < 12; seed++) {
    const tokens = await collect(tiny, "a", {
      regex: "(ab)+",
      seed,
      maxNewTokens: 4,
      topK: 0,
    });
    const { id, finishReason } = tokens.at(-1)!;
    reasons.add(finishReason!);
    assertEquals(finishReason === "endOfText", tiny.endOfTextIds.includes(id));
    assert(
      (finishReason === "endOfText" ? /^(ab)+$/ : /^(ab)+a?$/).test(textOf(tokens)),
      textOf(tokens),
    );
  }
  assertEquals(reasons, new Set(["endOfText", "maxNewTokens"]));
  const tokens = await collect(tiny, "a", {
    regex: "(ab)+",
    maxNewTokens: 9,
    ignoreEndOfText: true,
  });
  assertEquals([tokens.length, tokens.at(-1)!.finishReason], [9, "maxNewTokens"]);
});

Deno.test("generate() refuses constraints that it cannot keep to", async () => {
  const refused: [GenerateOptions, new (message: string) => Error, string][] = [
    [
      { choices: ["a"], regex: "a" },
      TypeError,
      "there can be only one constraint: received choices and regex",
    ],
    [{ choices: [] }, RangeError, "choices must be an array of well-formed texts, at least one"],
    [{ choices: ["a", "b\ud800"] }, RangeError, "choices must be an array of well-formed texts"],
    [{ choices: "a" as unknown as string[] }, TypeError, "choices must be"],
    [{ regex: 5 as unknown as string }, TypeError, "regex must be a text or a RegExp"],
    [{ regex: "(" }, SyntaxError, "regex is not a regular expression"],
    [{ regex: "\\b" }, RangeError, "regex has a word boundary"],
    [{ jsonSchema: [] as unknown as boolean }, TypeError, "jsonSchema must be"],
    [
      { jsonSchema: { type: "integer", minimum: 2, maximum: 1 } },
      RangeError,
      "jsonSchema cannot be fulfilled",
    ],
    [
      { choices: ["a"], logitBias: { [tokenizer.encode("a")[0]]: -Infinity } },
      Error,
      "all that a constraint allows",
    ],
  ];
  for (const [options, ErrorClass, message] of refused) {
    await assertRejects(() => collect(tiny, "a", options), ErrorClass, message);
  }
  using bare = new GPT2(GPT2Config.tiny(), { seed: 1 });
  await assertRejects(
    () => Array.fromAsync(bare.generate([1], { regex: "a" })),
    TypeError,
    "regex needs a tokenizer",
  );
});
