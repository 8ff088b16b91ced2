/**
 * How far gradients are off in many random batches, beside PyTorch's: geometric means of the worst of all weights, as
 * shares of a weight's largest.
 *
 *     python scripts/make_gradient_batches.py folder
 *     deno run -A scripts/compare_gradients.ts folder
 *
 * @module
 */
import { openRegularFile } from "../src/base/byte_source.ts";
import { readSafetensorsHeader } from "../src/formats/safetensors.ts";
import { readTensor } from "../src/tensor/data.ts";
import { disableTrainingKernels } from "../src/tensor/training/has_training_kernels.ts";
import { optimizerOf, Trainer } from "../src/training/trainer.ts";
import {
  batchOf,
  createTrainingModel,
  relativeError,
  type TrainingCase,
  type TrainingCaseName,
} from "../tests/training/reference.ts";
import { parseFlags } from "./parse_flags.ts";

const { arguments: [folder] } = parseFlags(
  Deno.args,
  { values: [], numArguments: 1 },
);

/** The worst error of all weights in one batch. */
async function errorOf(model: TrainingCaseName, about: TrainingCase, path: string) {
  using gpt2 = createTrainingModel(model);
  const [first] = about.tokens;
  const sizes = { batchSize: about.tokens.length, seqLength: first.length };
  using trainer = new Trainer(gpt2, { batch: () => batchOf(about) }, {
    ...sizes,
    numSteps: 1,
    learningRate: 0,
  });
  await trainer.step();
  using source = openRegularFile(path);
  const { tensors } = readSafetensorsHeader(source);
  const errors = trainer.weights.map(({ name }, i) => {
    const gradient = optimizerOf(trainer).gradients.tensors[i];
    const found = new Float32Array(gradient.size);
    readTensor(gradient, found);
    const { offset, byteLength } = tensors.get(name)!;
    return relativeError(found, new Float32Array(source.read(offset, byteLength).slice().buffer));
  });
  return Math.max(...errors);
}

function geometricMean(numbers: readonly number[]): string {
  const sum = numbers.reduce((sum, number) => sum + Math.log(number), 0);
  return Math.exp(sum / numbers.length).toExponential(1);
}

for (const model of ["tied", "odd_untied", "exact_gelu"] as const) {
  const found: { torch: number[]; ours: number[]; composed: number[] } = {
    torch: [],
    ours: [],
    composed: [],
  };
  for (const { name } of Deno.readDirSync(`${folder}/${model}`)) {
    if (!name.endsWith(".json")) continue;
    const about: TrainingCase = JSON.parse(Deno.readTextFileSync(`${folder}/${model}/${name}`));
    const path = `${folder}/${model}/${name.replace(".json", ".safetensors")}`;
    found.torch.push(about.float32_error);
    found.ours.push(await errorOf(model, about, path));
    using _disabled = disableTrainingKernels();
    found.composed.push(await errorOf(model, about, path));
  }
  const { torch, ours, composed } = found;
  console.log(
    `${model}, ${torch.length} batches: PyTorch ${geometricMean(torch)}, ours ${
      geometricMean(ours)
    }, composed of ggml's operations ${geometricMean(composed)}`,
  );
}
