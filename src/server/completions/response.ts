/**
 * What was written, in the form of OpenAI's completions.
 *
 * @module
 */
import type { FinishReason } from "../../generation/generated_token.ts";
import type { GPT2 } from "../../gpt2.ts";
import { textOfTokens } from "../../tokenizer/model_tokens.ts";
import type { Exchange } from "../service.ts";
import { type LegacyLogProbabilities, LogProbabilityWriter } from "./log_probabilities.ts";
import type { CompletionRequest } from "./request.ts";
import type { CompletionEvent } from "./run.ts";
import type { CompletionUsage } from "./usage.ts";

/** One of the texts. */
export interface Choice {
  readonly text: string;
  readonly index: number;
  readonly logprobs: LegacyLogProbabilities | null;
  readonly finish_reason: "stop" | "length" | null;
  /** The ids of the written tokens, and of the prompt, which a stream has once. Only where they were asked for. */
  readonly token_ids?: readonly number[];
  readonly prompt_token_ids?: readonly number[];
}

/** What all answers to a request have in common. */
export interface CompletionHead {
  readonly id: string;
  readonly object: "text_completion";
  readonly created: number;
  readonly model: string;
}

/**
 * The beginning of the answer to a request.
 *
 * @param model its name, as it was asked for
 */
export function completionHead({ id }: Exchange, model: string): CompletionHead {
  const created = Math.floor(Date.now() / 1000);
  return { id: `cmpl-${id}`, object: "text_completion", created, model };
}

/** How many tokens there were, in OpenAI's words. */
export function usageJson(usage: CompletionUsage) {
  return {
    prompt_tokens: usage.numPromptTokens,
    completion_tokens: usage.numWrittenTokens,
    total_tokens: usage.numPromptTokens + usage.numWrittenTokens,
    prompt_tokens_details: { cached_tokens: usage.numReusedTokens },
  };
}

/** Turns events into parts of choices. */
export class ChoiceWriter {
  readonly #model: GPT2;
  readonly #request: CompletionRequest;
  readonly #logProbabilities: (LogProbabilityWriter | undefined)[] = [];
  readonly #begun = new Set<number>();

  constructor(model: GPT2, request: CompletionRequest) {
    this.#model = model;
    this.#request = request;
  }

  /** What an event adds to its choice. */
  write(event: CompletionEvent): Choice {
    const { choice: index } = event;
    if (event.kind === "prompt") {
      const text = textOfTokens(this.#model.tokenizer!, event.tokens);
      const logprobs = this.#writer(index);
      for (const score of event.scores) logprobs?.add(score);
      const finish_reason = event.isEnd ? "length" : null;
      const ids = this.#ids(index, []);
      return { text, index, logprobs: logprobs?.take() ?? null, finish_reason, ...ids };
    }
    const { token } = event;
    const logprobs = this.#writer(index);
    logprobs?.add(token);
    const finish_reason = finishReasonJson(token.finishReason);
    const ids = this.#ids(index, [token.id]);
    return { text: token.text, index, logprobs: logprobs?.take() ?? null, finish_reason, ...ids };
  }

  #ids(index: number, token_ids: readonly number[]) {
    const { withTokenIds, prompts, numChoices } = this.#request;
    if (!withTokenIds) return {};
    if (this.#begun.has(index)) return { token_ids };
    this.#begun.add(index);
    return { token_ids, prompt_token_ids: prompts[Math.floor(index / numChoices)] };
  }

  #writer(index: number): LogProbabilityWriter | undefined {
    const { numTop, withTokenIds } = this.#request;
    if (numTop === undefined) return undefined;
    return this.#logProbabilities[index] ??= new LogProbabilityWriter(
      this.#model.tokenizer!,
      numTop,
      { withTokenIds },
    );
  }
}

function finishReasonJson(reason: FinishReason | undefined): Choice["finish_reason"] {
  if (reason === undefined) return null;
  return reason === "endOfText" || reason === "stop" ? "stop" : "length";
}

/** Puts the parts of a choice together. */
export function joinChoice(parts: readonly Choice[]): Choice {
  const [{ index, token_ids, prompt_token_ids }] = parts;
  return {
    text: parts.map(({ text }) => text).join(""),
    index,
    logprobs: joined(parts.flatMap(({ logprobs }) => logprobs ?? [])),
    finish_reason: parts.at(-1)!.finish_reason,
    ...token_ids && {
      token_ids: parts.flatMap(({ token_ids }) => token_ids!),
      prompt_token_ids,
    },
  };
}

function joined(parts: readonly LegacyLogProbabilities[]): LegacyLogProbabilities | null {
  if (parts.length === 0) return null;
  return {
    tokens: parts.flatMap(({ tokens }) => tokens),
    token_logprobs: parts.flatMap(({ token_logprobs }) => token_logprobs),
    top_logprobs: parts[0].top_logprobs && parts.flatMap(({ top_logprobs }) => top_logprobs!),
    text_offset: parts.flatMap(({ text_offset }) => text_offset),
    ...parts[0].top_token_ids !== undefined && {
      top_token_ids: parts[0].top_token_ids &&
        parts.flatMap(({ top_token_ids }) => top_token_ids!),
    },
  };
}
