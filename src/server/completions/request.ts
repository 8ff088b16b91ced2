/**
 * From the body of a completion request to the options of this package.
 *
 * @module
 */
import { quote } from "../../base/describe.ts";
import { firstStreams } from "../../generation/first_streams.ts";
import { validateSamplingOptions } from "../../generation/sampling/sampling_options.ts";
import type { TextGenerateOptions } from "../../generation/text_options.ts";
import { chooseAdapters, type ChosenAdapters, type ModelNames } from "../adapters.ts";
import { fieldError } from "../api_error.ts";
import {
  anyNumberField,
  checkFields,
  checkTokenIds,
  eitherField,
  exactField,
  type Field,
  type FieldValues,
  flagField,
  integerField,
  numberField,
  objectField,
  scalesField,
  textField,
  textsField,
  tokensField,
} from "../fields.ts";
import * as limits from "../limits.ts";
import { steeringBy, type SteeringVector } from "../steering.ts";
import { constraintFields, constraintOf, type NamedConstraint } from "./constraint_fields.ts";
import { otherFields, otherStreamOptions } from "./other_fields.ts";
import { checkLength, encodePrompts, promptField, type PromptReader } from "./prompts.ts";

/** What is to be written. */
export interface CompletionRequest {
  /** The tokens of each prompt, at least one. */
  readonly prompts: readonly (readonly number[])[];
  /** For each prompt, which random numbers its first continuation gets: others than those of an equal prompt before it. */
  readonly firstStreams: readonly number[];
  /** How many continuations of each prompt the answer has, and how many are written to choose them from. */
  readonly numChoices: number;
  readonly bestOf: number;
  readonly maxTokens: number;
  /** Whether the prompt comes first in each text. */
  readonly echo: boolean;
  /** How many of the likeliest tokens to name beside each, if log-probabilities are wanted at all. */
  readonly numTop: number | undefined;
  /** Whether the ids of tokens are told, beside their texts. */
  readonly withTokenIds: boolean;
  readonly isStreamed: boolean;
  readonly includesUsage: boolean;
  readonly seed: number;
  /** What is added to the model's weights, if the request says so. */
  readonly adapters: ChosenAdapters | undefined;
  /** The name by which the model was asked for. */
  readonly modelName: string;
  /** What the text has to be, if anything. */
  readonly constraint?: NamedConstraint;
  /** Everything else, and the constraint, as `Text.generate()` takes them. */
  readonly options: TextGenerateOptions;
}

/** What a request is checked against. */
export interface RequestContext extends ModelNames, PromptReader {
  /** The most continuations of a prompt. */
  readonly maxTexts: number;
  /** Vectors that may be asked for, by name. */
  readonly steering: ReadonlyMap<string, SteeringVector>;
}

function completionFields(
  { maxTexts, steering, adapters, model: { config, tokenizer } }: RequestContext,
) {
  const { MAX_STOPS, MAX_STOP_CHARACTERS } = limits;
  const { beginOfTextId } = tokenizer!;
  const oneStop: Field<string> = {
    meaning: `a text of 1 to ${MAX_STOP_CHARACTERS} characters`,
    is: (value): value is string =>
      typeof value === "string" && value.length > 0 && value.length <= MAX_STOP_CHARACTERS,
  };
  const noStops: Field<readonly string[]> = {
    meaning: "an empty array",
    is: (value): value is readonly string[] => Array.isArray(value) && value.length === 0,
  };
  return {
    model: textField,
    prompt: promptField,
    suffix: textField,
    max_tokens: integerField(0, Number.MAX_SAFE_INTEGER),
    temperature: anyNumberField,
    top_p: anyNumberField,
    n: integerField(1, maxTexts),
    best_of: integerField(1, maxTexts),
    stream: flagField,
    stream_options: objectField,
    logprobs: integerField(0, limits.MAX_LOG_PROBABILITIES),
    echo: flagField,
    stop: eitherField(eitherField(oneStop, textsField(MAX_STOPS, MAX_STOP_CHARACTERS)), noStops),
    presence_penalty: numberField(-2, 2),
    frequency_penalty: numberField(-2, 2),
    logit_bias: objectField,
    seed: integerField(Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER),
    user: textField,
    // Beyond OpenAI's.
    top_k: anyNumberField,
    min_p: anyNumberField,
    typical_p: anyNumberField,
    // By a smaller one logits become infinite.
    repetition_penalty: numberField(0.01, 100),
    no_repeat_ngram_size: anyNumberField,
    min_tokens: integerField(0, config.contextLength),
    ignore_eos: flagField,
    ...constraintFields,
    bad_words: textsField(limits.MAX_BAD_WORDS, MAX_STOP_CHARACTERS),
    allowed_token_ids: tokensField,
    ...otherFields,
    // Prompts have the token that begins texts, if the tokenizer has one: no GPT-2's own has.
    add_special_tokens: beginOfTextId === undefined ? flagField : exactField(true),
    return_token_ids: flagField,
    ...steering.size > 0 && { steer: objectField },
    ...adapters.size > 0 && { adapters: scalesField },
  };
}

type CompletionFields = FieldValues<ReturnType<typeof completionFields>>;

/**
 * Reads the body of a request.
 *
 * @throws {ApiError} if something is wrong with it
 * @throws {RangeError} or `TypeError`: likewise, in the words of the library
 */
