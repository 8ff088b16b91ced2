/** Adapters through the class that users hold. */
import { assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { FileFormatError } from "../src/base/errors.ts";
import { perplexity } from "../src/evaluation/perplexity.ts";
import { GPT2 } from "../src/gpt2.ts";
import { directLogitAttribution } from "../src/inspection/direct_logit_attribution.ts";
import { ADAPTER_TARGETS, type AdapterWeights } from "../src/model/adapter_weights.ts";
import type { AdapterOptions } from "../src/model/adapter.ts";
import { GPT2Config } from "../src/model/config.ts";
import { assertClose } from "./close.ts";
import { TemporaryFolder } from "./checkpoint/folders.ts";
import { adapterPath } from "./checkpoint/adapters/fixtures.ts";
import { randomAdapter } from "./model/random_adapter.ts";

/** The same sums in another order. */
const TOLERANCE = 1e-4;

const config = new GPT2Config({
  vocabSize: 60,
  contextLength: 32,
  embeddingDim: 32,
  numHeads: 4,
  numLayers: 2,
});
const model = new GPT2(config, { seed: 5, threads: 1 });
const weights = randomAdapter(config, { rank: 3, targets: ADAPTER_TARGETS, seed: 1 });
const adapter = await model.loadAdapter(weights);
const other = await model.loadAdapter(randomAdapter(config, { rank: 2, seed: 2 }));
const prompt = [3, 1, 4, 1, 5, 9, 2, 6];

async function written(options: AdapterOptions & { [name: string]: unknown }): Promise<number[][]> {
  const texts: number[][] = [];
  for await (
    const { sequence, id } of model.generate(prompt, { maxNewTokens: 8, seed: 1, ...options })
  ) (texts[sequence] ??= []).push(id);
  return texts;
}

async function lastLogits(tokens: number[], options: AdapterOptions): Promise<Float32Array> {
  return (await model.forward(tokens, { logits: "last", ...options })).logits;
}

Deno.test("generate() writes with adapters what forward() says with them", async () => {
  const adapters = [adapter, { adapter: other, scale: 0.5 }];
  const [text] = await written({ greedy: true, adapters });
  const tokens = [...prompt];
  for (const id of text) {
    const logits = await lastLogits(tokens, { adapters });
    assertEquals(id, logits.indexOf(Math.max(...logits)));
    tokens.push(id);
  }
  assertNotEquals(text, (await written({ greedy: true }))[0]);
});

Deno.test("overlapping calls with different adapters get what each would get alone", async () => {
  const kinds: AdapterOptions[] = [
    {},
    { adapters: [adapter] },
    { adapters: [{ adapter, scale: 0.3 }] },
    { adapters: [other, adapter] },
  ];
  const alone: number[][][] = [];
  for (const kind of kinds) alone.push(await written({ ...kind, numReturnSequences: 3 }));
  const together = await Promise.all(
    kinds.map((kind) => written({ ...kind, numReturnSequences: 3 })),
  );
  assertEquals(together, alone);
  assertEquals(new Set(alone.map(String)).size, kinds.length);
});

Deno.test("beam search, speculation and exploring know of adapters", async () => {
  const adapters = [adapter];
  const [greedy] = await written({ greedy: true, adapters });
  assertEquals((await written({ greedy: true, adapters, speculate: "lookup" }))[0], greedy);
  assertNotEquals(await written({ numBeams: 3, adapters }), await written({ numBeams: 3 }));
  const [branch] = await model.explore(prompt, { width: 1, depth: 3, minProbability: 0, adapters });
  assertEquals(
    [branch.id, branch.branches[0].id, branch.branches[0].branches[0].id],
    greedy.slice(0, 3),
  );
});

Deno.test("a text keeps its adapters, and so does its fork", async () => {
  using text = await model.open(prompt, { adapters: [adapter] });
  using fork = text.fork();
  await fork.append([7]);
  const expected = await lastLogits([...prompt, 7], { adapters: [adapter] });
  assertClose(await fork.logits(), expected, TOLERANCE, "logits of the fork");
  await text.append([7]);
  assertClose(await text.logits(), expected, TOLERANCE, "logits of the text");
  using plain = await model.open(prompt);
  await plain.append([7]);
  assertClose(
    await plain.logits(),
    await lastLogits([...prompt, 7], {}),
    TOLERANCE,
    "logits without",
  );
  await assertRejects(() => text.append([1], { adapters: [] } as object), TypeError, "adapters");
});

Deno.test("a saved text is restored with the same adapters only", async () => {
  using folder = new TemporaryFolder();
  const path = folder.file("text");
  using text = await model.open(prompt, { adapters: [adapter] });
  const logits = await text.logits();
  await text.save(path);
  // The same weights, loaded again.
  using again = await model.loadAdapter(adapter.read());
  using restored = await model.restore(path, { adapters: [again] });
  await restored.append([7]);
  await text.append([7]);
  assertEquals(await restored.logits(), await text.logits());
  assertNotEquals(await restored.logits(), logits);
  for (const options of [{}, { adapters: [other] }, { adapters: [{ adapter, scale: 0.5 }] }]) {
    await assertRejects(() => model.restore(path, options), FileFormatError, "with other adapters");
  }
});

Deno.test("scores are those of the model with its adapters", async () => {
  const adapters = [adapter];
  const { logits } = await model.forward(prompt, { adapters });
  const { tokens } = await model.score(prompt, { adapters });
  for (const [i, { logProbability }] of tokens.entries()) {
    if (i === 0) continue;
    const row = logits.subarray((i - 1) * config.vocabSize, i * config.vocabSize);
    const sum = Math.log(row.reduce((sum, logit) => sum + Math.exp(logit), 0));
    assertClose([logProbability], [row[prompt[i]] - sum], TOLERANCE, `token ${i}`);
  }
  const [continued] = await model.scoreContinuations(prompt.slice(0, -1), [[6], [7]], { adapters });
  assertClose([continued.logProbability], [tokens.at(-1)!.logProbability], TOLERANCE, "the last");
  const { loss } = await perplexity(model, prompt, { adapters });
  const mean = tokens.slice(1).reduce((sum, { logProbability }) => sum - logProbability, 0) / 7;
  assertClose([loss.value], [mean], TOLERANCE, "the loss");
});

Deno.test("useAdapters() changes all calls that do not say, and what looks inside", async () => {
  const expected = await lastLogits(prompt, { adapters: [adapter] });
  const plain = await lastLogits(prompt, {});
  await model.useAdapters([adapter]);
  try {
    assertEquals(await lastLogits(prompt, {}), expected);
    assertEquals(await lastLogits(prompt, { adapters: [] }), plain);
    const { logit, contributions } = await directLogitAttribution(model, prompt, { answer: 7 });
    assertClose([logit], [expected[7]], TOLERANCE, "the logit");
    const sum = contributions.reduce((sum, { logit }) => sum + logit, 0);
    assertClose([sum], [logit], TOLERANCE, "the sum of what adds to it");
  } finally {
    await model.useAdapters([]);
  }
  assertEquals(await lastLogits(prompt, {}), plain);
});

Deno.test("loadAdapter() gives what saveAdapter() has written", async () => {
  using folder = new TemporaryFolder();
  for (const name of ["adapter", "adapter.gguf"]) {
    await model.saveAdapter(adapter, folder.file(name));
    using loaded = await model.loadAdapter(folder.file(name));
    assertEquals(loaded.read(), weights);
    assertEquals(loaded.targets, ADAPTER_TARGETS);
  }
});

Deno.test("loadAdapter() rejects when there is no such adapter, or not for this model", async () => {
  await assertRejects(() => model.loadAdapter("no such folder"), Deno.errors.NotFound);
  await assertRejects(() => model.loadAdapter(3 as unknown as string), TypeError, "adapter");
  await assertRejects(
    () => model.loadAdapter(adapterPath("plain")),
    FileFormatError,
    "blocks.0.hiddenProjection of the model is 128 x 32",
  );
  const signal = AbortSignal.abort();
  await assertRejects(() => model.loadAdapter(adapterPath("plain"), { signal }), DOMException);
});

const noAdapters: readonly [what: string, given: unknown][] = [
  ["undefined", undefined],
  ["null", null],
  ["5", 5],
  ["{}", {}],
  ["[]", []],
  ["weights: []", { ...weights, weights: [] }],
  ["weights: null", { ...weights, weights: null }],
  ["weights: [null]", { ...weights, weights: [null] }],
  ["a rank of 0", { ...weights, weights: [{ ...weights.weights[0], rank: 0 }] }],
  ["up as an array", { ...weights, weights: [{ ...weights.weights[0], up: [1] }] }],
  ["a read() that gives none", { read: () => undefined }],
];
for (const [what, given] of noAdapters) {
  Deno.test(`what is no adapter is neither loaded nor saved: ${what}`, async () => {
    using folder = new TemporaryFolder();
    const none = given as AdapterWeights;
    await assertRejects(
      () => model.loadAdapter(none),
      TypeError,
      "Cannot load the adapter: it must",
    );
    const saved = () => model.saveAdapter(none, folder.file("a.gguf"));
    await assertRejects(saved, TypeError, "Cannot save the adapter: it must");
  });
}
