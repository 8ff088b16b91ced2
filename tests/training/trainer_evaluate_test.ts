import { assert, assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import { GPT2 } from "../../src/gpt2.ts";
import { GPT2Config } from "../../src/model/config.ts";
import { createAdapter } from "../../src/model/create_adapter.ts";
import { scale } from "../../src/tensor/elementwise.ts";
import { Trainer } from "../../src/training/trainer.ts";
import type { TrainerOptions } from "../../src/training/trainer_options.ts";
import type { Batch } from "../../src/training/training_graph.ts";

/** Of a mean loss near 7: F32 keeps 6e-8 of each logit. */
const TOLERANCE = 1e-5;

const SETTINGS: TrainerOptions = { numSteps: 20, batchSize: 2, seqLength: 8, learningRate: 1e-2 };

const ids = (from: number, length: number) =>
  Int32Array.from({ length }, (_, i) => (from + i * i) % 1000);
const batchOf = (from: number, numTexts: number): Batch => ({
  tokens: ids(from, 8 * numTexts),
  targets: ids(from + 500, 8 * numTexts),
});
const data = { batch: (step: number) => batchOf(step, 2) };

/** Batches of different sizes, with targets that do not count. */
const validation = [batchOf(300, 3), batchOf(700, 1)];
validation[0].targets.fill(-1, 0, 5);

/** The same by what a user could have computed. */
async function expectedLoss(model: GPT2, adapters?: Parameters<GPT2["useAdapters"]>[0]) {
  let sum = 0;
  let numTokens = 0;
  for (const { tokens, targets } of validation) {
    for (let start = 0; start < tokens.length; start += 8) {
      const [text, next] = [tokens, targets].map((x) => [...x.slice(start, start + 8)]);
      const { logits } = await model.forward(text, { adapters });
      const vocab = logits.length / 8;
      next.forEach((target, i) => {
        if (target < 0) return;
        const row = logits.subarray(i * vocab, (i + 1) * vocab);
        const total = row.reduce((total, logit) => total + Math.exp(logit), 0);
        sum += Math.log(total) - row[target];
        numTokens++;
      });
    }
  }
  return { loss: sum / numTokens, numTokens };
}

Deno.test("Trainer.evaluate() is the mean loss of the texts, between steps, without dropout and interventions", async () => {
  using model = new GPT2(GPT2Config.tiny(), { seed: 1 });
  using trainer = new Trainer(model, data, {
    ...SETTINGS,
    validation,
    dropout: 0.5,
    intervene: { "blocks.0.mlp.output": (x) => scale(x, 3) },
  });
  const losses = [];
  for (let i = 0; i < 2; i++) {
    const { loss, numTokens } = await trainer.evaluate();
    const expected = await expectedLoss(model);
    assertEquals(numTokens, 27);
    assertAlmostEquals(loss, expected.loss, TOLERANCE);
    losses.push(loss);
    await trainer.step();
  }
  assert(Math.abs(losses[0] - losses[1]) > 100 * TOLERANCE, "a step changed nothing");
});

Deno.test("Trainer.evaluate() waits for the steps that were asked for, and later ones for it", async () => {
  const lossesOf = async (areQueued: boolean) => {
    using model = new GPT2(GPT2Config.tiny(), { seed: 1 });
    using trainer = new Trainer(model, data, { ...SETTINGS, validation });
    const ask = [() => trainer.step(), () => trainer.evaluate(), () => trainer.step()];
    const found: { loss: number }[] = [];
    if (areQueued) found.push(...await Promise.all(ask.map((each) => each())));
    else for (const each of ask) found.push(await each());
    return found.map(({ loss }) => loss);
  };
  assertEquals(await lossesOf(true), await lossesOf(false));
});

Deno.test("Trainer.evaluate() measures the adapter that is trained, whatever else is used", async () => {
  using model = await GPT2.create(GPT2Config.tiny(), { seed: 1 });
  const adapter = await model.loadAdapter(createAdapter(model.config, { rank: 2 }));
  using trainer = new Trainer(model, data, { ...SETTINGS, adapter, validation });
  for (let i = 0; i < 3; i++) await trainer.step();
  const { loss } = await trainer.evaluate();
  const [plain, adapted] = [await expectedLoss(model), await expectedLoss(model, [adapter])];
  assertAlmostEquals(loss, adapted.loss, TOLERANCE);
  assert(Math.abs(loss - plain.loss) > 100 * TOLERANCE, "the adapter changed nothing");
});

Deno.test("Trainer.evaluate() can be aborted, and training goes on", async () => {
  using model = new GPT2(GPT2Config.tiny(), { seed: 1 });
  using trainer = new Trainer(model, data, SETTINGS);
  const controller = new AbortController();
  const { signal } = controller;
  let numRead = 0;
  function* endless() {
    for (;;) {
      if (++numRead === 100) controller.abort();
      yield batchOf(numRead, 16);
    }
  }
  await assertRejects(() => trainer.evaluate({ validation: endless(), signal }), DOMException);
  assertEquals(numRead, 100);
  await assertRejects(() => trainer.evaluate({ validation, signal }), DOMException);
  assertEquals((await trainer.step()).step, 1);
  assert((await trainer.evaluate({ validation })).loss > 0);
});

Deno.test("Trainer.evaluate() refuses what it cannot evaluate", async () => {
  using model = new GPT2(GPT2Config.tiny(), { seed: 1 });
  using trainer = new Trainer(model, data, SETTINGS);
  const cases: [Iterable<Batch>, string][] = [
    [[], "no batch with a target that counts"],
    [[{ ...batchOf(1, 1), targets: new Int32Array(8).fill(-1) }], "no batch with a target"],
    [[{ tokens: ids(1, 7), targets: ids(1, 7) }], "texts of 8 tokens"],
    [[{ tokens: ids(1, 8), targets: ids(1, 7) }], "received 8 tokens and 7 targets"],
    [[{ tokens: new Int32Array(8).fill(1000), targets: ids(1, 8) }], "received the token 1000"],
    [[{ tokens: ids(1, 8), targets: new Int32Array(8).fill(-2) }], "received the target -2"],
    [[undefined as unknown as Batch], "both Int32Array"],
    [7 as unknown as Batch[], "validation must be batches"],
  ];
  for (const [given, text] of cases) {
    await assertRejects(() => trainer.evaluate({ validation: given }), Error, text);
  }
  await assertRejects(() => trainer.evaluate(), TypeError, "Give them as validation");
  const unknown = { seed: 1 } as unknown as TrainerOptions;
  await assertRejects(() => trainer.evaluate(unknown), TypeError, "no such option");
});