export async function readCompletionRequest(
  body: unknown,
  context: RequestContext,
): Promise<CompletionRequest> {
  const fields = checkFields(body, completionFields(context));
  const { adapters: scales } = fields as { adapters?: Readonly<Record<string, unknown>> };
  const adapters = chooseAdapters(context, fields.model, scales);
  if (fields.suffix !== undefined && fields.suffix !== "") {
    throw fieldError(
      "suffix",
      "suffix is not supported: GPT-2 writes on from a prompt, and cannot fill in what is before something.",
      "unsupported",
    );
  }
  const { n = 1, best_of: bestOf = n, echo = false, max_tokens: maxTokens = 16 } = fields;
  const isStreamed = fields.stream ?? false;
  if (bestOf < n) {
    throw fieldError("best_of", `best_of must be at least n, ${n}: received ${bestOf}.`);
  }
  if (isStreamed && bestOf > n) {
    throw fieldError("best_of", "best_of cannot be streamed: what is best shows only at the end.");
  }
  const { includesUsage } = streamOptions(fields.stream_options, isStreamed);
  const { steer } = fields as { steer?: Readonly<Record<string, unknown>> };
  if (steer !== undefined && echo && fields.logprobs !== undefined) {
    throw fieldError(
      "steer",
      "steer has no log-probabilities of an echoed prompt. Leave out echo.",
    );
  }
  const sampling = generateOptions(fields, context.model.config.vocabSize);
  const constraint = constraintOf(fields);
  const options = {
    ...sampling,
    ...constraint !== undefined && { [constraint.option]: constraint.value },
    ...steer !== undefined && { intervene: await steeringBy(context.steering, steer) },
  };
  const prompts = await encodePrompts(fields.prompt ?? "", context);
  for (const tokens of prompts) checkLength(tokens, maxTokens, context.model.config.contextLength);
  return {
    prompts,
    firstStreams: firstStreams(prompts, bestOf),
    numChoices: n,
    bestOf,
    maxTokens,
    echo,
    numTop: fields.logprobs,
    withTokenIds: fields.return_token_ids ?? false,
    isStreamed,
    includesUsage,
    // A negative one is another number all the same.
    seed: fields.seed === undefined ? randomSeed() : Math.abs(fields.seed),
    adapters,
    modelName: fields.model ?? context.modelName,
    constraint,
    options,
  };
}

function streamOptions(
  value: Readonly<Record<string, unknown>> | undefined,
  isStreamed: boolean,
): { includesUsage: boolean } {
  if (value === undefined) return { includesUsage: false };
  if (!isStreamed) {
    throw fieldError("stream_options", "stream_options is only for stream: true.");
  }
  const fields = checkFields(
    value,
    { include_usage: flagField, ...otherStreamOptions },
    "stream_options",
  );
  return { includesUsage: fields.include_usage ?? false };
}

function generateOptions(fields: CompletionFields, vocabSize: number): TextGenerateOptions {
  const sampling = withoutUndefined({
    temperature: fields.temperature,
    topP: fields.top_p,
    // vLLM's -1 is all tokens, as 0 is.
    topK: fields.top_k === -1 ? 0 : fields.top_k ?? 0,
    minP: fields.min_p,
    typicalP: fields.typical_p,
    repetitionPenalty: fields.repetition_penalty,
    noRepeatNgramSize: fields.no_repeat_ngram_size,
    presencePenalty: fields.presence_penalty,
    frequencyPenalty: fields.frequency_penalty,
    logitBias: readBiases(fields.logit_bias),
  });
  validateSamplingOptions(sampling, vocabSize);
  return withoutUndefined({
    ...sampling,
    stop: fields.stop,
    badWords: fields.bad_words?.flatMap(withAndWithoutSpace),
    suppressTokens: othersThan(fields.allowed_token_ids, vocabSize),
    minNewTokens: fields.min_tokens,
    ignoreEndOfText: fields.ignore_eos,
    topLogProbabilities: fields.logprobs,
  });
}

function readBiases(
  biases: Readonly<Record<string, unknown>> | undefined,
): Record<number, number> | undefined {
  if (biases === undefined) return undefined;
  const entries = Object.entries(biases);
  const mustBe =
    `logit_bias must be an object of at most ${limits.MAX_BIASES} token ids, each with a number from -100 to 100`;
  if (entries.length > limits.MAX_BIASES) {
    throw fieldError("logit_bias", `${mustBe}: received ${entries.length}.`);
  }
  const wrong = Object.keys(biases).find((key) => !/^(0|[1-9]\d*)$/.test(key));
  if (wrong !== undefined) {
    throw fieldError(
      "logit_bias",
      `logit_bias must name tokens by their ids: received ${
        quote(wrong)
      }. POST /tokenize tells them.`,
    );
  }
  const isRight = ([, bias]: [string, unknown]) =>
    typeof bias === "number" && bias >= -100 && bias <= 100;
  if (!entries.every(isRight)) throw fieldError("logit_bias", `${mustBe}.`);
  return biases as Record<number, number>;
}

/** At the beginning of a text and within it, as vLLM bans them. */
function withAndWithoutSpace(word: string): string[] {
  const start = word.trimStart();
  return start === "" ? [word] : [start, ` ${start}`];
}

/** All tokens but these. */
function othersThan(
  allowed: readonly number[] | undefined,
  vocabSize: number,
): number[] | undefined {
  if (allowed === undefined) return undefined;
  if (allowed.length === 0) {
    throw fieldError("allowed_token_ids", "allowed_token_ids must have at least one token id.");
  }
  checkTokenIds("allowed_token_ids", allowed, vocabSize);
  const known = new Set(allowed);
  return Array.from({ length: vocabSize }, (_, id) => id).filter((id) => !known.has(id));
}

function randomSeed(): number {
  return crypto.getRandomValues(new Uint32Array(1))[0];
}

function withoutUndefined<T extends object>(options: T): T {
  return Object.fromEntries(
    Object.entries(options).filter(([, value]) => value !== undefined),
  ) as T;
}
