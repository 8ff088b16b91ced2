/**
 * What a request is to continue.
 *
 * @module
 */
import { Turns } from "../../base/event_loop.ts";
import type { GPT2 } from "../../gpt2.ts";
import type { EncodeOptions } from "../../tokenizer/tokenizer.ts";
import { type ApiError, fieldError } from "../api_error.ts";
import { checkTokenIds, type Field } from "../fields.ts";
import * as limits from "../limits.ts";

/** What the field may be. */
export type PromptField =
  | string
  | readonly string[]
  | readonly number[]
  | readonly (readonly number[])[];

/** What reads prompts. */
export interface PromptReader extends EncodeOptions {
  readonly model: GPT2;
}

/** A prompt, or several. */
export const promptField: Field<PromptField> = {
  meaning: `a text, an array of token ids, or an array of 1 to ${limits.MAX_PROMPTS} of either`,
  is: (value): value is PromptField => {
    if (typeof value === "string") return true;
    if (!Array.isArray(value) || value.length === 0) return false;
    if (areNumbers(value)) return true;
    return value.length <= limits.MAX_PROMPTS &&
      (value.every((each) => typeof each === "string") ||
        value.every((each) => Array.isArray(each) && each.length > 0 && areNumbers(each)));
  },
};

function areNumbers(values: readonly unknown[]): boolean {
  return values.every((each) => typeof each === "number");
}

/** The tokens of prompts. Others have their turn between two of them: there may be many. */
export async function encodePrompts(
  prompt: PromptField,
  reader: PromptReader,
): Promise<number[][]> {
  const several = typeof prompt === "string" || (prompt.length > 0 && typeof prompt[0] === "number")
    ? [prompt as string | number[]]
    : prompt as string[] | number[][];
  const prompts: number[][] = [];
  const turns = new Turns();
  for (const each of several) {
    prompts.push(encodePrompt(each, reader));
    await turns.take();
  }
  return prompts;
}

/**
 * The tokens of a prompt.
 *
 * @param field that it is
 * @throws {ApiError} 400 if it cannot fit into the context, or there is no such token
 */
export function encodePrompt(
  prompt: string | readonly number[],
  { model, allowSpecial }: PromptReader,
  field = "prompt",
): number[] {
  const { contextLength, vocabSize } = model.config;
  const room = `${contextLength} tokens`;
  if (typeof prompt === "string") {
    const most = contextLength * limits.MAX_TOKEN_CHARACTERS;
    if (prompt.length > most) {
      throw contextError(
        field,
        `${prompt.length} characters`,
        `${room}, which have at most ${most} characters`,
      );
    }
    return model.tokenizer!.encodePrompt(prompt, { allowSpecial });
  }
  if (prompt.length > contextLength) {
    throw contextError(field, `${prompt.length} tokens`, room);
  }
  checkTokenIds(field, prompt, vocabSize);
  return [...prompt];
}

/**
 * Looks whether there is room for what is to be written.
 *
 * @throws {ApiError} 400 if there is not
 */
export function checkLength(
  tokens: readonly number[],
  maxTokens: number,
  contextLength: number,
): void {
  const most = maxTokens === 0 ? contextLength : contextLength - 1;
  if (tokens.length <= most) return;
  const rule = maxTokens === 0 ? "" : ", of which at least one is to be written";
  throw contextError("prompt", `${tokens.length} tokens`, `${contextLength} tokens${rule}`);
}

function contextError(field: string, received: string, room: string): ApiError {
  return fieldError(
    field,
    `The model has room for ${room}: received a ${
      field === "prompt" ? field : "text"
    } of ${received}. Shorten it.`,
    "context_length_exceeded",
  );
}
