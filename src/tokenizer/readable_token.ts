/**
 * Tokens as a reader wants to see them.
 *
 * @module
 */
import { textOfTokens } from "./model_tokens.ts";
import type { Tokenizer } from "./tokenizer.ts";

/** A token, and what it says. */
export interface ReadableToken {
  /** The token. */
  readonly id: number;
  /** Its text; U+FFFD stands for a part of a character. Empty without a tokenizer. */
  readonly text: string;
  /** Its bytes in hexadecimal, where its text has such parts: then the text does not tell which token it is. */
  readonly hex?: string;
}

/** A token with its text. */
export function readableToken(
  { tokenizer }: { readonly tokenizer: Tokenizer | undefined },
  id: number,
): ReadableToken {
  const text = tokenizer === undefined ? "" : textOfTokens(tokenizer, [id]);
  return text.includes("\ufffd")
    ? { id, text, hex: tokenizer!.tokenBytes(id).toHex() }
    : { id, text };
}

/** What a reader sees of a token: its text, or its bytes, such as `<e697>`, or its number if there is no tokenizer. */
export function shownToken({ id, text, hex }: ReadableToken): string {
  return hex !== undefined ? `<${hex}>` : text === "" ? `#${id}` : text;
}
