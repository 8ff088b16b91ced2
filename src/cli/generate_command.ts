/**
 * `generate`: continues a text.
 *
 * @module
 */
import { FileFormatError } from "../base/errors.ts";
import { quotePath } from "../base/describe.ts";
import type { FinishReason, GeneratedToken } from "../generation/generate.ts";
import { GPT2 } from "../gpt2.ts";
import { defineCommand } from "./command.ts";
import { defaultModel, DEMO_FLAG } from "./arguments/default_model.ts";
import { deviceOptions } from "./arguments/device_flags.ts";
import { generateFlags, generateOptions } from "./arguments/generate_flags.ts";
import { showingProgress } from "./model_progress.ts";
import { readText } from "./read_text.ts";
import { SequencePrinter } from "./terminal/sequence_printer.ts";
import { Stopwatch, timingText } from "./stopwatch.ts";
import { jsonText } from "./terminal/terminal_text.ts";

/** Far more than the context of any GPT-2 holds. */
const MAX_PROMPT_BYTES = 2 ** 24;

/** One text as `--json` gives it. */
interface GeneratedSequence {
  text: string;
  finishReason: FinishReason;
  readonly tokens: Pick<GeneratedToken, "id" | "text" | "logProbability">[];
}

/** Continues a prompt. */
export const generateCommand = defineCommand({
  name: "generate",
  summary: "Continue a text.",
  details:
    "The prompt is an argument, a file, or stdin if that is not a terminal; an empty one starts from " +
    "<|endoftext|>. The prompt and its continuation are written to stdout as they come, speed and seed to stderr.",
  operands: {
    usage: "[prompt]",
    min: 0,
    max: 1,
    advice: "Put the prompt in quotes.",
  },
  flags: generateFlags,
  examples: [
    ['"Once upon a time"', "Continue a prompt"],
    [
      '"ROMEO:" --model demo --temperature 0.8 --seed 1',
      "Write like Shakespeare, with a model that needs no download",
    ],
    ["generate --file story.txt --model gpt2.gguf --greedy", "Continue a file, with another model"],
    ['"Dear" --num-return-sequences 3 --json', "Three continuations, for another program"],
  ],

  async run({ values, operands }, io) {
    const options = generateOptions(values);
    const { type, threads } = values;
    const loading = { type, threads, ...deviceOptions(values) };
    const text = await readText(operands[0], values.file, io, { maxBytes: MAX_PROMPT_BYTES }) ?? "";
    // The line break that ends every line of a file, and what `echo` writes, is rarely meant.
    const prompt = operands.length > 0 ? text : text.replace(/\r?\n$/, "");

    const stopwatch = new Stopwatch();
    const { model: name = defaultModel() } = values;
    const show = { alternative: DEMO_FLAG, isQuiet: values.quiet };
    using model = await showingProgress(
      name,
      io.stderr,
      show,
      (onProgress) => GPT2.fromPretrained(name, { ...loading, onProgress, signal: io.signal }),
    );
    if (model.tokenizer === undefined) {
      throw new FileFormatError(
        `Cannot continue a text: the model has no tokenizer: received ${quotePath(name)}. ` +
          "Convert it again from a folder with tokenizer.json, or vocab.json and merges.txt.",
      );
    }
    const numPromptTokens = Math.max(1, model.tokenizer.encode(prompt).length);
    stopwatch.startGenerating();

    const sequences = Array.from(
      { length: values.numReturnSequences },
      (): GeneratedSequence => ({ text: "", finishReason: "maxNewTokens", tokens: [] }),
    );
    const printer = values.json ? undefined : new SequencePrinter(io.stdout, {
      prompt: values.noEcho ? "" : prompt,
      numSequences: values.numReturnSequences,
    });
    for await (
      const token of model.generate(prompt, {
        ...options,
        logProbabilities: values.json,
        signal: io.signal,
      })
    ) {
      stopwatch.countToken();
      const { id, text, logProbability, finishReason } = token;
      const sequence = sequences[token.sequence];
      sequence.text += text;
      sequence.finishReason = finishReason ?? sequence.finishReason;
      if (values.json) sequence.tokens.push({ id, text, logProbability });
      await printer?.add(token.sequence, text, finishReason !== undefined);
    }
    await printer?.end();

    const timings = stopwatch.timings(numPromptTokens, sequences.length);
    if (values.json) {
      const result = { model: name, prompt, seed: options.seed, sequences, timings };
      await io.stdout.write(jsonText(result) + "\n");
    } else if (!values.quiet) {
      const isRandom = !values.greedy && values.temperature > 0;
      await io.stderr.write(
        timingText(timings) + (isRandom ? `; seed ${options.seed}` : "") + "\n" +
          (sequences.some(({ finishReason }) => finishReason === "contextLength")
            ? contextText(model.config.contextLength)
            : ""),
      );
    }
  },
});

function contextText(contextLength: number): string {
  return `Stopped: the model has ${contextLength} positions, and the text fills them. ` +
    "With --overflow crop it reads the last half again and goes on.\n";
}
