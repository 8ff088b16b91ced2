/**
 * `explain`: why a model expects what it expects.
 *
 * @module
 */
import { quote } from "../base/describe.ts";
import { encodePrompts } from "../generation/prompts.ts";
import { GPT2 } from "../gpt2.ts";
import { explain } from "../inspection/explain.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import { fileFlag, jsonFlag, modelFlag, threadsFlag } from "./arguments/common_flags.ts";
import { defaultModel, DEMO_FLAG } from "./arguments/default_model.ts";
import { deviceFlags, deviceOptions } from "./arguments/device_flags.ts";
import { generateFlags } from "./arguments/generate_flags.ts";
import { samplingFlags, samplingOptions } from "./arguments/sampling_flags.ts";
import { UsageError } from "./arguments/usage_error.ts";
import { defineCommand } from "./command.ts";
import { attributionSection } from "./explain/attribution_section.ts";
import { nextCandidates } from "./explain/candidates.ts";
import { attentionSection, lensSection } from "./explain/layer_sections.ts";
import { candidatesSection, tokensSection } from "./explain/text_sections.ts";
import { showingProgress } from "./model_progress.ts";
import { readText } from "./read_text.ts";
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
    model: modelFlag,
    type: generateFlags.type,
    threads: threadsFlag,
    ...deviceFlags,
    file: {
      ...fileFlag,
      help: "Read the text from a file; - is stdin. The line break at its end is dropped.",
    },
    allowSpecial: generateFlags.allowSpecial,
    position: {
      kind: "integer",
      valueName: "number",
      min: 0,
      help: "Explain what follows this token, counted from 0. Default: the last one.",
    },
    target: {
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
    html: {
      kind: "text",
      valueName: "path",
      help:
        "Write a page with pictures to this file. It stands alone and asks nobody for anything.",
    },
  },
  examples: [
    ['explain "The cat sat on the" --model demo', "What the demo model expects, and why"],
    ['explain "ROMEO: My" --model demo --target " lord"', "What speaks for another token"],
    ["explain --file story.txt --position 20 --top-p 0.9", "In the middle of a text"],
    ['explain "The cat sat on the" --html cat.html', "A page to look around in"],
  ],

  async run({ values, operands }, io) {
    const sampling = samplingOptions(values);
    const { model: name = defaultModel(), type, threads, top, json } = values;
    const text = await readText(operands[0], values.file, io, { maxBytes: MAX_TEXT_BYTES }) ?? "";
    const loading = { type, threads, ...deviceOptions(values), signal: io.signal };
    using model = await showingProgress(
      name,
      io.stderr,
      { alternative: DEMO_FLAG },
      (onProgress) => GPT2.fromPretrained(name, { ...loading, onProgress }),
    );
    const { tokenizer, config: { contextLength } } = model;
    if (tokenizer === undefined) {
      const { tokenizerError } = await import("../checkpoint/hugging_face/other_tokenizers.ts");
      throw tokenizerError("explain a text", name);
    }
    const given = operands[0] === undefined ? text.replace(/\r?\n$/, "") : text;
    const [encoded] = encodePrompts(tokenizer, [given], values.allowSpecial ? "all" : undefined);
    const tokens = Array.from(encoded);
    requirePlace(tokens.length, contextLength, values.position);
    const { position = tokens.length - 1, target, against } = values;

    const read = tokens.slice(0, position + 1);
    const { logits } = await model.forward(read, { logits: "last", signal: io.signal });
    const candidates = nextCandidates(model, logits, read, sampling, top);
    const explanation = await explain(model, tokens, {
      position,
      top,
      target: target === undefined ? undefined : tokenOf("--target", target, tokenizer),
      against: against === undefined ? undefined : tokenOf("--against", against, tokenizer),
      signal: io.signal,
    });
    if (values.html !== undefined) {
      const { writeReport } = await import("./explain/write_report.ts");
      await writeReport(values.html, model, { name, explanation, candidates }, io);
      if (!json) return;
    }
    if (json) {
      await io.stdout.write(jsonText({ model: name, ...explanation, candidates }) + "\n");
      return;
    }
    const numColumns = Math.min(MAX_COLUMNS, Math.max(MIN_COLUMNS, io.stdout.numColumns));
    await io.stdout.writeLines([
      ...tokensSection(explanation, numColumns).slice(1),
      ...candidatesSection(candidates, numColumns),
      ...lensSection(explanation, numColumns),
      ...attentionSection(explanation, numColumns),
      ...attributionSection(explanation, numColumns, top),
    ]);
  },
});

function requirePlace(
  numTokens: number,
  contextLength: number,
  position: number | undefined,
): void {
  if (numTokens > contextLength) {
    throw new UsageError(
      `The text is longer than the context: received ${countText(numTokens, "token")} for ` +
        `${contextLength} positions. Shorten it.`,
    );
  }
  if (position !== undefined && position >= numTokens) {
    throw new UsageError(
      `--position must be that of a token of the text: received ${position}, and it has ` +
        `${countText(numTokens, "token")}. Give a number from 0 to ${numTokens - 1}.`,
    );
  }
}

/** The only token of a text. */
function tokenOf(flag: string, text: string, tokenizer: Tokenizer): number {
  const ids = tokenizer.encode(text, { allowSpecial: "all" });
  if (ids.length === 1) return ids[0];
  const pieces = ids.slice(0, 5).map((id) => quote(tokenizer.decode([id]))).join(", ");
  const spaced = tokenizer.encode(` ${text}`);
  throw new UsageError(
    `${flag} must be one token: received ${quote(text)}, which is ` +
      `${ids.length}: ${pieces}. ` +
      (spaced.length === 1
        ? `Did you mean ${quote(` ${text}`)}?`
        : "The command tokenize shows the tokens of a text."),
  );
}
