/**
 * `evaluate`: how well a model answers the questions of a benchmark.
 *
 * @module
 */
import { quotePath } from "../base/describe.ts";
import { StorageError } from "../base/errors.ts";
import { isFile } from "../base/files.ts";
import { sha256 } from "../base/sha256.ts";
import { evaluateItems } from "../evaluation/tasks/evaluate_items.ts";
import type { ItemResult } from "../evaluation/tasks/item_result.ts";
import { parseItems, type TaskFile } from "../evaluation/tasks/parse_items.ts";
import { requireReadable } from "../evaluation/tasks/require_readable.ts";
import { summarizeItems } from "../evaluation/tasks/summarize_items.ts";
import type { TaskItem } from "../evaluation/tasks/task.ts";
import { taskNames } from "../evaluation/tasks/tasks.ts";
import { fileFlag, jsonFlag, overwriteFlag, quietFlag } from "./arguments/common_flags.ts";
import { modelFlags } from "./arguments/model_flags.ts";
import { UsageError } from "./arguments/usage_error.ts";
import { requireNamedFile } from "./arguments/output_path.ts";
import { defineCommand } from "./command.ts";
import { sourcePath } from "./evaluation/source_path.ts";
import { loadMeasured } from "./load_model.ts";
import { ItemOutput, requireSameResult } from "./evaluate/item_output.ts";
import { readFileOrStdin } from "./read_text.ts";
import { type Io, withQuiet } from "./terminal/io.ts";
import { Pace } from "./terminal/pace.ts";
import { ProgressBar } from "./terminal/progress_bar.ts";
import { table } from "./terminal/table.ts";
import { jsonText } from "./terminal/terminal_text.ts";
import { countText, numberText } from "./terminal/units.ts";

/** All of HellaSwag has a tenth of that. */
const MAX_FILE_BYTES = 2 ** 28;

const ZERO_SHOT = "Questions are asked without examples before them, zero-shot: leave it out.";

/** Has a model answer the questions of a benchmark. */
export const evaluateCommand = defineCommand({
  name: "evaluate",
  summary: "Measure how well a model answers the questions of a benchmark.",
  details:
    "The file is the benchmark's own, as its authors have published it, or one of your questions: docs/scoring.md says what " +
    "is in it. Scored as lm-evaluation-harness does it, without examples before the question: acc counts the likeliest " +
    "answers, acc_norm and acc_bytes those that are the likeliest for each of their characters, or bytes.",
  operands: {
    usage: "[file]",
    min: 0,
    max: 1,
    advice: "Name one file with questions.",
  },
  foreignFlags: { "num-fewshot": ZERO_SHOT, fewshot: ZERO_SHOT },
  flags: {
    task: {
      kind: "choice",
      valueName: "name",
      choices: taskNames,
      help: `What kind of questions they are: ${taskNames.join(", ")}.`,
    },
    ...modelFlags,
    file: { ...fileFlag, help: "The same as the argument: the path of the questions; - is stdin." },
    limit: {
      kind: "integer",
      valueName: "count",
      min: 1,
      help: "Ask the first questions only.",
    },
    labels: {
      kind: "text",
      valueName: "path",
      help: "Where the answers are, for piqa. Default: valid-labels.lst beside valid.jsonl.",
    },
    jsonl: {
      kind: "text",
      valueName: "path",
      help:
        "Write the result of each question to this file. If it is there already, with results of the same model and " +
        "questions, go on behind the last one.",
    },
    overwrite: { ...overwriteFlag, help: "Begin anew if the file of --jsonl is there already." },
    json: jsonFlag,
    quiet: quietFlag,
  },
  examples: [
    ["evaluate --task hellaswag hellaswag_val.jsonl --limit 1000", "A thousand questions"],
    [
      "evaluate --task lambada lambada.jsonl --jsonl done.jsonl",
      "Stop it with Ctrl-C; the same command goes on",
    ],
    ["evaluate --task multiple-choice mine.jsonl -m demo --json", "Questions of your own"],
  ],

  async run({ values, operands: [operand] }, streams) {
    const { task, limit, json } = values;
    const io = withQuiet(streams, values.quiet);
    if (task === undefined) {
      throw new UsageError(
        `evaluate needs to know the kind of questions: add --task with ${taskNames.join(", ")}.`,
      );
    }
    if (values.overwrite && values.jsonl === undefined) {
      throw new UsageError("--overwrite is for the file of --jsonl. Leave it out.");
    }
    requireNamedFile("--jsonl", values.jsonl);
    if (values.labels !== undefined && task !== "piqa") {
      throw new UsageError(`--labels is for piqa: received --task ${task}. Leave it out.`);
    }
    const path = sourcePath({ operand, file: values.file }, "evaluate needs questions", io);
    if (path === "-" && values.labels === "-") {
      throw new UsageError(
        "stdin can be the questions or the labels: received - for both. Write one to a file.",
      );
    }
    const file = await readFile(path, operand === undefined ? "--file" : "evaluate", io);
    const labelsPath = values.labels ?? (task === "piqa" ? labelsBeside(path) : undefined);
    const labels = labelsPath === undefined
      ? undefined
      : await readFile(labelsPath, "--labels", io);
    requireOther(values.jsonl, [path, labelsPath]);
    const allItems = parseItems(task, file, labels);
    const items = allItems.slice(0, limit);

    using loaded = await loadMeasured("evaluate texts", values, io);
    const { model, name } = loaded;
    await requireReadable(items, model, path, io.signal);
    const header = {
      task,
      model: name,
      type: model.weightType,
      questions: await sha256(new TextEncoder().encode(`${file.text}\0${labels?.text ?? ""}`)),
    };
    using output = values.jsonl === undefined
      ? undefined
      : await ItemOutput.open(values.jsonl, header, allItems, values);
    const results = await answer(
      items,
      output,
      values.jsonl,
      io,
      (rest) => evaluateItems(model, task, rest, { signal: io.signal }),
    );
    const metrics = summarizeItems(task, results);
    if (json) {
      const result = {
        task,
        model: name,
        weightType: model.weightType,
        file: path,
        numItems: results.length,
        metrics,
      };
      await io.stdout.write(jsonText(result) + "\n");
      return;
    }
    const title = `${task}: ${
      countText(results.length, "question")
    }, ${name} (${model.weightType})`;
    const rows = metrics.map(({ name, value, error }) => [
      name,
      shown(name, value),
      Number.isNaN(error) ? "" : `± ${shown(name, error)}`,
    ]);
    await io.stdout.writeProse(table(title, rows));
  },
});

