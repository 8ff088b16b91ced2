/**
 * The flags of `generate`, and what they mean to the library.
 *
 * @module
 */
import { quote } from "../../base/describe.ts";
import { DEFAULT_MAX_NEW_TOKENS, type GenerateOptions } from "../../generation/generate_options.ts";
import { fileFlag, jsonFlag } from "./common_flags.ts";
import { type Flags, flagText, type FlagValues } from "./flags.ts";
import { modelFlags } from "./model_flags.ts";
import { parseInteger } from "./parse_arguments.ts";
import { SAMPLING_GROUP, samplingFlags, samplingOptions } from "./sampling_flags.ts";
import { UsageError } from "./usage_error.ts";

const BEAMS = "Beam search";
const RULES = "Rules for tokens";
const CONSTRAINT = "Constraint (at most one)";
const SPECULATION = "Speculation (the same text, perhaps faster; at most one)";
const TREE = "Tree";
const OUTPUT = "Output";

const DEFAULT_BATCH_SIZE = 8;

/** The flags of `generate`. */
export const generateFlags = {
  ...modelFlags,
  file: {
    ...fileFlag,
    help: "Read the prompt from a file; - is stdin. The line break at its end is dropped.",
  },
  prompts: {
    kind: "text",
    valueName: "path",
    help:
      'Continue the prompts of a file, one in each line or a JSON object {"prompt": ...} in each; - is stdin. ' +
      "Writes a line of JSON for each, in their order.",
  },
  batchSize: {
    kind: "integer",
    valueName: "count",
    min: 1,
    help: `With --prompts, write this many texts side by side. Default: ${DEFAULT_BATCH_SIZE}.`,
  },
  allowSpecial: {
    kind: "switch",
    help: "Read <|endoftext|> and other special tokens in prompts as such.",
  },
  maxNewTokens: {
    kind: "integer",
    short: "n",
    valueName: "count",
    min: 0,
    default: DEFAULT_MAX_NEW_TOKENS,
    help: "Write at most this many tokens.",
  },
  stop: { kind: "textList", valueName: "text", help: "End before this text." },
  overflow: {
    kind: "choice",
    valueName: "what",
    choices: ["stop", "crop"],
    default: "stop",
    help:
      "When the context is full, stop, or crop: read the last half of the text again and go on.",
  },
  steer: {
    kind: "textList",
    valueName: "path[:strength]",
    help:
      "Add a steering vector, times the strength or once: a file of JSON with layer and vector.",
  },
  ignoreEndOfText: { kind: "switch", help: "Go on after <|endoftext|>." },

  ...samplingFlags,
  seed: {
    group: SAMPLING_GROUP,
    kind: "integer",
    valueName: "number",
    help: "The same seed gives the same text. Default: a random one, which is shown.",
  },
  numReturnSequences: {
    group: SAMPLING_GROUP,
    kind: "integer",
    valueName: "count",
    min: 1,
    default: 1,
    help: "Write this many texts.",
  },

  numBeams: {
    group: BEAMS,
    kind: "integer",
    valueName: "count",
    min: 1,
    help:
      "Follow this many beginnings side by side, and write the texts that score best at the end.",
  },
  lengthPenalty: {
    group: BEAMS,
    kind: "decimal",
    valueName: "number",
    min: -50,
    max: 50,
    help: "Favor long texts (above 1) or short ones (below 1); 0 compares plain sums. Default: 1.",
  },
  earlyStopping: {
    group: BEAMS,
    kind: "choice",
    valueName: "when",
    choices: ["true", "false", "never"],
    help:
      "End the search with as many texts as beams (true), when none seems to become better (false), or none can (never). " +
      "Default: false.",
  },

  badWords: {
    group: RULES,
    kind: "textList",
    valueName: "text",
    help: 'Do not write the tokens of this text: "word" and " word" are two.',
  },
  suppressTokens: {
    group: RULES,
    kind: "textList",
    valueName: "id,id,...",
    help: "Never write these tokens.",
  },
  minNewTokens: {
    group: RULES,
    kind: "integer",
    valueName: "count",
    min: 0,
    help: "End no text with <|endoftext|> before it has so many tokens.",
  },
  forcedStart: {
    group: RULES,
    kind: "text",
    valueName: "text",
    help: "Begin the new text with this one, which counts as written.",
  },

  choices: {
    group: CONSTRAINT,
    kind: "textList",
    valueName: "a,b,...",
    help: "Write one of these texts; one with a comma in it needs a JSON array.",
  },
  regex: {
    group: CONSTRAINT,
    kind: "text",
    valueName: "regex",
    help: "Write a text that this regular expression of JavaScript matches as a whole.",
  },
  jsonSchema: {
    group: CONSTRAINT,
    kind: "text",
    valueName: "schema",
    help: "Write JSON that this JSON Schema describes: the schema itself, or its file.",
  },

  speculate: {
    group: SPECULATION,
    kind: "choice",
    valueName: "how",
    choices: ["lookup"],
    help: "Guess what comes next from what the text said before, and check several tokens at once.",
  },
  draft: {
    group: SPECULATION,
    kind: "text",
    valueName: "model",
    help: "Have this smaller model with the same tokens guess.",
  },

  tree: {
    group: TREE,
    kind: "switch",
    help: "Instead of writing a text, draw the likely continuations as a tree.",
  },
  width: {
    group: TREE,
    kind: "integer",
    valueName: "count",
    min: 1,
    help: "With --tree, follow this many tokens at each place. Default: 3.",
  },
  depth: {
    group: TREE,
    kind: "integer",
    valueName: "count",
    min: 1,
    help: "With --tree, follow them for this many tokens. Default: 4.",
  },
  minProbability: {
    group: TREE,
    kind: "decimal",
    valueName: "share",
    min: 0,
    max: 1,
    help: "With --tree, leave out what is less likely as a whole. Default: 0.001.",
  },

  noEcho: { group: OUTPUT, kind: "switch", help: "Write the new text without the prompt." },
  json: {
    ...jsonFlag,
    group: OUTPUT,
    help:
      "Write one JSON object with all tokens, at the end; with --prompts, the tokens in each line.",
  },
  topLogProbabilities: {
    group: OUTPUT,
    kind: "integer",
    valueName: "count",
    min: 0,
    max: 100,
    default: 0,
    help: "With --json, name this many of the likeliest tokens beside each.",
  },
  quiet: { group: OUTPUT, short: "q", kind: "switch", help: "Write nothing but the text." },
} as const satisfies Flags;

