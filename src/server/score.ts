/**
 * `POST /v1/score`: how likely prompts are, or several continuations of one, which is read once.
 *
 * @module
 */
import { doInTurns } from "../base/event_loop.ts";
import type { TokenScore } from "../engine/target_scores.ts";
import type { ContinuationScore } from "../evaluation/score_continuations.ts";
import type { GPT2 } from "../gpt2.ts";
import { numBytesOf } from "../tokenizer/model_tokens.ts";
import type { Prompt } from "../tokenizer/prompts.ts";
import { chooseAdapters, type ChosenAdapters } from "./adapters.ts";
import { fieldError } from "./api_error.ts";
import { tokenText } from "./completions/log_probabilities.ts";
import {
  checkLength,
  encodePrompt,
  encodePrompts,
  type PromptField,
  promptField,
  type PromptReader,
} from "./completions/prompts.ts";
import { usageJson } from "./completions/response.ts";
import { runCompletion } from "./completions/run.ts";
import {
  checkFields,
  checkTokenIds,
  eitherField,
  type Field,
  integerField,
  scalesField,
  textField,
  tokensField,
} from "./fields.ts";
import { MAX_LOG_PROBABILITIES, MAX_PROMPTS } from "./limits.ts";
import { jsonResponse } from "./json_response.ts";
import { readExchangeBody } from "./read_body.ts";
import type { Exchange } from "./service.ts";

const oneText = eitherField(textField, tokensField);

const continuationsField: Field<readonly (string | number[])[]> = {
  meaning: `an array of 1 to ${MAX_PROMPTS} texts or arrays of token ids`,
  is: (value): value is readonly (string | number[])[] =>
    Array.isArray(value) && value.length >= 1 && value.length <= MAX_PROMPTS &&
    value.every(oneText.is),
};

/** Scores continuations of a prompt, or without any the prompts themselves. */
export async function score(exchange: Exchange): Promise<Response> {
  const { service, id } = exchange;
  const { model, modelName, admission } = service;
  admission.checkRoom();
  const fields = checkFields(await readExchangeBody(exchange), {
    model: textField,
    prompt: eitherField(promptField, tokensField),
    continuations: continuationsField,
    logprobs: integerField(0, MAX_LOG_PROBABILITIES),
    ...service.adapters.size > 0 && { adapters: scalesField },
  });
  const { adapters: scales } = fields as { adapters?: Readonly<Record<string, unknown>> };
  const adapters = chooseAdapters(service, fields.model, scales);
  const { prompt, continuations, logprobs: numTop = 0 } = fields;
  const { data, usage } = continuations === undefined
    ? await scorePrompts(exchange, prompt, numTop, adapters)
    : await scoreContinuations(exchange, prompt, continuations, numTop, adapters);
  const elements = data.values().map((score, index) => ({
    index,
    ...scoreJson(score, model, numTop),
  }));
  return await jsonResponse(
    { id: `score-${id}`, object: "list", model: fields.model ?? modelName },
    { name: "data", elements },
    { usage: usageJson(usage) },
    exchange.signal,
  );
}

/** What is told of a text or a part of one. */
interface Scored {
  readonly tokens: readonly TokenScore[];
  /** How many tokens of what is before it were left out. */
  readonly numLeftOut: number;
}

/** A prompt is scored as a completion that echoes it and writes nothing does it: with the same bits, and what is remembered. */
async function scorePrompts(
  exchange: Exchange,
  prompt: PromptField | undefined,
  numTop: number,
  adapters: ChosenAdapters | undefined,
) {
  const { model, modelName } = exchange.service;
  if (prompt === undefined) throw fieldError("prompt", "prompt is missing.");
  if (!promptField.is(prompt)) {
    throw fieldError("prompt", `prompt must be ${promptField.meaning}: received no token.`);
  }
  const prompts = await encodePrompts(prompt, exchange.service);
  for (const tokens of prompts) checkLength(tokens, 0, model.config.contextLength);
  const data: Scored[] = [];
  const usage = await runCompletion(exchange, {
    prompts,
    firstStreams: prompts.map(() => 0),
    numChoices: 1,
    bestOf: 1,
    maxTokens: 0,
    echo: true,
    numTop,
    withTokenIds: false,
    isStreamed: false,
    includesUsage: false,
    seed: 0,
    adapters,
    modelName,
    options: {},
  }, (event) => {
    if (event.kind === "prompt") data[event.choice] = { tokens: event.scores, numLeftOut: 0 };
  });
  return { data, usage };
}

