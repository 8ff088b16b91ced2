/**
 * The flags of `bench`, and the tests that they ask for.
 *
 * @module
 */
import { type FileType, fileTypes, isFileType } from "../../checkpoint/file_types.ts";
import { quote } from "../../base/describe.ts";
import { jsonFlag, MAX_THREADS, modelFlag, threadsFlag } from "../arguments/common_flags.ts";
import { defaultModel } from "../arguments/default_model.ts";
import { deviceFlags } from "../arguments/device_flags.ts";
import { type Flags, flagText, type FlagValues } from "../arguments/flags.ts";
import { DEFAULT_TYPE } from "../arguments/model_flags.ts";
import { choiceError, parseInteger } from "../arguments/parse_arguments.ts";
import { UsageError } from "../arguments/usage_error.ts";

/** How many tokens each kind of test reads or writes if nobody says, and the context has room for them. */
const DEFAULT_TOKENS = { promptTokens: 512, newTokens: 128 } as const;

function defaultText(flag: keyof typeof DEFAULT_TOKENS): string {
  return `Default: ${DEFAULT_TOKENS[flag]}, or what the context has room for.`;
}

/** The flags of `bench`. */
export const benchFlags = {
  model: {
    kind: "textList",
    short: "m",
    valueName: "model",
    help: modelFlag.help,
  },
  type: {
    kind: "textList",
    short: "t",
    valueName: "types",
    help: `Hold the weights as these types: ${fileTypes.join(", ")}. ${DEFAULT_TYPE}`,
  },
  promptTokens: {
    kind: "text",
    short: "p",
    valueName: "counts",
    help: `Read this many tokens; 0 leaves the test out. ${defaultText("promptTokens")}`,
  },
  newTokens: {
    kind: "text",
    short: "n",
    valueName: "counts",
    help: `Write this many tokens, one after another; 0 leaves the test out. ${
      defaultText("newTokens")
    }`,
  },
  depth: {
    kind: "text",
    valueName: "counts",
    default: "0",
    help: "Tokens that each text has before a test begins.",
  },
  batch: {
    kind: "text",
    short: "b",
    valueName: "counts",
    default: "1",
    help: "Texts side by side. The speed is that of all together.",
  },
  threads: { kind: "text", valueName: "counts", help: threadsFlag.help },
  ...deviceFlags,
  repetitions: {
    kind: "integer",
    short: "r",
    valueName: "count",
    min: 1,
    max: 10_000,
    default: 5,
    help: "How often each test is measured, after a run that does not count.",
  },
  profile: {
    kind: "switch",
    help: "Show too what each kind of operation takes.",
  },
  format: {
    kind: "choice",
    valueName: "format",
    choices: ["md", "csv", "json"],
    help:
      "md (tables), csv (one row for each test) or json (with every sample). Default: md, or plain rows where a terminal has no room for that.",
  },
  json: { ...jsonFlag, help: "The same as --format json." },
} as const satisfies Flags;

/** The values of the flags of `bench`. */
export type BenchValues = FlagValues<typeof benchFlags>;

/**
 * The format of the report.
 *
 * @throws {UsageError} if two are asked for
 */
export function benchFormat({ format, json }: BenchValues): "md" | "csv" | "json" {
  if (!json) return format ?? "md";
  if (format === undefined || format === "json") return "json";
  throw new UsageError(
    `--json is the same as --format json: received --format ${format} too. Leave one out.`,
  );
}

/** One thing to be measured. */
export interface BenchTest {
  /** Reading a text at once, or writing it token by token. */
  readonly kind: "prefill" | "decode";
  /** Tokens read or written in each text. */
  readonly numTokens: number;
  /** Tokens that each text has before. */
  readonly depth: number;
  /** Number of texts. */
  readonly batch: number;
}

/** A model to be loaded, in which way. */
export interface BenchModel {
  readonly model: string;
  readonly type: FileType | undefined;
  readonly threads: number | undefined;
}

/** Every combination of models, types and threads. */
export function benchModels(values: BenchValues): BenchModel[] {
  const models = values.model.length === 0 ? [defaultModel()] : values.model;
  const types = values.type.length === 0 ? [undefined] : values.type.flatMap(parseTypes);
  const threads = values.threads === undefined
    ? [undefined]
    : parseCounts(values, "threads", 1, MAX_THREADS);
  return models.flatMap((model) =>
    types.flatMap((type) => threads.map((threads) => ({ model, type, threads })))
  );
}

/**
 * Every combination of sizes: first all that read, then all that write.
 *
 * @param contextLength how many tokens the model has room for: a default that is more is cut to that
 */
export function benchTests(values: BenchValues, contextLength = Infinity): BenchTest[] {
  const depths = parseCounts(values, "depth", 0);
  const batches = parseCounts(values, "batch", 1);
  const testsOf = (kind: BenchTest["kind"], flag: keyof typeof DEFAULT_TOKENS): BenchTest[] => {
    const given = values[flag] === undefined ? undefined : parseCounts(values, flag, 0);
    const fitting = (depth: number) =>
      Math.max(1, Math.min(DEFAULT_TOKENS[flag], contextLength - depth));
    return (given ?? [undefined]).filter((count) => count !== 0).flatMap((count) =>
      depths.flatMap((depth) =>
        batches.map((batch) => ({ kind, numTokens: count ?? fitting(depth), depth, batch }))
      )
    );
  };
  return [...testsOf("prefill", "promptTokens"), ...testsOf("decode", "newTokens")];
}

function parseTypes(list: string): FileType[] {
  return list.split(",").map((text) => {
    const type = text.toLowerCase();
    if (isFileType(type)) return type;
    throw choiceError("--type", fileTypes, text);
  });
}

type CountFlag = "promptTokens" | "newTokens" | "depth" | "batch" | "threads";

function parseCounts(
  values: BenchValues,
  flag: CountFlag,
  min: number,
  max = Infinity,
): number[] {
  return (values[flag] ?? "").split(",").map((text) => {
    const count = parseInteger(text);
    if (count === undefined || count < min || count > max) {
      const range = max === Infinity
        ? `of at least ${min}`
        : `from ${min} to ${max}, ${threadsFlag.limit}`;
      throw new UsageError(
        `${flagText(flag)} must be whole numbers ${range}, separated by commas: received ${
          quote(text)
        }.`,
      );
    }
    return count;
  });
}