/** The values of the flags of `generate`. */
export type GenerateValues = FlagValues<typeof generateFlags>;

/**
 * The options of `GPT2.generate()` that the flags ask for.
 *
 * @param given the names of the flags that were given, also those with their defaults
 * @throws {UsageError} for a bias that is none, or flags that do not go together
 */
export function generateOptions(
  values: GenerateValues,
  given: ReadonlySet<string>,
): GenerateOptions & { seed: number; numReturnSequences: number } {
  if (values.topLogProbabilities > 0 && !values.json) {
    throw new UsageError("--top-log-probabilities needs --json. Add --json.");
  }
  if (values.batchSize !== undefined && values.prompts === undefined) {
    throw new UsageError("--batch-size needs --prompts. Add --prompts <path>.");
  }
  if (values.noEcho && (values.json || values.prompts !== undefined)) {
    const format = values.json ? "--json" : "--prompts";
    throw new UsageError(
      `--no-echo has no effect with ${format}, where the prompt has a place of its own. Leave it out.`,
    );
  }
  if (values.speculate !== undefined && values.draft !== undefined) {
    throw new UsageError("There can be only one of --speculate and --draft. Leave one out.");
  }
  checkTree(values, given);
  return {
    maxNewTokens: values.maxNewTokens,
    stop: values.stop,
    numReturnSequences: values.numReturnSequences,
    overflow: values.overflow,
    ignoreEndOfText: values.ignoreEndOfText,
    ...samplingOptions(values),
    numBeams: values.numBeams,
    lengthPenalty: values.lengthPenalty,
    earlyStopping: values.earlyStopping === "never"
      ? "never"
      : values.earlyStopping && values.earlyStopping === "true",
    badWords: values.badWords,
    suppressTokens: values.suppressTokens.flatMap(parseIds),
    minNewTokens: values.minNewTokens,
    forcedStart: values.forcedStart,
    speculate: values.speculate,
    allowSpecial: values.allowSpecial ? "all" : undefined,
    batchSize: values.prompts === undefined ? undefined : values.batchSize ?? DEFAULT_BATCH_SIZE,
    logProbabilities: values.json,
    topLogProbabilities: values.topLogProbabilities,
    seed: values.seed ?? crypto.getRandomValues(new Uint32Array(1))[0],
  };
}

/** What a tree depends on, beside the model. Whatever else is given would be passed over in silence. */
const IN_TREES: ReadonlySet<string> = new Set([
  ...Object.keys(modelFlags),
  "file",
  "allowSpecial",
  "tree",
  "width",
  "depth",
  "minProbability",
  "json",
  "quiet",
]);

/** What a tree has instead. */
const TREE_ADVICE: Readonly<Record<string, string>> = {
  maxNewTokens: "; how many tokens it follows is --depth",
  numReturnSequences: "; how many it follows at each place is --width",
};

function checkTree(
  { tree, prompts, ...values }: GenerateValues,
  given: ReadonlySet<string>,
): void {
  const flag = (["width", "depth", "minProbability"] as const)
    .find((name) => values[name] !== undefined);
  if (!tree && flag !== undefined) {
    throw new UsageError(`${flagText(flag)} needs --tree. Add --tree.`);
  }
  if (tree && (values.speculate ?? values.draft) !== undefined) {
    throw new UsageError(
      "--tree writes no text that could be guessed: leave --speculate and --draft out.",
    );
  }
  if (tree && prompts !== undefined) {
    throw new UsageError("--tree draws what follows one prompt: leave --prompts out.");
  }
  const asked = [...given].find((name) => name in generateFlags && !IN_TREES.has(name));
  if (tree && asked !== undefined) {
    throw new UsageError(
      "--tree draws what may follow, whatever is asked of a text: leave " +
        `${flagText(asked)} out${TREE_ADVICE[asked] ?? ""}.`,
    );
  }
}

function parseIds(text: string): number[] {
  const ids = text.split(",").map((each) => parseInteger(each));
  if (ids.every((id) => id !== undefined && id >= 0)) return ids as number[];
  throw new UsageError(
    `--suppress-tokens must be token ids with commas between them: received ${quote(text)}. ` +
      "Write for example 198,50256.",
  );
}
