import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { engineOf } from "../../src/engine/engines.ts";
import { GPT2 } from "../../src/gpt2.ts";
import type { AdapterWeights } from "../../src/model/adapter_weights.ts";
import { GPT2Config } from "../../src/model/config.ts";
import { createAdapter } from "../../src/model/create_adapter.ts";
import { readTensor } from "../../src/tensor/data.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { type BatchSource, optimizerOf, Trainer } from "../../src/training/trainer.ts";
import type { TrainerOptions } from "../../src/training/trainer_options.ts";
import { batchOf, createTrainingModel, readTrainingCase, relativeError } from "./reference.ts";

/** Of the largest element of a gradient: both are computed in F32. */
const TOLERANCE = 1e-5;

const CASE = "tied";

/** Only what is computed before the step is of interest. */
const ONE_STEP: TrainerOptions = { numSteps: 1, batchSize: 2, seqLength: 9, learningRate: 0 };

Deno.test("Trainer computes the gradients of an adapter that follow from those of the merged weights", async () => {
  const data: BatchSource = { batch: () => batchOf(readTrainingCase(CASE)) };
  using model = createTrainingModel(CASE);
  const adapter = filledAdapter(model.config);
  using loaded = await model.loadAdapter(adapter);
  using trainer = new Trainer(model, data, { ...ONE_STEP, adapter: loaded });
  const { loss } = await trainer.step();

  using merged = createTrainingModel(CASE);
  merge(merged, adapter);
  using full = new Trainer(merged, data, ONE_STEP);
  const { loss: mergedLoss } = await full.step();
  assert(Math.abs(loss - mergedLoss) < 1e-5, `${loss} and ${mergedLoss}`);

  for (const { name, rank, alpha, down, up } of adapter.weights) {
    const [numIn, numOut] = [down.length / rank, up.length / rank];
    const ofWeight = gradientOf(full, `${name}.weight`);
    const scale = alpha / rank;
    const ofDown = new Float32Array(down.length);
    const ofUp = new Float32Array(up.length);
    for (let out = 0; out < numOut; out++) {
      for (let r = 0; r < rank; r++) {
        for (let i = 0; i < numIn; i++) {
          ofDown[r * numIn + i] += scale * up[out * rank + r] * ofWeight[out * numIn + i];
          ofUp[out * rank + r] += scale * ofWeight[out * numIn + i] * down[r * numIn + i];
        }
      }
    }
    for (const [part, expected] of [["down", ofDown], ["up", ofUp]] as const) {
      const error = relativeError(gradientOf(trainer, `${name}.${part}`), expected);
      assert(error <= TOLERANCE, `${name}.${part}: ${error}`);
    }
  }
});

