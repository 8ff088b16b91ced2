/**
 * What a text begins with.
 *
 * @module
 */
import { describe } from "../base/describe.ts";
import { isTokenIds, type TokenIds } from "./token_ids.ts";
import type { EncodeOptions, Tokenizer } from "./tokenizer.ts";

/** A text, or its tokens. */
export type Prompt = string | TokenIds;

/** What to do about a text that has no token. */
export function firstTokenAdvice(tokenizer: Tokenizer | undefined): string {
  if (tokenizer?.endOfTextId !== undefined) {
    return "Start from <|endoftext|>, as an empty text does.";
  }
  const reason = tokenizer === undefined
    ? ""
    : ": this tokenizer has none that an empty text could start from";
  return `Give one at least${reason}.`;
}

/** Whether a value is one prompt and not several. */
export function isPrompt(value: unknown): value is Prompt {
  return typeof value === "string" || isTokenIds(value);
}

/**
 * One prompt or several, as a list.
 *
 * @param action what cannot be done otherwise
 * @throws {TypeError} if it is neither
 */
export function listPrompts(
  prompt: Prompt | readonly Prompt[],
  action: string,
): readonly Prompt[] {
  if (isPrompt(prompt)) return [prompt];
  if (Array.isArray(prompt)) return Array.from(prompt);
  throw new TypeError(
    `Cannot ${action}: the prompt must be a text, its tokens, or an array of these: ` +
      `received ${describe(prompt)}.`,
  );
}

/** What a prompt is now: what the caller's array says later makes no difference. */
export function copyPrompt(prompt: Prompt): string | readonly number[] {
  return typeof prompt === "string" ? prompt : Array.from<number>(prompt);
}

/**
 * What the only prompt is now, copied.
 *
 * @param action what cannot be done otherwise
 * @throws {TypeError} if it is none, or several
 */
export function copyOnlyPrompt(prompt: Prompt, action: string): string | readonly number[] {
  if (isPrompt(prompt)) return copyPrompt(prompt);
  throw new TypeError(
    `Cannot ${action}: the prompt must be a text or its tokens: received ${
      describe(prompt)
    }. Give one of them.`,
  );
}

/**
 * What several prompts are now, copied. What is none is left to whoever reads it.
 *
 * @param action what cannot be done otherwise
 * @param name what they are called
 * @throws {TypeError} if it is no array
 */
export function copyPrompts(
  prompts: readonly Prompt[],
  action: string,
  name: string,
): readonly Prompt[] {
  // A text is no array of its characters here, nor tokens one of prompts.
  const isOne = isPrompt(prompts) && prompts.length > 0;
  if (Array.isArray(prompts) && !isOne) {
    return Array.from(prompts, (each) => isPrompt(each) ? copyPrompt(each) : each);
  }
  throw new TypeError(
    `Cannot ${action}: ${name} must be an array of texts or tokens: received ${
      describe(prompts)
    }.` +
      (isOne ? " Put a single one in an array." : ""),
  );
}

/**
 * The tokens of each prompt, copied; an empty text is the token that begins one.
 *
 * @param allowSpecial the special tokens to recognize in texts
 * @param action what cannot be done otherwise
 * @throws {TypeError} if one is neither a text nor tokens, or a text is given without a tokenizer
 */
export function encodePrompts(
  tokenizer: Tokenizer | undefined,
  prompts: readonly Prompt[],
  allowSpecial: EncodeOptions["allowSpecial"],
  action = "generate",
): TokenIds[] {
  // From an array without holes, which would be skipped.
  return Array.from(prompts, (prompt) => {
    if (isTokenIds(prompt)) return Array.from<number>(prompt);
    if (typeof prompt !== "string") {
      throw new TypeError(
        `Cannot ${action}: a prompt must be a text or its tokens: received ${describe(prompt)}.`,
      );
    }
    if (tokenizer === undefined) {
      throw new TypeError("Cannot read a text: the model has no tokenizer. Pass tokens instead.");
    }
    return tokenizer.encodePrompt(prompt, { allowSpecial });
  });
}
