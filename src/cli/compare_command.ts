/**
 * `compare`: how far models are from one of them.
 *
 * @module
 */
import { quotePath } from "../base/describe.ts";
import { isFile } from "../base/files.ts";
import { compareModels, type ModelComparison } from "../evaluation/compare_models.ts";
import { GPT2 } from "../gpt2.ts";
import { adapterFlag, parseAdapter } from "./arguments/adapter_flag.ts";
import { fileFlag, jsonFlag, quietFlag, threadsFlag } from "./arguments/common_flags.ts";
import { DEMO_FLAG } from "./arguments/default_model.ts";
import { deviceFlags, deviceOptions } from "./arguments/device_flags.ts";
import { flagText } from "./arguments/flags.ts";
import { UsageError } from "./arguments/usage_error.ts";
import { defineCommand } from "./command.ts";
import {
  csvTable,
  markdownTable,
  type NamedModel,
  terminalTables,
} from "./evaluation/comparison_rows.ts";
import {
  orShortFile,
  readEvaluatedText,
  windowFlags,
  windowsText,
} from "./evaluation/evaluated_text.ts";
import { sourcePath } from "./evaluation/source_path.ts";
import { noticeConversion, useAdapters } from "./load_model.ts";
import { resolveModelShowing } from "./model_progress.ts";
import { type Io, withQuiet } from "./terminal/io.ts";
import { ProgressBar } from "./terminal/progress_bar.ts";
import { table } from "./terminal/table.ts";
import { jsonText, lineText } from "./terminal/terminal_text.ts";
import { countText, numberText } from "./terminal/units.ts";

/** Ways to write the result that exclude each other. */
const FORMATS = ["json", "csv", "markdown"] as const;

/** Compares models with the first of them. */
export const compareCommand = defineCommand({
  name: "compare",
  summary: "Measure how far models are from the first one, such as quantized ones.",
  details:
    "All are read side by side, in one pass over the text, and no logits are kept: perplexity and its ratio to that of the " +
    "first model, Kullback-Leibler divergence from it (in nats), how often both find the same token the likeliest, and the " +
    "change in probability of the right token, Δp. As llama-perplexity --kl-divergence defines them, with standard errors. " +
    "Without flags the text is read in chunks of 512 tokens, or of the context length.",
  operands: {
    usage: "<model> <model> ...",
    min: 2,
    max: Infinity,
    advice: "Give two models or more; the first is what the others are compared with.",
  },
  flags: {
    file: fileFlag,
    adapter: {
      ...adapterFlag,
      help:
        `${adapterFlag.help} All models get it but the first: compare gpt2 gpt2 --adapter my-lora.`,
    },
    threads: threadsFlag,
    ...deviceFlags,
    ...windowFlags,
    markdown: { kind: "switch", help: "Write a table in Markdown." },
    csv: { kind: "switch", help: "Write comma-separated values, with all digits." },
    json: jsonFlag,
    quiet: quietFlag,
  },
  examples: [
    ["compare f16.gguf q8_0.gguf q4_0.gguf --file wiki.test.raw", "What quantization costs"],
    ["compare f32.gguf q4_k_m.gguf -f story.txt --markdown", "A table to paste"],
    ["compare gpt2 distilgpt2 -f story.txt --stride 512", "Two models with one vocabulary"],
  ],

  async run({ values, operands }, streams) {
    const { threads, stride, maxLength, chunk } = values;
    const io = withQuiet(streams, values.quiet);
    const adapters = values.adapter.map(parseAdapter);
    const given = FORMATS.filter((name) => values[name]);
    if (given.length > 1) {
      const [one, other] = given.map(flagText);
      throw new UsageError(`${one} and ${other} exclude each other: received both. Leave one out.`);
    }
    if (values.file === undefined) requireModels(operands);
    const file = sourcePath({ file: values.file }, "compare needs a text", io);
    const loading = { threads, ...deviceOptions(values), signal: io.signal };
    const text = await readEvaluatedText(file, "--file", io);
    using stack = new DisposableStack();
    const models: (Omit<NamedModel, "loss" | "perplexity"> & { readonly model: GPT2 })[] = [];
    for (const name of operands) {
      const path = await resolveModelShowing(name, io, { alternative: DEMO_FLAG });
      const model = stack.use(await GPT2.fromPretrained(path, loading));
      if (models.length > 0) await useAdapters(model, adapters, io);
      const advice = `convert ${lineText(name)} --type f32, and compare that file`;
      await noticeConversion({ name, model }, advice, io);
      const { isFile, size: fileBytes } = await Deno.stat(path);
      const ofFile = isFile && { fileBytes, bitsPerWeight: fileBytes * 8 / model.numParameters() };
      const { weightType } = model;
      models.push({ name: shortName(name, operands), weightType, model, ...ofFile });
    }
    if (models[0].model.tokenizer === undefined) {
      const { tokenizerError } = await import("../checkpoint/hugging_face/other_tokenizers.ts");
      throw tokenizerError("compare models", operands[0]);
    }
    const found = await showing(
      io,
      (onProgress) =>
        compareModels(models.map(({ model }) => model), text, {
          stride,
          maxLength,
          chunk,
          signal: io.signal,
          onProgress,
        }).catch((error) => {
          throw orShortFile(error, file);
        }),
    );
    const named: NamedModel[] = found.models.map((result, i) => {
      const { model: _model, ...rest } = models[i];
      return { ...rest, ...result };
    });
    const [format] = given;
    if (format === undefined) {
      return await io.stdout.writeProse(report(found, named, io.stdout.numColumns));
    }
    await io.stdout.write(
      format === "json"
        ? jsonText({ file, ...found, models: named }) + "\n"
        : format === "csv"
        ? csvTable(named)
        : markdownTable(named),
    );
  },
});

