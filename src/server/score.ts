/**
 * `POST /v1/score`: how likely several continuations of a prompt are. The prompt is read once.
 *
 * @module
 */
import { doInTurns } from "../base/event_loop.ts";
import type { ContinuationScore } from "../evaluation/score_continuations.ts";
import type { GPT2 } from "../gpt2.ts";
import type { Prompt } from "../tokenizer/prompts.ts";
import { fieldError } from "./api_error.ts";
import { tokenText } from "./completions/log_probabilities.ts";
import { encodePrompt } from "./completions/prompts.ts";
import { checkModelName } from "./completions/request.ts";
import {
  checkFields,
  eitherField,
  type Field,
  integerField,
  textField,
  tokensField,
} from "./fields.ts";
import { MAX_LOG_PROBABILITIES, MAX_PROMPTS } from "./limits.ts";
import { readJsonBody } from "./read_body.ts";
import type { Exchange } from "./service.ts";

const oneText = eitherField(textField, tokensField);

const continuationsField: Field<readonly (string | number[])[]> = {
  meaning: `an array of 1 to ${MAX_PROMPTS} texts or arrays of token ids`,
  is: (value): value is readonly (string | number[])[] =>
    Array.isArray(value) && value.length >= 1 && value.length <= MAX_PROMPTS &&
    value.every(oneText.is),
};

/** Scores continuations. */
export async function score(exchange: Exchange): Promise<Response> {
  const { request, service: { model, modelName, admission, maxTexts }, signal, id } = exchange;
  admission.checkRoom();
  const fields = checkFields(await readJsonBody(request), {
    model: textField,
    prompt: oneText,
    continuations: continuationsField,
    logprobs: integerField(0, MAX_LOG_PROBABILITIES),
  });
  checkModelName(fields.model, modelName);
  const { prompt = "", continuations, logprobs: numTop } = fields;
  if (continuations === undefined) {
    throw fieldError("continuations", "continuations is missing.");
  }
  const checks = [prompt, ...continuations].values().map((text) => checkText(text, model));
  await doInTurns(checks, signal);
  // Not all places at once, for which everybody else would have to wait.
  const numTexts = Math.min(continuations.length, Math.ceil(maxTexts / 4));
  using _places = await admission.acquire(numTexts, { isFirst: true, signal });
  const options = { topLogProbabilities: numTop, signal };
  const scores = await model.scoreContinuations(prompt, continuations, options);
  return Response.json({
    id: `score-${id}`,
    object: "list",
    model: modelName,
    data: scores.map((score, index) => scoreJson(score, index, model, numTop)),
  });
}

/** What cannot fit into the context is refused before anything is done with it. */
function checkText(text: Prompt, model: GPT2): void {
  if (text.length > 0) encodePrompt(text as string | number[], model);
}

function scoreJson(
  { tokens, ...score }: ContinuationScore,
  index: number,
  { tokenizer }: GPT2,
  numTop = 0,
) {
  const text = (id: number) => tokenText(tokenizer!, id);
  return {
    index,
    object: "score",
    logprob: score.logProbability,
    logprob_per_token: score.logProbabilityPerToken,
    logprob_per_byte: score.logProbabilityPerByte,
    is_greedy: score.isGreedy,
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