async function scoreContinuations(
  { service, signal, usage }: Exchange,
  prompt: PromptField = "",
  continuations: readonly (string | number[])[],
  numTop: number,
  adapters: ChosenAdapters | undefined,
) {
  const { model, admission, maxTexts, metrics, allowSpecial } = service;
  if (!oneText.is(prompt)) {
    throw fieldError("prompt", `With continuations, prompt must be ${oneText.meaning}: one.`);
  }
  const empty = continuations.findIndex((each) => each.length === 0);
  if (empty >= 0) {
    throw fieldError(
      "continuations",
      `continuations must have at least one token each: received nothing as continuation ${empty}.`,
    );
  }
  // Of tokens before them only the end counts.
  const { contextLength, vocabSize } = model.config;
  if (typeof prompt !== "string") checkTokenIds("prompt", prompt, vocabSize);
  const begin = typeof prompt === "string" ? prompt : prompt.slice(-contextLength);
  const checks = [begin, ...continuations].entries()
    .map(([i, text]) => checkText(text, service, i === 0 ? "prompt" : "continuations"));
  await doInTurns(checks, signal);
  // Not all places at once, for which everybody else would have to wait.
  const numTexts = Math.min(continuations.length, Math.ceil(maxTexts / 4));
  using _places = await admission.acquire(numTexts, { isFirst: true, signal });
  const options = { topLogProbabilities: numTop, allowSpecial, adapters: adapters?.list, signal };
  const data: readonly ContinuationScore[] = await model.scoreContinuations(
    prompt,
    continuations,
    options,
  );
  // The prompt, which was read once, and each continuation.
  const numPromptTokens = data.reduce(
    (sum, { tokens }) => sum + tokens.length,
    Math.max(...data.map(({ numPromptTokens }) => numPromptTokens)),
  );
  metrics.tokens.read += numPromptTokens;
  usage.numPromptTokens += numPromptTokens;
  return { data, usage };
}

/** What cannot fit into the context is refused before anything is done with it. */
function checkText(text: Prompt, reader: PromptReader, field: string): void {
  if (text.length > 0) encodePrompt(text as string | number[], reader, field);
}

function scoreJson({ tokens, numLeftOut }: Scored, { tokenizer }: GPT2, numTop: number) {
  const text = (id: number) => tokenText(tokenizer!, id);
  // The first token of a prompt has nothing before it, and no score.
  const scored = tokens.filter(({ logProbability }) => !Number.isNaN(logProbability));
  const logprob = scored.reduce((sum, { logProbability }) => sum + logProbability, 0);
  const numBytes = numBytesOf(tokenizer, scored.map(({ id }) => id));
  return {
    object: "score",
    logprob,
    logprob_per_token: logprob / scored.length,
    logprob_per_byte: logprob / numBytes,
    is_greedy: scored.length === 0 ? null : scored.every(({ rank }) => rank === 1),
    truncated_tokens: numLeftOut,
    tokens: tokens.map(({ id }) => text(id)),
    token_ids: tokens.map(({ id }) => id),
    // What JSON has no number for, as of a token that nothing precedes, becomes null.
    token_logprobs: tokens.map(({ logProbability }) => logProbability),
    ranks: tokens.map(({ rank }) => rank),
    entropies: tokens.map(({ entropy }) => entropy),
    top_logprobs: numTop === 0
      ? null
      : tokens.map(({ topLogProbabilities = [] }) =>
        Object.fromEntries(topLogProbabilities.map((top) => [text(top.id), top.logProbability]))
      ),
  };
}