/** The results of all items: those that are there, and the others. */
async function answer(
  items: readonly TaskItem[],
  output: ItemOutput | undefined,
  path: string | undefined,
  io: Io,
  evaluate: (items: readonly TaskItem[]) => AsyncIterable<ItemResult>,
): Promise<ItemResult[]> {
  const known = (output?.results ?? []).slice(0, items.length);
  // The last one once more: a model of the same name may be another one now.
  const results = known.slice(0, -1);
  if (known.length > 0) await io.stderr.write(`${numberText(known.length)} answered before.\n`);
  const bar = new ProgressBar(io.stderr, "Asking questions");
  const pace = new Pace();
  const show = () =>
    bar.show(
      results.length / items.length,
      `${numberText(results.length)} of ${numberText(items.length)}`,
      ...pace.texts(results.length, items.length, "questions"),
    );
  try {
    show();
    for await (const result of evaluate(items.slice(results.length))) {
      const before = known[results.length];
      if (before === undefined) await output?.add(result);
      else requireSameResult(before, result);
      results.push(before ?? result);
      show();
    }
  } catch (error) {
    await bar.clear();
    if (io.signal.aborted || error instanceof StorageError) {
      const numAnswered = Math.max(known.length, results.length);
      await io.stderr.write(stoppedText(numAnswered, items.length, path));
    }
    throw error;
  } finally {
    await bar.clear();
  }
  return results;
}

/** What is left of a run that was broken off. */
function stoppedText(numAnswered: number, numItems: number, path: string | undefined): string {
  const number = `${numberText(numAnswered)} of ${countText(numItems, "question")}`;
  return path === undefined
    ? `Stopped after ${number}, whose answers are lost: with --jsonl <path> a later start goes on.\n`
    : `Stopped: ${number} answered in ${quotePath(path)}. The same command goes on.\n`;
}

async function readFile(path: string, flag: string, io: Io): Promise<TaskFile> {
  return { path, text: await readFileOrStdin(path, io, { maxBytes: MAX_FILE_BYTES, flag }) };
}

/** PIQA's answers, where its authors have put them; nothing if there are none. */
function labelsBeside(path: string): string | undefined {
  const labels = path.replace(/\.jsonl?$/, "") + "-labels.lst";
  return isFile(labels) ? labels : undefined;
}

function requireOther(output: string | undefined, inputs: readonly (string | undefined)[]): void {
  if (output === undefined || !isFile(output)) return;
  const place = Deno.realPathSync(output);
  for (const input of inputs) {
    if (input === undefined || input === "-" || Deno.realPathSync(input) !== place) continue;
    throw new UsageError(
      `--jsonl would replace the questions: received ${quotePath(output)}. Name another file.`,
    );
  }
}

function shown(name: string, value: number): string {
  return name === "perplexity" ? value.toPrecision(6) : value.toFixed(4);
}
