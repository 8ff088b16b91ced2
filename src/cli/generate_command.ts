/**
 * `generate`: continues a text.
 *
 * @module
 */
import { quote, quotePath } from "../base/describe.ts";
import type { ConstraintOptions } from "../generation/constraints/constraint_options.ts";
import type { HookOptions } from "../engine/hook_options.ts";
import { encodePrompts } from "../tokenizer/prompts.ts";
import type { TokenIds } from "../tokenizer/token_ids.ts";
import { generateFlags, generateOptions, type GenerateValues } from "./arguments/generate_flags.ts";
import { textIsArgument } from "./arguments/peer_flags.ts";
import { UsageError } from "./arguments/usage_error.ts";
import { defineCommand } from "./command.ts";
import { continuePrompt } from "./generate/continue_prompt.ts";
import type { LinePrompt } from "./generate/line_prompts.ts";
import { Stopwatch, timingText } from "./generate/stopwatch.ts";
import { loadModel, loadOther } from "./load_model.ts";
import { readFileOrStdin, readText, sourceText } from "./read_text.ts";
import { type Io, withQuiet } from "./terminal/io.ts";
import { jsonText } from "./terminal/terminal_text.ts";
import { numberText } from "./terminal/units.ts";

/** Far more than the context of any GPT-2 holds. */
const MAX_PROMPT_BYTES = 2 ** 24;
/** JavaScript's longest text is twice as long. */
const MAX_PROMPTS_BYTES = 2 ** 28;

/** Continues a prompt. */
export const generateCommand = defineCommand({
  name: "generate",
  summary: "Continue a text.",
  details:
    "The prompt is an argument, a file, or stdin if that is not a terminal; an empty one starts from " +
    "<|endoftext|>. The prompt and its continuation are written to stdout as they come, speed and seed to stderr. A " +
    "terminal is shown escapes such as \\u{1b} for characters that would drive it; a file or a pipe gets them as they are.",
  operands: {
    usage: "[prompt]",
    min: 0,
    max: 1,
    advice: "Put the prompt in quotes.",
  },
  flags: generateFlags,
  foreignFlags: textIsArgument,
  examples: [
    ['"Once upon a time"', "Continue a prompt"],
    [
      '"ROMEO:" --model demo --temperature 0.8 --seed 1',
      "Write like Shakespeare, with a model that needs no download",
    ],
    ["generate --file story.txt --model gpt2.gguf --greedy", "Continue a file, with another model"],
    ['"Dear" --num-return-sequences 3 --json', "Three continuations, for another program"],
    ['"Is it good? Answer:" --choices " yes, no"', "One of two answers"],
    ["--prompts prompts.txt --greedy", "A continuation for each line, as lines of JSON"],
  ],

  async run({ values, given, operands }, io) {
    const plain = {
      ...generateOptions(values, given),
      ...await readConstraint(values, io),
      ...await readSteering(values, io),
    };
    const { json, quiet: isQuiet } = values;
    const prompts = await readPrompts(values, operands[0], withQuiet(io, isQuiet));

    const stopwatch = new Stopwatch();
    const loading = { ...io, isQuiet };
    using loaded = await loadModel("continue a text", values, loading);
    const { name, model, tokenizer } = loaded;
    const { contextLength } = model.config;
    using draft = values.draft === undefined
      ? undefined
      : await loadOther(values.draft, values, loading);
    const options = { ...plain, draft, onDraft: stopwatch.countDraft.bind(stopwatch) };
    const texts = prompts.map(({ text }) => text);
    const tokens = encodePrompts(tokenizer, texts, options.allowSpecial);
    if (values.overflow === "stop") requireRoom(prompts, tokens, contextLength, values.prompts);
    if (values.speculate !== undefined || draft !== undefined) stopwatch.expectDrafts();
    stopwatch.startGenerating();

    if (values.tree) {
      const { drawTree } = await import("./generate/tree.ts");
      await drawTree(model, { text: texts[0], tokens: tokens[0] }, values, io);
      return;
    }
    const continuation = { model, options, stopwatch, io, isQuiet };
    const { greedy, temperature, numBeams = 1 } = values;
    const isRandom = !greedy && temperature > 0 && numBeams === 1;
    const seed = isRandom ? options.seed : undefined; // Nothing depends on it otherwise.
    const timings = () => {
      const numPromptTokens = tokens.reduce((sum, { length }) => sum + length, 0);
      const numSequences = tokens.length * values.numReturnSequences;
      return stopwatch.timings(numPromptTokens, numSequences, numBeams > 1);
    };
    let isFull = false;
    let isCutOff = false;
    if (values.prompts !== undefined) {
      const { continuePrompts } = await import("./generate/continue_prompts.ts");
      const encoded = texts.map((text, i) => ({ text, tokens: tokens[i] }));
      await continuePrompts(encoded, continuation, { seed, withTokens: json });
    } else {
      const [prompt] = texts;
      const echo = values.noEcho ? "" : prompt;
      const showing = { echo, isStreamed: !json, withTokens: json };
      const { list: sequences } = await continuePrompt(tokens[0], continuation, showing);
      isFull = sequences.some(({ finishReason }) => finishReason === "contextLength");
      isCutOff = isConstrained(values) &&
        sequences.some(({ finishReason }) => finishReason !== "endOfText");
      if (json) {
        const result = { model: name, prompt, seed, sequences, timings: timings() };
        await io.stdout.write(jsonText(result) + "\n");
        return;
      }
    }
    if (isQuiet) return;
    await io.stderr.write(
      timingText(timings()) + (seed === undefined ? "" : `; seed ${seed}`) + "\n" +
        (isFull ? contextText(contextLength) : "") + (isCutOff ? CUT_OFF_TEXT : ""),
    );
  },
});

