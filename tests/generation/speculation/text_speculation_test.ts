import { assert, assertEquals, assertRejects } from "@std/assert";
import { Engine } from "../../../src/engine/engine.ts";
import type { GenerateOptions } from "../../../src/generation/generate_options.ts";
import type { GeneratedToken } from "../../../src/generation/generated_token.ts";
import { Text } from "../../../src/generation/text.ts";
import type { TextGenerateOptions } from "../../../src/generation/text_options.ts";
import {
  asDraft,
  assertSameTexts,
  createSmallModel,
  tokenizer,
  vocabulary,
  WatchedEngine,
  type Written,
} from "./speculating.ts";

const model = createSmallModel(1);
const engine = new Engine(model);
const perfect = asDraft(new Engine(createSmallModel(1)));
const other = asDraft(new Engine(createSmallModel(2)));

const prompt = [40, 41, 42, 43, 40, 41, 42];
const low = { temperature: 0.05, topK: 0 };
const speculations: Pick<GenerateOptions, "speculate" | "draft">[] = [
  { speculate: "lookup" },
  { draft: perfect },
  { draft: other },
];

/** What is done with a text whenever it has got a token. */
type Meddling = (text: Text, numWritten: number) => void | Promise<void>;

async function write(
  options: TextGenerateOptions,
  meddle: Meddling = () => {},
  own: Engine = engine,
): Promise<Written & { readonly all: number[] }> {
  using text = new Text(own, vocabulary);
  await text.append(prompt);
  const tokens: GeneratedToken[] = [];
  let [numDrafted, numAccepted] = [0, 0];
  const onDraft: GenerateOptions["onDraft"] = (result) => {
    numDrafted += result.numDrafted;
    numAccepted += result.numAccepted;
  };
  for await (const token of text.generate({ ...options, onDraft })) {
    tokens.push(token);
    await meddle(text, tokens.length);
  }
  return { tokens, numDrafted, numAccepted, all: text.tokens };
}

const options: Record<string, TextGenerateOptions> = {
  greedy: { greedy: true },
  "low temperature": low,
  "top log-probabilities": { ...low, topLogProbabilities: 3 },
  penalties: { ...low, repetitionPenalty: 1.1, presencePenalty: 0.01 },
  "no end": { ...low, ignoreEndOfText: true },
  "up to the context": { greedy: true, maxNewTokens: 100 },
  stop: { ...low, stop: tokenizer.decode([9]) },
  regex: { ...low, regex: "([a-z]{2} ){20}" },
};

for (const [name, extra] of Object.entries(options)) {
  Deno.test(`Text.generate() writes the same with and without drafts: ${name}`, async () => {
    for (let seed = 0; seed < 4; seed++) {
      const settings = { maxNewTokens: 40, seed, ...extra };
      const plain = await write(settings);
      for (const speculation of speculations) {
        const drafted = await write({ ...settings, ...speculation });
        assertSameTexts(model, drafted, plain);
        assertEquals(drafted.all, plain.all);
      }
    }
  });
}

Deno.test("Text.generate() takes fewer passes with drafts that are right", async () => {
  const settings = { ...low, seed: 1, maxNewTokens: 40, ignoreEndOfText: true };
  const [plain, drafting] = [new WatchedEngine(model), new WatchedEngine(model)];
  await write(settings, undefined, plain);
  const { numDrafted, numAccepted } = await write(
    { ...settings, draft: perfect },
    undefined,
    drafting,
  );
  assert(numAccepted > 20 && numAccepted <= numDrafted, `${numAccepted} of ${numDrafted}`);
  assert(drafting.numSteps < plain.numSteps / 2, `${drafting.numSteps} and ${plain.numSteps}`);
});

const meddlings: Record<string, Meddling> = {
  "looks at what follows": async (text) => void (await text.logits()),
  "copies it": async (text, numWritten) => {
    if (numWritten % 3 !== 0) return;
    using copy = text.fork();
    await copy.append([1, 2, 3]);
    using whole = new Text(engine, vocabulary);
    await whole.append(copy.tokens);
    assertEquals(await copy.likeliest(5), await whole.likeliest(5));
  },
  "adds to it": async (text, numWritten) => {
    if (numWritten % 5 === 0) await text.append([9, 10]);
  },
  "takes tokens back": (text, numWritten) => {
    if (numWritten === 7 || numWritten === 13) text.truncate(text.length - 2);
  },
  "replaces a token": async (text, numWritten) => {
    if (numWritten % 4 !== 0) return;
    text.truncate(text.length - 1);
    await text.append([11]);
  },
  "adds and takes back the same": async (text, numWritten) => {
    if (numWritten % 3 !== 0) return;
    await text.append([12, 13]);
    text.truncate(text.length - 2);
  },
  "chooses a token itself": async (text, numWritten) => {
    if (numWritten === 6) await text.next({ greedy: true });
  },
  "opens others": async () => {
    using another = new Text(engine, vocabulary);
    await another.append([1, 2, 3, 4, 5]);
  },
};

for (const [what, meddle] of Object.entries(meddlings)) {
  Deno.test(`Text.generate() writes the same with drafts where somebody ${what}`, async () => {
    for (let seed = 0; seed < 3; seed++) {
      const settings = { ...low, seed, maxNewTokens: 30, ignoreEndOfText: true };
      const plain = await write(settings, meddle);
      for (const speculation of speculations) {
        const drafted = await write({ ...settings, ...speculation }, meddle);
        assertSameTexts(model, drafted, plain);
        assertEquals(drafted.all, plain.all);
      }
    }
  });
}

Deno.test("a text that is left amid a draft goes on as if there had been none", async () => {
  for (let count = 1; count < 12; count++) {
    using text = new Text(engine, vocabulary);
    await text.append(prompt);
    let numWritten = 0;
    for await (const _ of text.generate({ ...low, seed: 1, draft: perfect })) {
      if (++numWritten === count) break;
    }
    using whole = new Text(engine, vocabulary);
    await whole.append(text.tokens);
    assertEquals(await text.likeliest(5), await whole.likeliest(5));
  }
});

Deno.test("Text.generate() refuses two kinds of drafts, and captures beside them", async () => {
  using text = new Text(engine, vocabulary);
  await text.append(prompt);
  const both = () => Array.fromAsync(text.generate({ speculate: "lookup", draft: perfect }));
  await assertRejects(both, TypeError, "received speculate and draft");
  const captured = () =>
    Array.fromAsync(text.generate({ speculate: "lookup", capture: ["blocks.0.residual"] }));
  await assertRejects(captured, TypeError, "capture and speculate cannot be combined");
});
