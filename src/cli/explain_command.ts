/**
 * `explain`: why a model expects what it expects.
 *
 * @module
 */
import type { GPT2 } from "../gpt2.ts";
import { encodePrompts } from "../tokenizer/prompts.ts";
import { compareActivations } from "../inspection/compare_activations.ts";
import { explain } from "../inspection/explain.ts";
import { fileFlag, jsonFlag } from "./arguments/common_flags.ts";
import { generateFlags } from "./arguments/generate_flags.ts";
import { modelFlags } from "./arguments/model_flags.ts";
import { samplingFlags, samplingOptions } from "./arguments/sampling_flags.ts";
import { textIsArgument } from "./arguments/peer_flags.ts";
import { UsageError } from "./arguments/usage_error.ts";
import { defineCommand } from "./command.ts";
import { attributionSection } from "./explain/attribution_section.ts";
import { nextCandidates } from "./explain/candidates.ts";
import { comparisonSection } from "./explain/comparison_section.ts";
import { attentionSection, lensSection } from "./explain/layer_sections.ts";
import { oneToken } from "./explain/one_token.ts";
import { candidatesSection, tokensSection } from "./explain/text_sections.ts";
import { loadModel, loadOther } from "./load_model.ts";
import { readText } from "./read_text.ts";
import type { Io } from "./terminal/io.ts";
import { jsonText } from "./terminal/terminal_text.ts";
import { countText } from "./terminal/units.ts";

/** Far more than the context of any GPT-2 holds. */
const MAX_TEXT_BYTES = 2 ** 24;
/** Narrower columns say nothing, and in wider ones the eye gets lost. */
const [MIN_COLUMNS, MAX_COLUMNS] = [60, 100];
const MAX_TOP = 100;

/** Explains what a model expects after a text. */
export const explainCommand = defineCommand({
  name: "explain",
  summary: "Show why a model expects what it expects after a text.",
  details:
    "The tokens; what may come next, and what sampling leaves of it; what each layer would have said (logit lens); " +
    "where heads look; and which parts of the model speak for the answer (direct logit attribution).",
  operands: { usage: "[text]", min: 0, max: 1, advice: "Put the text in quotes." },
  flags: {
    ...modelFlags,
    file: {
      ...fileFlag,
      help: "Read the text from a file; - is stdin. The line break at its end is dropped.",
    },
    allowSpecial: generateFlags.allowSpecial,
    position: {
      kind: "integer",
      valueName: "number",
      help:
        "Explain what follows this token, counted from 0, or from the end if it is below 0. Default: the last one.",
    },
    answer: {
      kind: "text",
      valueName: "token",
      help: 'What speaks for this token, such as " mat"? Default: the likeliest.',
    },
    against: {
      kind: "text",
      valueName: "token",
      help: "And what for this one? Default: the likeliest other one.",
    },
    top: {
      kind: "integer",
      valueName: "count",
      min: 1,
      max: MAX_TOP,
      default: 10,
      help: "Show this many tokens, links and parts.",
    },
    ...samplingFlags,
    json: { ...jsonFlag, help: "Write one JSON object with all numbers." },
    compare: {
      kind: "text",
      valueName: "model",
      help: "Say how far the activations of this model, of the same sizes, are from those.",
    },
    html: {
      kind: "text",
      valueName: "path",
      help:
        "Write a page with pictures to this file, - for stdout. It stands alone and asks nobody for anything.",
    },
  },
  foreignFlags: textIsArgument,
  examples: [
    ['explain "The cat sat on the" --model demo', "What the demo model expects, and why"],
    ['explain "ROMEO: My" --model demo --answer " lord"', "What speaks for another token"],
    ["explain --file story.txt --position 20 --top-p 0.9", "In the middle of a text"],
    ['explain "The cat sat on the" --html cat.html', "A page to look around in"],
    ["explain --file story.txt --model a.gguf --compare b.gguf", "Where two files differ"],
  ],

  async run({ values, operands }, io) {
    const sampling = samplingOptions(values);
    const { top, json, html } = values;
    if (html !== undefined) {
      const { checkReportPath } = await import("./explain/write_report.ts");
      await checkReportPath(html, json);
    }
    const text = await readText(operands[0], values.file, io, { maxBytes: MAX_TEXT_BYTES }) ?? "";
    using loaded = await loadModel("explain a text", values, io);
    const { name, model, tokenizer } = loaded;
    using other = values.compare === undefined
      ? undefined
      : await loadOther(values.compare, values, io);
    const given = operands[0] === undefined ? text.replace(/\r?\n$/, "") : text;
    const [encoded] = encodePrompts(tokenizer, [given], values.allowSpecial ? "all" : undefined);
    const { contextLength } = model.config;
    const position = placeIn(encoded.length, contextLength, values.position);
    // What is explained depends on nothing behind it.
    const tokens = Array.from(encoded.slice(0, contextLength));
    const { answer, against } = values;
    if (html !== undefined) {
      const { checkReportLength } = await import("./explain/write_report.ts");
      checkReportLength(position + 1);
    }

    const read = tokens.slice(0, position + 1);
    const candidates = nextCandidates(model, await following(model, read, io), read, sampling, top);
    const explanation = await explain(model, tokens, {
      position,
      top,
      answer: answer === undefined ? undefined : oneToken("--answer", answer, tokenizer),
      against: against === undefined ? undefined : oneToken("--against", against, tokenizer),
      signal: io.signal,
    });
    const differences = other &&
      await compareActivations(model, other, read, { signal: io.signal });
    if (html !== undefined) {
      const { writeReport } = await import("./explain/write_report.ts");
      const comparison = differences && { other: values.compare!, differences };
      await writeReport(html, model, { name, explanation, candidates, comparison }, io);
      if (!json) return;
    }
    if (json) {
      await io.stdout.write(
        jsonText({ model: name, ...explanation, candidates, comparison: differences }) + "\n",
      );
      return;
    }
    const numColumns = Math.min(MAX_COLUMNS, Math.max(MIN_COLUMNS, io.stdout.numColumns));
    await io.stdout.writeLines([
      ...tokensSection(explanation, numColumns).slice(1),
      ...candidatesSection(candidates, numColumns),
      ...lensSection(explanation, numColumns),
      ...attentionSection(explanation, numColumns),
      ...attributionSection(explanation, numColumns, top),
      ...differences ? comparisonSection(differences, values.compare!, numColumns) : [],
    ]);
  },
});

/** What follows tokens: the very numbers that an open text gives. */
async function following(model: GPT2, tokens: readonly number[], { signal }: Io) {
  using text = await model.open(tokens, { signal });
  return {
    logits: await text.logits({ signal }),
    logProbabilities: await text.logProbabilities({ signal }),
  };
}

/** The position that is explained. */
function placeIn(numTokens: number, contextLength: number, position: number = -1): number {
  const isBegin = position >= 0 && position < contextLength;
  if (numTokens > contextLength && !isBegin) {
    throw new UsageError(
      `The text is longer than the context: received ${countText(numTokens, "token")} for ` +
        `${contextLength} positions. Shorten it, or give a --position from 0 to ${
          contextLength - 1
        }.`,
    );
  }
  const found = position < 0 ? numTokens + position : position;
  if (found < 0 || found >= numTokens) {
    throw new UsageError(
      `--position must be that of a token of the text: received ${position}, and it has ` +
        `${countText(numTokens, "token")}. Give a number from 0 to ${
          numTokens - 1
        }, or from ${-numTokens} to -1, counted from the end.`,
    );
  }
  return found;
}
