import { assert, assertAlmostEquals, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { engineOf } from "../../src/engine/engines.ts";
import { ablate, steer } from "../../src/inspect.ts";
import { readTensor } from "../../src/tensor/data.ts";
import { scale } from "../../src/tensor/elementwise.ts";
import { hasTrainingKernels } from "../../src/tensor/training/has_training_kernels.ts";
import { slice } from "../../src/tensor/views.ts";
import { type BatchSource, Trainer } from "../../src/training/trainer.ts";
import type { TrainerOptions } from "../../src/training/trainer_options.ts";
import {
  batchOf,
  createTrainingModel,
  readTensors,
  readTrainingCase,
  relativeError,
} from "./reference.ts";

/** Of the largest element of each gradient, against float64: PyTorch's own F32 is off by up to 9e-7 here. */
const F32_TOLERANCE = 2e-6;

const reference = readTrainingCase("tied");
const batch = batchOf(reference);
const [numTexts, seq] = [reference.tokens.length, reference.tokens[0].length];
const ONE_STEP: TrainerOptions = { numSteps: 1, batchSize: numTexts, seqLength: seq };

/** The same batch again and again; of fewer texts, those in turn. */
const data: BatchSource = {
  batch(step, batchSize) {
    const start = (step * batchSize % numTexts) * seq;
    const end = start + batchSize * seq;
    return { tokens: batch.tokens.slice(start, end), targets: batch.targets.slice(start, end) };
  },
};

Deno.test("Trainer gives the activations of a step and their gradients, which are PyTorch's", async () => {
  using model = createTrainingModel("tied");
  const { activations: expected } = await model.forward(reference.tokens, { capture: ["*"] });
  const hooks = { capture: ["*"], captureGradients: ["*"] };
  using trainer = new Trainer(model, data, { ...ONE_STEP, ...hooks });
  const { loss, activations, gradients } = await trainer.step();
  assertAlmostEquals(loss, reference.loss, 2e-6);
  assertEquals([...activations!.keys()], [...expected!.keys()]);
  assertEquals([...gradients!.keys()], [...expected!.keys()]);
  for (const [name, { axes, shape, data }] of expected!) {
    const found = activations!.get(name)!;
    assertEquals([found.axes, found.shape], [axes, shape]);
    for (const [i, value] of data.entries()) {
      if (value !== -Infinity) assertAlmostEquals(found.data[i], value, 2e-5, `${name} ${i}`);
      else assertEquals(found.data[i], value);
    }
  }
  for (const [name, expected] of readTensors("tied", "activations")) {
    const error = relativeError(gradients!.get(name)!.data, expected);
    assert(error <= F32_TOLERANCE, `${name}: ${error}`);
  }
});

Deno.test("Trainer gives the same activations and gradients when a step has several batches", async () => {
  const stepWith = async (options: TrainerOptions) => {
    using model = createTrainingModel("tied");
    const hooks = { capture: ["blocks.1.residual"], captureGradients: ["blocks.1.residual"] };
    using trainer = new Trainer(model, data, { ...ONE_STEP, ...hooks, ...options });
    return await trainer.step();
  };
  const [whole, parts] = [await stepWith({}), await stepWith({ batchSize: 1, accumulation: 2 })];
  assertAlmostEquals(parts.loss, whole.loss, 1e-6);
  for (const kind of ["activations", "gradients"] as const) {
    const [found, expected] = [parts, whole].map((step) => step[kind]!.get("blocks.1.residual")!);
    assertEquals(found.shape, expected.shape);
    assert(relativeError(found.data, expected.data) <= F32_TOLERANCE, kind);
  }
});

Deno.test("Trainer keeps nothing that nobody asked for, and computes the same bits when somebody does", async () => {
  const trainWith = async (options: TrainerOptions) => {
    using model = createTrainingModel("tied");
    using trainer = new Trainer(model, data, { ...ONE_STEP, numSteps: 3, ...options });
    const steps = await Array.fromAsync(trainer);
    return { steps, losses: steps.map(({ loss }) => loss) };
  };
  const plain = await trainWith({});
  assertEquals(Object.keys(plain.steps[0]).sort(), [
    "elapsedMs",
    "gradientNorm",
    "learningRate",
    "loss",
    "numTokens",
    "step",
  ]);
  const watched = await trainWith({
    capture: { names: ["blocks.*.residual", "logits"], positions: [-1] },
    captureGradients: ["blocks.0.mlp.hidden"],
  });
  assertEquals(watched.losses, plain.losses);
  assertEquals(watched.steps[2].activations!.get("blocks.0.residual")!.shape, [numTexts, 1, 32]);
});

Deno.test("Trainer trains with interventions, whose gradients are those of the changed model", async () => {
  using model = createTrainingModel("tied");
  const intervene = {
    "blocks.0.residual": steer(new Float32Array(32).fill(0.5), 1),
    "blocks.1.attention.attended": ablate({ heads: [2], texts: [1] }),
    "blocks.1.mlp.output": {
      change: (x: Parameters<typeof scale>[0]) => scale(x, 0.5),
      positions: [4],
    },
  };
  const targets = reference.targets;
  const { loss: expected } = await model.forward(reference.tokens, { targets, intervene });
  const of = ["blocks.0.mlpProjection.weight", "blocks.0.residual"];
  const { gradients } = await model.gradients(reference.tokens, { targets, intervene, of });
  const { weights } = engineOf(model)!.model;
  const before = new Float32Array(weights.read("blocks.0.mlpProjection.bias")!.buffer);
  const captureGradients = ["blocks.0.residual"];
  using trainer = new Trainer(model, data, { ...ONE_STEP, intervene, captureGradients });
  const step = await trainer.step();
  assertAlmostEquals(step.loss, expected!, 2e-6);
  const [found, other] = [step.gradients!, gradients].map((map) => map.get("blocks.0.residual")!);
  assert(relativeError(found.data, other.data) <= F32_TOLERANCE);
  const after = new Float32Array(weights.read("blocks.0.mlpProjection.bias")!.buffer);
  assert(after.some((value, i) => value !== before[i]));
});

Deno.test("Trainer leaves weights that an intervention has cut off where they are, but for decay", async () => {
  using model = createTrainingModel("tied");
  const { activations } = await model.forward(reference.tokens, {
    capture: ["blocks.0.attention.output"],
  });
  const mean = activations!.get("blocks.0.attention.output")!;
  const intervene = { "blocks.0.attention.output": ablate({ mean }) };
  using trainer = new Trainer(model, data, { ...ONE_STEP, intervene, weightDecay: 0 });
  const valuesOf = (name: string) => {
    const { tensor } = trainer.weights.find((weight) => weight.name === name)!;
    const values = new Float32Array(tensor.size);
    readTensor(tensor, values);
    return values;
  };
  const names = ["blocks.0.qkvProjection.weight", "blocks.1.qkvProjection.weight"];
  const before = names.map(valuesOf);
  await trainer.step();
  const [cutOff, other] = names.map(valuesOf);
  assertEquals(cutOff, before[0]);
  assert(other.some((value, i) => value !== before[1][i]));
});

Deno.test("Trainer drops out after hooks, and attention weights that are looked at too", async () => {
  using model = createTrainingModel("tied");
  if (!hasTrainingKernels(engineOf(model)!.model.backend)) return;
  const { activations: expected } = await model.forward(reference.tokens, { capture: ["*"] });
  const step = async (options: TrainerOptions) => {
    using trainer = new Trainer(model, data, {
      ...ONE_STEP,
      learningRate: 0,
      weightDecay: 0,
      ...options,
    });
    return await trainer.step();
  };
  const capture = ["embedding", "blocks.0.attention.weights"];
  const { activations, loss } = await step({ capture, dropout: 0.5 });
  // What is captured is whole.
  const [found, whole] = [activations!, expected!].map((map) => map.get("embedding")!.data);
  assert(relativeError(found, whole) <= F32_TOLERANCE);
  assert(Math.abs(loss - reference.loss) > 1e-3);
  // The gradient of a weight that is left out is 0.
  const gradientsOf = async (dropout: number) => {
    const { gradients } = await step({ captureGradients: capture, dropout });
    const { data, shape: [, , rows, columns] } = gradients!.get("blocks.0.attention.weights")!;
    // A query may look at keys up to its own; those that come later say nothing here.
    return data.filter((value, i) => i % columns <= Math.floor(i / columns) % rows && value === 0)
      .length;
  };
  assertEquals(await gradientsOf(0), 0);
  assert(await gradientsOf(0.5) > 100);
});

Deno.test("Trainer says which hooks it cannot have", () => {
  using model = createTrainingModel("tied");
  const refusals: [TrainerOptions, typeof Error, string][] = [
    [{ captureGradients: ["blocks.0.residua"] }, RangeError, "there is no such activation"],
    [
      { captureGradients: ["blocks.0.mlpNorm.weight"] },
      RangeError,
      "Cannot train: there is no such",
    ],
    [{ captureGradients: "logits" as never }, TypeError, "an array of texts"],
    [{ capture: ["hook_embed"] }, RangeError, 'Here that is called "embedding"'],
    [{ capture: { names: ["logits"], positions: [seq] } }, RangeError, "there is no such position"],
    [
      { intervene: { "blocks.0.residual": (x) => scale(slice(x, 2, 0, 16), 2) } },
      TypeError,
      "Cannot intervene in blocks.0.residual",
    ],
    [{ intervene: { "blocks.7.residual": (x) => x } }, RangeError, "there is no such activation"],
  ];
  for (const [options, ErrorClass, message] of refusals) {
    assertThrows(() => new Trainer(model, data, { ...ONE_STEP, ...options }), ErrorClass, message);
  }
});

Deno.test("a step of a trainer that has been disposed of says so", async () => {
  using model = createTrainingModel("steps");
  const tokens = Int32Array.of(1, 2, 3, 4);
  const data = { batch: () => ({ tokens, targets: tokens }) };
  const trainer = new Trainer(model, data, { numSteps: 2, batchSize: 1, seqLength: 4 });
  await trainer.step();
  trainer[Symbol.dispose]();
  trainer[Symbol.dispose]();
  await assertRejects(() => trainer.step(), TypeError, "the trainer has been disposed of");
});