for (const type of ["f32", "q8_0", "q4_0", "q4_k_m"] as const) {
  Deno.test(`Trainer trains an adapter beside weights in ${type}, which stay as they are`, async () => {
    const folder = await Deno.makeTempDir();
    try {
      const path = `${folder}/model.gguf`;
      const sizes = {
        embeddingDim: 256,
        numHeads: 4,
        numLayers: 1,
        vocabSize: 64,
        contextLength: 8,
      };
      using created = new GPT2(new GPT2Config(sizes), { seed: 2 });
      await created.saveGguf(path, { type });
      using model = await GPT2.fromPretrained(path, { trainable: "adapters" });
      const before = (await model.forward([1, 2, 3])).logits;
      using adapter = await model.loadAdapter(
        createAdapter(model.config, { rank: 4, targets: ["qkvProjection", "mlpProjection"] }),
      );
      const data: BatchSource = {
        batch: () => ({ tokens: Int32Array.of(1, 2, 3, 4), targets: Int32Array.of(2, 3, 4, 5) }),
      };
      const options = { adapter, numSteps: 30, batchSize: 1, seqLength: 4, learningRate: 3e-2 };
      using trainer = new Trainer(model, data, { ...options, warmupSteps: 0 });
      const losses = (await Array.fromAsync(trainer)).map(({ loss }) => loss);
      assert(losses[29] < losses[0] - 1, `${losses}`);
      assertEquals((await model.forward([1, 2, 3])).logits, before);
      const { loss } = await model.forward([1, 2, 3, 4], {
        targets: [2, 3, 4, 5],
        adapters: [adapter],
      });
      assert(loss! < losses[0] - 1, "what it has learned is not in the adapter");
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
}

Deno.test("Trainer refuses an adapter whose model gradients cannot go through", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const path = `${folder}/model.gguf`;
    using created = createTrainingModel(CASE);
    await created.saveGguf(path, { type: "q8_0" });
    const data: BatchSource = { batch: () => batchOf(readTrainingCase(CASE)) };
    using model = await GPT2.fromPretrained(path);
    using adapter = await model.loadAdapter(createAdapter(model.config));
    const isPacked = engineOf(model)!.model.weights.memoriesOf("blocks.0.qkvProjection.weight")
      .some((memory) => memory === "packed" || memory === "repacked");
    if (isPacked) {
      assertThrows(
        () => new Trainer(model, data, { ...ONE_STEP, adapter }),
        TypeError,
        'trainable: "adapters"',
      );
    }
    assertThrows(
      () => new Trainer(created, data, { ...ONE_STEP, adapter }),
      TypeError,
      "one of another model",
    );
    using own = await created.loadAdapter(createAdapter(created.config));
    assertThrows(
      () => new Trainer(created, data, { ...ONE_STEP, adapter: own, freeze: ["*"] }),
      RangeError,
      "Leave it out",
    );
    await assertRejects(
      () => GPT2.fromPretrained(path, { trainable: "adapter" as "adapters" }),
      TypeError,
      'true, false or "adapters"',
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

/** An adapter in which nothing is 0. */
function filledAdapter(config: GPT2Config): AdapterWeights {
  const created = createAdapter(config, {
    rank: 3,
    alpha: 6,
    targets: ["qkvProjection", "outputProjection", "hiddenProjection", "mlpProjection"],
    seed: 7,
  });
  const weights = created.weights.map((weight, n) => ({
    ...weight,
    up: weight.up.map((_, i) => Math.sin(i + 10 * n) / 10),
  }));
  return { ...created, weights };
}

/** Adds an adapter to the weights of a model. */
function merge(model: GPT2, { weights }: AdapterWeights): void {
  const own = engineOf(model)!.model.weights;
  for (const { name, rank, alpha, down, up } of weights) {
    const merged = new Float32Array(own.read(`${name}.weight`)!.buffer);
    const numIn = down.length / rank;
    merged.forEach((value, place) => {
      const [out, i] = [Math.floor(place / numIn), place % numIn];
      let sum = 0;
      for (let r = 0; r < rank; r++) sum += up[out * rank + r] * down[r * numIn + i];
      merged[place] = value + alpha / rank * sum;
    });
    own.write(`${name}.weight`, new Uint8Array(merged.buffer));
  }
}

function gradientOf(trainer: Trainer, name: string): Float32Array<ArrayBuffer> {
  const place = trainer.weights.findIndex((weight) => weight.name === name);
  const tensor: Tensor = optimizerOf(trainer).gradients.tensors[place];
  const elements = new Float32Array(tensor.size);
  readTensor(tensor, elements);
  return elements;
}

Deno.test("Trainer leaves out a share of what an adapter reads, in training only", async () => {
  const data: BatchSource = { batch: () => batchOf(readTrainingCase(CASE)) };
  const lossesOf = async (options: TrainerOptions) => {
    using model = createTrainingModel(CASE);
    using adapter = await model.loadAdapter(filledAdapter(model.config));
    const settings = { ...ONE_STEP, numSteps: 3, learningRate: 1e-2, adapter, ...options };
    using trainer = new Trainer(model, data, { ...settings, validation: [data.batch(0, 2)] });
    const { loss: evaluated } = await trainer.evaluate();
    return [evaluated, ...(await Array.fromAsync(trainer)).map(({ loss }) => loss)];
  };
  const [evaluated, ...losses] = await lossesOf({});
  const [sameEvaluated, ...dropped] = await lossesOf({ adapterDropout: 0.5 });
  assertEquals(sameEvaluated, evaluated);
  assertEquals(await lossesOf({ adapterDropout: 0.5 }), [evaluated, ...dropped]);
  dropped.forEach((loss, i) => assert(Math.abs(loss - losses[i]) > 1e-4, `${loss}, ${losses[i]}`));
  // Each step leaves out something else, and so does another seed.
  const others = await lossesOf({ adapterDropout: 0.5, seed: 1 });
  assert(Math.abs(others[1] - dropped[0]) > 1e-5, `${others[1]}`);
  using model = createTrainingModel(CASE);
  const without = () => new Trainer(model, data, { ...ONE_STEP, adapterDropout: 0.5 });
  assertThrows(without, RangeError, "adapterDropout is for an adapter");
});

Deno.test("Trainer leaves out nothing of what the model itself reads: an adapter of zeros adds 0", async () => {
  const data: BatchSource = { batch: () => batchOf(readTrainingCase(CASE)) };
  using model = createTrainingModel(CASE);
  using adapter = await model.loadAdapter(createAdapter(model.config, { rank: 2 }));
  using trainer = new Trainer(model, data, { ...ONE_STEP, adapter, adapterDropout: 0.9 });
  using plain = new Trainer(model, data, { ...ONE_STEP, adapter });
  assertEquals((await trainer.step()).loss, (await plain.step()).loss);
});