/**
 * Requires that no argument is a file of another kind than models are: with no --file, it is most likely the text.
 *
 * @throws {UsageError} if one is
 */
function requireModels(names: readonly string[]): void {
  const other = names.find((name) => isFile(name) && !/\.(gguf|safetensors)$/i.test(name));
  if (other === undefined || hasGgufMagic(other)) return;
  throw new UsageError(
    `${quotePath(other)} is no model; if it is the text to compare on, write --file ${
      lineText(other)
    }.`,
  );
}

/** Whether a file is a GGUF file under another name, as in a cache. */
function hasGgufMagic(path: string): boolean {
  using file = Deno.openSync(path);
  const magic = new Uint8Array(4);
  return file.readSync(magic) === 4 && new TextDecoder().decode(magic) === "GGUF";
}

/** Shows how far it is while something is done. */
async function showing<T>(
  { stderr }: Io,
  action: (
    onProgress: (progress: { numScoredTokens: number; numTokens: number }) => void,
  ) => Promise<T>,
): Promise<T> {
  const bar = new ProgressBar(stderr, "Comparing");
  try {
    return await action(({ numScoredTokens, numTokens }) =>
      bar.show(
        numScoredTokens / numTokens,
        `${numberText(numScoredTokens)} of ${countText(numTokens, "token")}`,
      )
    );
  } finally {
    await bar.clear();
  }
}

/** What tells a model from the others: the file's name without its end, if no other has the same. */
function shortName(name: string, names: readonly string[]): string {
  const shorten = (name: string) =>
    name.endsWith(".gguf") ? name.replace(/^.*[\\/]/, "").slice(0, -".gguf".length) : name;
  const short = shorten(name);
  return names.filter((other) => shorten(other) === short).length === 1 ? short : name;
}

function report(
  { windows, numTokens, numScored }: ModelComparison,
  models: readonly NamedModel[],
  numColumns: number,
): string {
  const title = `${windowsText(windows)}\n${numberText(numScored)} of ${
    countText(numTokens, "token")
  } scored; errors are standard errors, KL divergences are in nats`;
  return terminalTables(models, numColumns)
    .map((rows, i) => table(i === 0 ? title : "", rows)).join("");
}
