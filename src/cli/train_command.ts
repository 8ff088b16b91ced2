/**
 * `train`: a model from texts.
 *
 * @module
 */
import type { TrainingEvent } from "../training/training_event.ts";
import { exists } from "../base/files.ts";
import { defineCommand } from "./command.ts";
import { throughRun } from "./run_result.ts";
import { UsageError } from "./arguments/usage_error.ts";
import { withQuiet } from "./terminal/io.ts";
import { lineText } from "./terminal/terminal_text.ts";
import { trainFlags } from "./train/train_flags.ts";

/** Trains a model. */
export const trainCommand = defineCommand({
  name: "train",
  summary: "Train a model on texts, or fine-tune one.",
  details:
    "Written are the best model and the last one as folders that transformers loads, model.gguf, log.jsonl, report.html, and " +
    "state.safetensors, from which --resume goes on. Ctrl-C saves all that and stops.",
  operands: { usage: "", min: 0, max: 0, advice: "Name the texts with --data <path>." },
  flags: trainFlags,
  examples: [
    ["train --data story.txt --out story", "A small character model, in a few minutes"],
    [
      "train --data story.txt --preset demo --out story --steps 500",
      "With a vocabulary of its own",
    ],
    ["train --data story.txt --init demo --out tuned --steps 100", "Fine-tune the demo"],
    ["train --resume --out story", "Go on where it was stopped"],
  ],

  async run({ values }, streams) {
    const { out, resume } = values;
    const io = withQuiet(streams, values.quiet);
    if (out === undefined) {
      throw new UsageError("train needs --out <folder>: received none. Give a folder.");
    }
    // Loaded only now: every help reads this file.
    const { checkOnlyFreeFlags, planOf, readPlan } = await import("./train/training_plan.ts");
    if (resume) checkOnlyFreeFlags(values);
    const init = values.init === undefined ? undefined : await throughRun(values.init, io);
    const plan = resume ? await readPlan(out, values.steps) : await planOf({ ...values, init });
    const { openTraining } = await import("./train/open_training.ts");
    const { withDefaults } = await import("../training/trainer_options.ts");
    const { RunFolder } = await import("../training/run_folder.ts");
    const { runTraining } = await import("../training/run_training.ts");
    await using folder = await RunFolder.open(out, { resume });
    const { readTrainingRecord } = await import("../training/training_state.ts");
    const numDone = folder.hasState ? readTrainingRecord(folder.statePath).step : 0;
    const { numSteps } = withDefaults(plan.training, 1);
    if (numDone >= numSteps) {
      const steps = numDone === 1 ? "step is" : "steps are";
      await io.stderr.write(`${numDone} ${steps} done: add --steps to do more\n`);
      return await io.stdout.write(values.json ? "" : `${resultOf(out)}\n`);
    }
    using training = await openTraining(plan, folder, { threads: values.threads }, io);
    const { model, trainer, options } = training;
    const { TrainingDisplay } = await import("./train/training_display.ts");
    const { json: isJson, logEvery } = values;
    const display = new TrainingDisplay(isJson ? io.stdout : io.stderr, { isJson, logEvery });
    const { trainingReport } = await import("../training/report/training_report.ts");
    const title = out.replace(/[\\/]+$/, "").replace(/^.*[\\/]/, "");
    const report = (events: readonly TrainingEvent[]) => trainingReport(events, { title });
    try {
      const { signal } = io;
      for await (const event of runTraining(model, trainer, { ...options, report, signal })) {
        await display.show(event);
      }
    } finally {
      await display.clear();
    }
    if (io.signal?.aborted) {
      await io.stderr.write(`Go on with train --resume --out ${lineText(out)}\n`);
      io.signal.throwIfAborted();
    }
    if (!isJson) await io.stdout.write(`${resultOf(out)}\n`);
  },
});

/** The model that a run has made. */
function resultOf(out: string): string {
  return exists(`${out}/best`) ? `${out}/best` : `${out}/last`;
}
