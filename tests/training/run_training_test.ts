import { assert, assertEquals } from "@std/assert";
import { RunFolder } from "../../src/training/run_folder.ts";
import { runTraining, type TrainingResult } from "../../src/training/run_training.ts";
import { readTrainingRecord } from "../../src/training/training_state.ts";
import { Trainer } from "../../src/training/trainer.ts";
import { TemporaryFolder } from "../checkpoint/folders.ts";
import { createTrainingModel } from "./reference.ts";

const batch = { tokens: Int32Array.of(1, 2, 3, 4), targets: Int32Array.of(2, 3, 4, 5) };
const validation = { windows: [batch], numTokens: 4 };
const OPTIONS = { numSteps: 6, batchSize: 1, seqLength: 4, learningRate: 1e-3 };

/** Notes after which step a model was saved, in place of it. */
function noteOf(trainer: Trainer): TrainingResult {
  return {
    async save(folder) {
      await Deno.mkdir(folder, { recursive: true });
      await Deno.writeTextFile(`${folder}/step.txt`, String(trainer.numSteps));
    },
    async finish() {},
  };
}

Deno.test("a listener that leaves at an evaluation finds the best model saved, as the state says", async () => {
  using temporary = new TemporaryFolder();
  const path = temporary.file("run");
  using model = createTrainingModel("steps");
  using trainer = new Trainer(model, { batch: () => batch }, OPTIONS);
  {
    await using folder = await RunFolder.open(path);
    const result = noteOf(trainer);
    for await (
      const event of runTraining(model, trainer, { folder, result, validation, evaluateEvery: 2 })
    ) {
      if (event.kind === "evaluation" && event.isBest) break;
    }
  }
  const { best } = readTrainingRecord(`${path}/state.safetensors`) as { best?: { step: number } };
  assert(best !== undefined);
  assertEquals(Deno.readTextFileSync(`${path}/best/step.txt`), String(best.step));
});

Deno.test("a model that cannot be saved does not count as the best", async () => {
  using temporary = new TemporaryFolder();
  const path = temporary.file("run");
  const options = { validation, evaluateEvery: 2 };
  {
    using model = createTrainingModel("steps");
    using trainer = new Trainer(model, { batch: () => batch }, OPTIONS);
    await using folder = await RunFolder.open(path);
    const full = new Error("No space left");
    const result = { ...noteOf(trainer), save: () => Promise.reject(full) };
    let failure: unknown;
    try {
      for await (const _ of runTraining(model, trainer, { ...options, folder, result }));
    } catch (error) {
      failure = error;
    }
    assertEquals(failure, full);
  }
  using model = createTrainingModel("steps");
  using trainer = new Trainer(model, { batch: () => batch }, OPTIONS);
  await using folder = await RunFolder.open(path, { resume: true });
  const result = noteOf(trainer);
  const run = runTraining(model, trainer, { ...options, folder, result });
  // What could not be saved is evaluated again, and saved, before the next step.
  for await (const event of run) if (event.kind === "saved" || event.kind === "step") break;
  assertEquals(Deno.readTextFileSync(`${path}/best/step.txt`), "2");
});
