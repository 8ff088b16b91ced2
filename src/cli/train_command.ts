/**
 * `train`: a model from texts.
 *
 * @module
 */
import type { TrainingEvent } from "../training/training_event.ts";
import { exists } from "../base/files.ts";
import { programName } from "../base/program_name.ts";
import { defineCommand } from "./command.ts";
import { throughRun } from "./run_result.ts";
import { requireNamedFile } from "./arguments/output_path.ts";
import { UsageError } from "./arguments/usage_error.ts";
import { whileRead, withQuiet } from "./terminal/io.ts";
import { shellWord } from "./terminal/shell_word.ts";
import { countText } from "./terminal/units.ts";
import { jsonText, lineText } from "./terminal/terminal_text.ts";
import { trainFlags } from "./train/train_flags.ts";
import type { TrainingPlan } from "./train/training_plan.ts";

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
      "train --data story.txt --preset demo -o story --steps 500",
      "With a vocabulary of its own",
    ],
    ["train --data story.txt --init demo --out tuned --steps 100", "Fine-tune the demo"],
    ["train --resume --out story", "Go on where it was stopped"],
  ],

  async run({ values }, streams) {
    const { out, resume, overwrite } = values;
    // A run of hours does not end because `head` has seen enough.
    const io = whileRead(withQuiet(streams, values.quiet));
    if (out === undefined) {
      throw new UsageError("train needs --out <folder>: received none. Give a folder.");
    }
    requireNamedFile("--out", out, "folder");
    // Loaded only now: every help reads this file.
    const plans = await import("./train/training_plan.ts");
    if (resume) plans.checkOnlyFreeFlags(values);
    const init = values.init === undefined ? undefined : await throughRun(values.init, io);
    const former = resume ? plans.readPlan(out) : plans.planOf({ ...values, init });
    const plan = resume ? plans.withSteps(former, values.steps) : former;
    const { openTraining } = await import("./train/open_training.ts");
    const { withDefaults } = await import("../training/trainer_settings.ts");
    const { RunFolder } = await import("../training/run_folder.ts");
    const { runTraining } = await import("../training/run_training.ts");
    if (!resume) await checkSources(plan);
    if (overwrite) plans.checkNotReplaced(plan, out);
    await using folder = await RunFolder.open(out, { resume, overwrite });
    const { readTrainingRecord } = await import("../training/training_state.ts");
    const numDone = folder.hasState ? readTrainingRecord(folder.statePath).step : 0;
    const { numSteps } = withDefaults(plan.training, 1);
    if (numDone > numSteps) {
      throw new UsageError(
        `The run has done ${numDone} steps already: received --steps ${numSteps}, which counts all steps from the first one. ` +
          `Give more than ${numDone}, or train into another folder.`,
      );
    }
    const { finishedEnd } = await import("../training/run_log.ts");
    // A process may have been killed, or the disk full, before the models were written after the last step.
    const end = exists(`${out}/last`) ? finishedEnd(`${out}/log.jsonl`, numDone) : undefined;
    if (numDone === numSteps && end !== undefined) {
      await io.stderr.write(
        `The run is finished: all of its ${countText(numDone, "step")} are done. ` +
          `Go further with a larger number of steps in all, such as --steps ${2 * numDone}\n`,
      );
      return await io.stdout.write(`${values.json ? jsonText(end) : resultOf(out)}\n`);
    }
    const notice = plans.changeNotice(former, plan, numDone);
    if (notice !== undefined) await io.stderr.write(`${notice}\n`);
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
      if (!exists(`${out}/best`)) {
        await io.stderr.write(
          `Nothing was evaluated after step 0: there is no best/, the model is ${
            lineText(`${out}/last`)
          }\n`,
        );
      }
      await io.stderr.write("Go on with\n");
      await io.stderr.writeCommand(`${programName()} train --resume --out ${shellWord(out)}`);
      io.signal.throwIfAborted();
    }
    if (!isJson) await io.stdout.write(`${resultOf(out)}\n`);
  },
});

/** Throws if there is nothing to learn from, before anything is made or removed. */
async function checkSources({ data }: TrainingPlan): Promise<void> {
  if (exists(`${data}/train.bin`)) return;
  const { TextSource } = await import("../training/data/text_source.ts");
  TextSource.open(data);
}

/** The model that a run has made. */
function resultOf(out: string): string {
  return exists(`${out}/best`) ? `${out}/best` : `${out}/last`;
}
