/**
 * `score`: how likely a text is, token by token.
 *
 * @module
 */
import type { TextSpan } from "../evaluation/group_scores.ts";
import { fileFlag, jsonFlag, quietFlag } from "./arguments/common_flags.ts";
import { modelFlags } from "./arguments/model_flags.ts";
import { parseInteger } from "./arguments/parse_arguments.ts";
import { textIsArgument } from "./arguments/peer_flags.ts";
import { UsageError } from "./arguments/usage_error.ts";
import { defineCommand } from "./command.ts";
import { loadMeasured } from "./load_model.ts";
import { quote } from "../base/describe.ts";
import { jsonWriter, tableWriter, tsvWriter } from "./score/score_formats.ts";
import { type ScoredInput, scoredInputs } from "./score/scored_input.ts";
import { withQuiet } from "./terminal/io.ts";
import { ProgressBar } from "./terminal/progress_bar.ts";
import { numberText } from "./terminal/units.ts";

/** Narrower columns say nothing, and in wider ones the eye gets lost. */
const [MIN_COLUMNS, MAX_COLUMNS] = [60, 100];
const MAX_TOP = 100;

/** Scores texts. */
export const scoreCommand = defineCommand({
  name: "score",
  summary: "Show how likely a text is, token by token.",
  details:
    "The surprisal of each token in bits, its rank among all tokens, and what that adds up to. The first token of a text has " +
    "nothing before it, and no score, unless --after-end-of-text is given. Texts longer than the context are read in windows.",
  operands: { usage: "[text]", min: 0, max: 1, advice: "Put the text in quotes." },
  flags: {
    ...modelFlags,
    file: {
      ...fileFlag,
      help:
        "Read the text from a file; - is stdin. The line break at its end is dropped, and a byte order mark.",
    },
    lines: { kind: "switch", help: "Each line of the file is a text." },
    jsonl: {
      kind: "text",
      valueName: "field",
      help: "Each line of the file is a JSON object, and this field of it is a text.",
    },
    sum: { kind: "switch", help: "Write only what the scored tokens of a text add up to." },
    group: {
      kind: "choice",
      valueName: "what",
      choices: ["words"],
      help: "Add up the tokens of each word, with the spaces before it.",
    },
    span: {
      kind: "textList",
      valueName: "start-end",
      help:
        "Add up the tokens of these characters, counted from 0: 4-7 are 4, 5 and 6, without the end.",
    },
    top: {
      kind: "integer",
      valueName: "count",
      min: 0,
      max: MAX_TOP,
      default: 0,
      help: `Show the likeliest tokens at each place: at most ${MAX_TOP}. Not with --tsv.`,
    },
    afterEndOfText: {
      kind: "switch",
      help: "Score the first token too: as what follows <|endoftext|>.",
    },
    stride: {
      kind: "integer",
      valueName: "tokens",
      min: 1,
      help: "How far apart the windows of a long text are. Default: half of the context.",
    },
    allowSpecial: { kind: "switch", help: "Read <|endoftext|> as the special token." },
    json: { ...jsonFlag, help: "Write one JSON object for each text, in a line." },
    tsv: { kind: "switch", help: "Write tab-separated values." },
    quiet: quietFlag,
  },
  foreignFlags: textIsArgument,
  examples: [
    ['score "The cat sat on the mat" --model demo', "How surprising each token is"],
    ["score --file story.txt --group words --tsv", "The surprisal of each word of a file"],
    ["score --file sentences.txt --lines --sum", "Which sentence is the likeliest"],
    ["score --file texts.jsonl --jsonl text --json", "All numbers of many texts"],
  ],

  async run({ values, operands }, streams) {
    requireUse(values);
    const io = withQuiet(streams, values.quiet);
    const { file, lines, jsonl, sum, top, stride, afterEndOfText } = values;
    const spans = values.span.length > 0 ? values.span.map(parseSpan) : undefined;
    const inputs = await scoredInputs({ argument: operands[0], file, lines, jsonl }, io);
    using loaded = await loadMeasured("score a text", values, io);
    const { model, name, tokenizer } = loaded;
    const write = (values.json ? jsonWriter : values.tsv ? tsvWriter : tableWriter)(io.stdout, {
      model: name,
      weightType: model.weightType,
      tokenizer,
      sum,
      groups: spans !== undefined || values.group !== undefined ? { spans } : undefined,
      numColumns: Math.min(MAX_COLUMNS, Math.max(MIN_COLUMNS, io.stdout.numColumns)),
    });
    const bar = new ProgressBar(io.stderr, "Scoring");
    const asked: ScoredInput[] = [];
    const texts = async function* () {
      for await (const input of inputs) {
        asked.push(input);
        yield input.text;
      }
    };
    try {
      const scores = model.scoreEach(texts(), {
        topLogProbabilities: top,
        afterEndOfText,
        stride,
        allowSpecial: values.allowSpecial ? "all" : undefined,
        signal: io.signal,
        onProgress: ({ numScoredTokens, numTokens }) =>
          bar.show(
            numScoredTokens / numTokens,
            `${numberText(numScoredTokens)} of ${numberText(numTokens)} tokens`,
          ),
      });
      for await (const score of scores) {
        await bar.aside(() => write(asked.shift()!, score));
      }
    } finally {
      await bar.clear();
    }
  },
});

/**
 * Requires that each flag has an effect.
 *
 * @throws {UsageError} if one has none
 */
function requireUse(values: Record<string, unknown>): void {
  const isGiven = (flag: string) => {
    const value = values[flag.replace(/-([a-z])/g, (_, letter) => letter.toUpperCase())];
    return Array.isArray(value)
      ? value.length > 0
      : value !== undefined && value !== false && value !== 0;
  };
  const rivals = [
    ["json", "tsv"],
    ["lines", "jsonl"],
    ["sum", "group"],
    ["sum", "span"],
    ["group", "span"],
    // Only tokens have likelier ones, and in a table of values there is no room for them.
    ...["sum", "group", "span", "tsv"].map((flag) => [flag, "top"]),
  ];
  const both = rivals.find((flags) => flags.every(isGiven));
  if (both === undefined) return;
  const [one, other] = both;
  throw new UsageError(
    `--${other} has no effect with --${one}: received both. Leave one out.`,
  );
}

function parseSpan(text: string): TextSpan {
  const [start, end] = text.split("-").map(parseInteger);
  if (/^\d+-\d+$/.test(text) && start! <= end!) return { start: start!, end: end! };
  throw new UsageError(
    `--span needs two numbers: received ${
      quote(text)
    }. Write the first character, and that behind the last: 4-7.`,
  );
}