/** Said of a text that has a constraint and ended before it was complete. */
const CUT_OFF_TEXT = "The text ended before it was complete: allow more tokens with " +
  "--max-new-tokens, or bound what may be written.\n";

function isConstrained({ choices, regex, jsonSchema }: GenerateValues): boolean {
  return choices.length > 0 || regex !== undefined || jsonSchema !== undefined;
}

/** Who asks for no constraint does not wait for what reads one. */
async function readConstraint(values: GenerateValues, io: Io): Promise<ConstraintOptions> {
  if (!isConstrained(values)) return {};
  const { constraintOptions } = await import("./generate/constraint.ts");
  return await constraintOptions(values, io);
}

/** Who steers nothing does not wait for what does. */
async function readSteering({ steer }: GenerateValues, io: Io): Promise<HookOptions> {
  if (steer.length === 0) return {};
  const { parseSteering, readSteering } = await import("./steering_file.ts");
  const { steerBy } = await import("../inspection/steer_by.ts");
  const vectors = [];
  for (const { path, strength } of steer.map(parseSteering)) {
    vectors.push({ ...await readSteering(path, io), strength });
  }
  return { intervene: steerBy(vectors) };
}

/** The prompts, from where the flags say they are. */
async function readPrompts(
  { prompts: path, file }: GenerateValues,
  argument: string | undefined,
  io: Io,
): Promise<LinePrompt[]> {
  if (path === undefined) {
    const text = await readText(argument, file, io, { maxBytes: MAX_PROMPT_BYTES }) ?? "";
    // The line break that ends every line of a file, and what `echo` writes, is rarely meant.
    return [{ text: argument === undefined ? text.replace(/\r?\n$/, "") : text, line: 1 }];
  }
  const other = argument ?? file;
  if (other !== undefined) {
    throw new UsageError(
      `The prompts come from --prompts, or one from an argument or from --file: received both, ` +
        `${quotePath(path)} and ${quote(other)}. Leave one out.`,
    );
  }
  const text = await readFileOrStdin(path, io, { maxBytes: MAX_PROMPTS_BYTES, flag: "--prompts" });
  // Here and above: a start with one prompt does not wait for what many take.
  const { parsePrompts } = await import("./generate/line_prompts.ts");
  return parsePrompts(text, path);
}

/**
 * Requires that all prompts of a file fit into the context, before any is continued.
 *
 * @throws {UsageError} with the line of one that does not
 */
function requireRoom(
  prompts: readonly LinePrompt[],
  tokens: readonly TokenIds[],
  contextLength: number,
  path: string | undefined,
): void {
  const index = tokens.findIndex(({ length }) => length > contextLength);
  if (index === -1) return;
  const what = path === undefined
    ? "The prompt"
    : `The prompt in line ${prompts[index].line} of ${sourceText(path)}`;
  throw new UsageError(
    `${what} is longer than the context: received ${numberText(tokens[index].length)} tokens for ` +
      `${contextLength} positions. Shorten it, or add --overflow crop to read only its end.`,
  );
}

function contextText(contextLength: number): string {
  return `Stopped: the model has ${contextLength} positions, and the text fills them. ` +
    "With --overflow crop it reads the last half again and goes on.\n";
}
