import { assert, assertEquals } from "@std/assert";
import { engineOf } from "../../src/engine/engines.ts";
import { AdamW } from "../../src/training/adam_w.ts";
import { trainableWeights } from "../../src/training/trainable_weights.ts";
import { TrainingGraph } from "../../src/training/training_graph.ts";
import { readTensor } from "../../src/tensor/data.ts";
import { disableTrainingKernels } from "../../src/tensor/training/has_training_kernels.ts";
import {
  batchOf,
  createTrainingModel,
  readTensors,
  readTrainingCase,
  relativeError,
  TRAINING_CASES,
  type TrainingCaseName,
} from "./reference.ts";

/** Of the largest element of each gradient, against float64: PyTorch's own F32 is off by up to 9e-7 here. */
const F32_TOLERANCE = 2e-6;

/** The elements of products have 8 bits there: each is off by up to 4e-3, and sums by less. */
const BF16_TOLERANCE = 3e-2;

const SETTINGS = { betas: [0.9, 0.99], epsilon: 1e-8, weightDecay: 0, gradientClip: 0 } as const;

for (const name of TRAINING_CASES) {
  Deno.test(`TrainingGraph computes the gradients of ${name} as PyTorch does`, async () => {
    const { loss, errors } = await compare(name, "f32");
    assert(Math.abs(loss - readTrainingCase(name).loss) < 2e-6, `loss ${loss}`);
    for (const [weight, error] of errors) assert(error <= F32_TOLERANCE, `${weight}: ${error}`);
  });

  // Nothing but a kernel of our own has the gradient of the exact GELU.
  if (name !== "exact_gelu") {
    Deno.test(`TrainingGraph computes the gradients of ${name} without kernels of our own`, async () => {
      using _disabled = disableTrainingKernels();
      const { loss, errors } = await compare(name, "f32");
      assert(Math.abs(loss - readTrainingCase(name).loss) < 2e-6, `loss ${loss}`);
      for (const [weight, error] of errors) assert(error <= F32_TOLERANCE, `${weight}: ${error}`);
    });
  }

  Deno.test(`TrainingGraph computes the loss of ${name} that inference computes`, async () => {
    using model = createTrainingModel(name);
    const { tokens, targets } = readTrainingCase(name);
    const expected = await model.forward(tokens, { targets, logits: "none" });
    const { loss } = await compare(name, "f32");
    assert(Math.abs(loss - expected.loss!) < 2e-6, `${loss} and ${expected.loss}`);
  });

  Deno.test(`TrainingGraph computes the gradients of ${name} in mixed precision`, async () => {
    const { loss, errors } = await compare(name, "bf16");
    assert(Math.abs(loss - readTrainingCase(name).loss) < 2e-2, `loss ${loss}`);
    for (const [weight, error] of errors) assert(error <= BF16_TOLERANCE, `${weight}: ${error}`);
  });
}

Deno.test("the comparison of gradients notices one that is wrong", () => {
  const expected = Float32Array.of(1, -2, 3);
  assertEquals(relativeError(expected, expected), 0);
  assert(relativeError(Float32Array.of(1, -2, 3.0001), expected) > F32_TOLERANCE);
  assert(!(relativeError(Float32Array.of(1, NaN, 3), expected) <= F32_TOLERANCE));
});

async function compare(
  name: TrainingCaseName,
  precision: "f32" | "bf16",
): Promise<{ loss: number; errors: [string, number][] }> {
  using gpt2 = createTrainingModel(name);
  const { model } = engineOf(gpt2)!;
  const weights = trainableWeights(model);
  using optimizer = new AdamW(model.backend, weights, SETTINGS);
  const reference = readTrainingCase(name);
  const batch = batchOf(reference);
  using graph = new TrainingGraph({
    backend: model.backend,
    config: model.config,
    parameters: model.weights.parameters,
    trained: weights.map(({ tensor }) => tensor),
    gradients: optimizer.gradients,
    batch: reference.tokens.length,
    seq: reference.tokens[0].length,
    precision,
  });
  const count = batch.targets.filter((target) => target >= 0).length;
  const loss = await graph.run(batch, { factor: 1 / count, seed: [0, 0] });
  const expected = readTensors(name, "gradients");
  assertEquals(weights.map(({ name }) => name).sort(), [...expected.keys()].sort());
  const errors = weights.map(({ name, tensor }, i): [string, number] => {
    const found = new Float32Array(tensor.size);
    readTensor(optimizer.gradients.tensors[i], found);
    return [name, relativeError(found, expected.get(name)!)];
  });
  return { loss, errors };
}
