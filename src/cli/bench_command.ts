/**
 * `bench`: how fast models are.
 *
 * @module
 */
import { benchFlags, benchFormat, benchModels, benchTests } from "./bench/bench_flags.ts";
import { csvReport, jsonReport, markdownReport, narrowReport } from "./bench/bench_report.ts";
import { type ModelResult, runBench } from "./bench/run_bench.ts";
import { deviceOptions } from "./arguments/device_flags.ts";
import { defineCommand } from "./command.ts";
import { DEMO_FLAG } from "./arguments/default_model.ts";
import { resolveModelShowing } from "./model_progress.ts";
import { openLibraryShowing } from "./native_library.ts";
import { UsageError } from "./arguments/usage_error.ts";
import { textWidth } from "./terminal/text_width.ts";
import { ProgressBar } from "./terminal/progress_bar.ts";

const reports = { md: markdownReport, csv: csvReport, json: jsonReport } as const;

/** Measures models. */
export const benchCommand = defineCommand({
  name: "bench",
  summary: "Measure how fast models read and write.",
  details:
    "Tokens per second, mean and standard deviation. Writing includes choosing the tokens by the default " +
    "options. Also the time to load a model and to the first token after a short prompt, and the most memory " +
    "that was held. Counts and types can be lists, separated by commas; every combination is measured. With " +
    "--profile every operation is computed on its own, which adds some microseconds to each.",
  operands: { usage: "", min: 0, max: 0, advice: "Name a model with --model <model>." },
  flags: benchFlags,
  examples: [
    ["bench --model gpt2.gguf", "Reading 512 tokens, and writing 128"],
    [
      "bench -m gpt2.gguf -t q8_0,q4_0 -p 128,512 --depth 0,896",
      "Types, lengths and depths",
    ],
    ["bench -m gpt2.gguf -p 0 -n 128 -b 1,8,32 --json", "Texts side by side"],
    ["bench -m gpt2.gguf -p 128 -n 16 --profile", "Where the time goes"],
  ],

  async run({ values }, io) {
    const { stdout, stderr, signal } = io;
    const format = benchFormat(values);
    if (values.profile && format === "csv") {
      throw new UsageError(
        "--profile has no effect with --format csv, which has a row for each test. Leave one out.",
      );
    }
    const models = benchModels(values);
    const numTests = benchTests(values).length;
    const testsFor = (contextLength: number) => benchTests(values, contextLength);
    const where = deviceOptions(values);
    const paths = new Map<string, string>();
    for (const { model } of models) {
      paths.set(model, await resolveModelShowing(model, io, { alternative: DEMO_FLAG }));
    }
    await openLibraryShowing({ stderr, signal });
    const bar = new ProgressBar(stderr, "Measuring");
    let numDone = 0;
    const onTest = () => bar.show(++numDone / (models.length * numTests));
    const { repetitions, profile } = values;
    const options = { repetitions, profile, ...where, onTest, signal };
    const results: ModelResult[] = [];
    try {
      for (const model of models) {
        const path = paths.get(model.model)!;
        results.push(await runBench(model, testsFor, { ...options, path }));
      }
    } finally {
      await bar.clear();
    }
    const report = reports[format](results);
    const isShown = stdout.isTerminal && values.format === undefined && !values.json;
    const fits = report.split("\n").every((line) => textWidth(line) < stdout.numColumns);
    if (isShown && !fits) await stdout.writeProse(narrowReport(results));
    else await stdout.write(report);
  },
});
