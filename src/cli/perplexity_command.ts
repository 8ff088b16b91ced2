/**
 * `perplexity`: how well a model predicts a text.
 *
 * @module
 */
import type { Estimate } from "../evaluation/estimate.ts";
import { perplexity } from "../evaluation/perplexity.ts";
import type { Perplexity } from "../evaluation/perplexity.ts";
import { fileFlag, jsonFlag, quietFlag } from "./arguments/common_flags.ts";
import { modelFlags } from "./arguments/model_flags.ts";
import { defineCommand } from "./command.ts";
import { loadMeasured } from "./load_model.ts";
import {
  orShortFile,
  readEvaluatedText,
  windowFlags,
  windowsText,
} from "./evaluation/evaluated_text.ts";
import { sourcePath } from "./evaluation/source_path.ts";
import { withQuiet } from "./terminal/io.ts";
import { Pace } from "./terminal/pace.ts";
import { ProgressBar } from "./terminal/progress_bar.ts";
import { table } from "./terminal/table.ts";
import { jsonText } from "./terminal/terminal_text.ts";
import { countText, numberText } from "./terminal/units.ts";

/** Measures the perplexity of a model on a file. */
export const perplexityCommand = defineCommand({
  name: "perplexity",
  summary: "Measure how well a model predicts a text.",
  details:
    "There are two definitions, whose numbers differ: Hugging Face's with --stride, and llama.cpp's with --chunk. Without " +
    "either it is Hugging Face's with a stride of half the context length. Errors are standard errors. Texts have up to 256 MiB.",
  operands: { usage: "[file]", min: 0, max: 1, advice: "Give the path of one text." },
  flags: {
    ...modelFlags,
    file: { ...fileFlag, help: "The same as the argument: the path of a text; - is stdin." },
    ...windowFlags,
    afterEndOfText: {
      kind: "switch",
      help: "Score the first token too: as what follows <|endoftext|>. Not with --chunk.",
    },
    allowSpecial: { kind: "switch", help: "Read <|endoftext|> as the special token." },
    json: jsonFlag,
    quiet: quietFlag,
  },
  examples: [
    ["perplexity story.txt --model demo", "Perplexity and bits per byte of a file"],
    ["perplexity wiki.test.raw --model gpt2 --stride 512", "As on Hugging Face's page"],
    ["perplexity wiki.test.raw --model gpt2.gguf --chunk 512", "As llama-perplexity measures it"],
  ],

  async run({ values, operands: [operand] }, streams) {
    const { stride, maxLength, chunk, afterEndOfText } = values;
    const io = withQuiet(streams, values.quiet);
    const path = sourcePath({ operand, file: values.file }, "perplexity needs a text", io);
    const flag = operand === undefined ? "--file" : "perplexity";
    const text = await readEvaluatedText(path, flag, io).catch((error) => {
      throw namingScore(error, path);
    });
    using loaded = await loadMeasured("measure the perplexity", values, io);
    const { model, name } = loaded;
    const bar = new ProgressBar(io.stderr, "Reading the text");
    const pace = new Pace();
    const begin = performance.now();
    try {
      const found = await perplexity(model, text, {
        stride,
        maxLength,
        chunk,
        afterEndOfText,
        allowSpecial: values.allowSpecial ? "all" : undefined,
        signal: io.signal,
        onProgress: ({ numScoredTokens, numTokens }) =>
          bar.show(
            numScoredTokens / numTokens,
            `${numberText(numScoredTokens)} of ${countText(numTokens, "token")}`,
            ...pace.texts(numScoredTokens, numTokens, "tokens"),
          ),
      }).catch((error) => {
        throw orShortFile(error, path);
      });
      await bar.clear();
      const elapsedMs = performance.now() - begin;
      const tokensPerSecond = found.numRead / elapsedMs * 1000;
      const { weightType } = model;
      if (values.json) {
        const result = {
          model: name,
          weightType,
          file: path,
          ...found,
          elapsedMs,
          tokensPerSecond,
        };
        await io.stdout.write(jsonText(result) + "\n");
      } else {
        const weights = `${name}, weights in ${weightType}`;
        await io.stdout.writeProse(report(weights, found, elapsedMs, tokensPerSecond));
      }
    } finally {
      await bar.clear();
    }
  },
});

/** Whoever gives a sentence where a file belongs wants it scored. */
function namingScore(error: unknown, path: string): unknown {
  if (!(error instanceof Deno.errors.NotFound) || !/\s/.test(path)) return error;
  return new Deno.errors.NotFound(
    `${error.message} For a text that is no file there is the command score.`,
    { cause: error },
  );
}

function report(
  modelText: string,
  found: Perplexity,
  elapsedMs: number,
  tokensPerSecond: number,
): string {
  const { perplexity, loss, bitsPerByte, numTokens, numScored, numRead, numBytes } = found;
  const uncertain = ({ value, error }: Estimate, digits: number) =>
    value.toFixed(digits) + (Number.isNaN(error) ? "" : ` ± ${error.toFixed(digits)}`);
  return table(windowsText(found.windows), [
    ["model", modelText],
    ["perplexity", uncertain(perplexity, 4)],
    ["loss", `${uncertain(loss, 5)} nats per token`],
    ["bits per byte", bitsPerByte.toFixed(5)],
    [
      "scored",
      `${numberText(numScored)} of ${countText(numTokens, "token")}, ${
        countText(numBytes, "byte")
      }, ${countText(found.numWindows, "window")}`,
    ],
    [
      "speed",
      `${numberText(Math.round(tokensPerSecond))} tokens/s: ${countText(numRead, "token")} in ${
        (elapsedMs / 1000).toFixed(1)
      } s`,
    ],
  ]);
}
