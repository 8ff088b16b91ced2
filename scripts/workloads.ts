/**
 * Work with many texts, to be measured. As a program it does one piece of work with a checkout of this package, and prints
 * the seconds it takes:
 *
 *     deno run -A scripts/workloads.ts . gpt2-Q8_0.gguf ragged
 *
 * @module
 */
import { pathToFileURL } from "node:url";
import { Random } from "../src/base/random.ts";
import type { GPT2 } from "../src/gpt2.ts";

const RAGGED_PROMPTS = 32;

/** What can be measured. */
export const workloads = {
  raggedCall: {
    title: "32 prompts of 8 to 900 tokens, one call, up to 200 tokens each",
    run: async (model) => {
      await count(model, raggedTexts().map(({ prompt }) => prompt), { maxNewTokens: 200 });
    },
  },
  raggedCalls: {
    title: "the same prompts, a call for each, 16 to 200 tokens each",
    run: async (model) => {
      await Promise.all(
        raggedTexts().map(({ prompt, maxNewTokens }) => {
          return count(model, [prompt], { maxNewTokens });
        }),
      );
    },
  },
  raggedReading: {
    title: "reading these prompts, one call",
    run: async (model) => {
      await count(model, raggedTexts().map(({ prompt }) => prompt), { maxNewTokens: 1 });
    },
  },
  evenReading: {
    title: "reading as many tokens in texts of 512",
    run: async (model) => {
      const numTokens = raggedTexts().reduce((sum, { prompt }) => sum + prompt.length, 0);
      const random = new Random(5);
      const texts = Array.from({ length: numTokens / 512 }, () => randomTokens(random, 512));
      await count(model, [...texts, randomTokens(random, numTokens % 512)], { maxNewTokens: 1 });
    },
  },
  continuations: {
    title: "16 continuations, of 32 tokens each, of one prompt of 512",
    run: async (model) => {
      const prompt = randomTokens(new Random(2), 512);
      await count(model, [prompt], { maxNewTokens: 32, numReturnSequences: 16 });
    },
  },
  one: {
    title: "one text of 200 tokens",
    run: async (model) => {
      await count(model, [randomTokens(new Random(3), 8)], { maxNewTokens: 200 });
    },
  },
  overlapping: {
    title: "two texts of 200 tokens in calls that overlap",
    run: async (model) => {
      const random = new Random(3);
      const texts = [randomTokens(random, 8), randomTokens(random, 8)];
      await Promise.all(texts.map((text) => count(model, [text], { maxNewTokens: 200 })));
    },
  },
  batch8: {
    title: "8 texts of 128 tokens side by side",
    run: async (model) => await manyTexts(model, 8),
  },
  batch32: {
    title: "32 texts of 128 tokens side by side",
    run: async (model) => await manyTexts(model, 32),
  },
} satisfies Record<string, { title: string; run: (model: GPT2) => Promise<void> }>;

/** The name of a workload. */
export type Workload = keyof typeof workloads;

/** Prompts of very different lengths, and how many tokens each is to be continued by. */
function raggedTexts(): { prompt: number[]; maxNewTokens: number }[] {
  const random = new Random(1);
  const between = (least: number, most: number) =>
    least + Math.floor(random.next() * (most - least + 1));
  return Array.from({ length: RAGGED_PROMPTS }, () => {
    const prompt = randomTokens(random, between(8, 900));
    return { prompt, maxNewTokens: Math.min(between(16, 200), 1024 - prompt.length) };
  });
}

function randomTokens(random: Random, count: number): number[] {
  return Array.from({ length: count }, () => Math.floor(random.next() * 50_000));
}

async function manyTexts(model: GPT2, numTexts: number): Promise<void> {
  const random = new Random(4);
  const texts = Array.from({ length: numTexts }, () => randomTokens(random, 8));
  await count(model, texts, { maxNewTokens: 128 });
}

async function count(
  model: GPT2,
  prompts: readonly number[][],
  options: { maxNewTokens: number; numReturnSequences?: number },
): Promise<void> {
  for await (const _ of model.generate(prompts, { seed: 1, ignoreEndOfText: true, ...options })) {
    // Only the time counts.
  }
}

if (import.meta.main) {
  const [checkout, source, workload] = Deno.args;
  const module: { GPT2: typeof GPT2 } = await import(pathToFileURL(`${checkout}/mod.ts`).href);
  using model = await module.GPT2.fromPretrained(source);
  await workloads.one.run(model); // Warms up threads and the code of JavaScript.
  const begin = performance.now();
  await workloads[workload as Workload].run(model);
  console.log((performance.now() - begin) / 1000);
}
