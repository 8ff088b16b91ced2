/**
 * The flags that say how the next token is chosen.
 *
 * @module
 */
import { quote } from "../../base/describe.ts";
import {
  defaultSamplingOptions as defaults,
  type SamplingOptions,
} from "../../generation/sampling/sampling_options.ts";
import type { Flags, FlagValues } from "./flags.ts";
import { parseDecimal, parseInteger } from "./parse_arguments.ts";
import { UsageError } from "./usage_error.ts";

/** The heading under which the help lists them. */
export const SAMPLING_GROUP = "Sampling";

/** All but the seed. */
export const samplingFlags = {
  greedy: {
    group: SAMPLING_GROUP,
    kind: "switch",
    help: "Always take the likeliest token: --temperature and what keeps tokens count for nothing.",
  },
  temperature: {
    group: SAMPLING_GROUP,
    kind: "decimal",
    valueName: "number",
    min: 0,
    default: defaults.temperature,
    help: "Divide the logits by this: the lower, the more predictable; 0 is greedy.",
  },
  topK: {
    group: SAMPLING_GROUP,
    kind: "integer",
    valueName: "count",
    min: 0,
    default: defaults.topK,
    help: "Keep this many of the likeliest tokens; 0 keeps all.",
  },
  topP: {
    group: SAMPLING_GROUP,
    kind: "decimal",
    valueName: "share",
    above: 0,
    max: 1,
    default: defaults.topP,
    help: "Keep the likeliest tokens that hold this much of the probability.",
  },
  minP: {
    group: SAMPLING_GROUP,
    kind: "decimal",
    valueName: "share",
    min: 0,
    max: 1,
    default: defaults.minP,
    help: "Keep tokens at least this many times as likely as the best one.",
  },
  typicalP: {
    group: SAMPLING_GROUP,
    kind: "decimal",
    valueName: "share",
    above: 0,
    max: 1,
    default: defaults.typicalP,
    help: "Keep the most typical tokens that hold this much of the probability.",
  },
  repetitionPenalty: {
    group: SAMPLING_GROUP,
    kind: "decimal",
    valueName: "number",
    above: 0,
    default: defaults.repetitionPenalty,
    help: "Above 1, make tokens that were there before less likely.",
  },
  noRepeatNgramSize: {
    group: SAMPLING_GROUP,
    kind: "integer",
    valueName: "count",
    min: 0,
    default: defaults.noRepeatNgramSize,
    help: "Never repeat a sequence of this many tokens; 0 allows it.",
  },
  presencePenalty: {
    group: SAMPLING_GROUP,
    kind: "decimal",
    valueName: "number",
    default: defaults.presencePenalty,
    help: "Subtract this from the logits of tokens written before.",
  },
  frequencyPenalty: {
    group: SAMPLING_GROUP,
    kind: "decimal",
    valueName: "number",
    default: defaults.frequencyPenalty,
    help: "Subtract this as often as a token was written before.",
  },
  logitBias: {
    group: SAMPLING_GROUP,
    kind: "textList",
    valueName: "id=number",
    help: "Add to the logit of a token; -inf bans it.",
  },
  order: {
    group: SAMPLING_GROUP,
    kind: "choice",
    valueName: "name",
    choices: ["huggingface", "llama.cpp"],
    default: defaults.order,
    help: "Whose order of the filters: temperature first (huggingface) or last (llama.cpp).",
  },
} as const satisfies Flags;

/**
 * The sampling options that the flags ask for.
 *
 * @throws {UsageError} for a bias that is none
 */
export function samplingOptions(values: FlagValues<typeof samplingFlags>): SamplingOptions {
  return {
    greedy: values.greedy,
    temperature: values.temperature,
    topK: values.topK,
    topP: values.topP,
    minP: values.minP,
    typicalP: values.typicalP,
    repetitionPenalty: values.repetitionPenalty,
    noRepeatNgramSize: values.noRepeatNgramSize,
    presencePenalty: values.presencePenalty,
    frequencyPenalty: values.frequencyPenalty,
    logitBias: new Map(values.logitBias.map(parseBias)),
    order: values.order,
  };
}

function parseBias(text: string): [id: number, bias: number] {
  const [, idText, biasText] = /^(\d+)=(.*)$/.exec(text) ?? [];
  const id = parseInteger(idText ?? "");
  const bias = biasText === "-inf" ? -Infinity : parseDecimal(biasText ?? "");
  if (id === undefined || bias === undefined) {
    throw new UsageError(
      `--logit-bias must be a token id, =, and a number or -inf: received ${quote(text)}. ` +
        "Write for example 50256=-1.5.",
    );
  }
  return [id, bias];
}
