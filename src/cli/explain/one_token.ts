/**
 * A token that is named on the command line by its text.
 *
 * @module
 */
import { quote } from "../../base/describe.ts";
import type { Tokenizer } from "../../tokenizer/tokenizer.ts";
import { UsageError } from "../arguments/usage_error.ts";

/**
 * The only token of a text.
 *
 * @param flag what names it: `--answer`
 * @throws {UsageError} if it has none, or several
 */
export function oneToken(flag: string, text: string, tokenizer: Tokenizer): number {
  const ids = tokenizer.encode(text, { allowSpecial: "all" });
  if (ids.length === 1) return ids[0];
  const pieces = ids.slice(0, 5).map((id) => quote(tokenizer.decode([id]))).join(", ");
  const spaced = tokenizer.encode(` ${text}`);
  throw new UsageError(
    `${flag} must be one token: received ${quote(text)}, which is ` +
      (ids.length === 0 ? "none" : `${ids.length}: ${pieces}`) + ". " +
      (spaced.length === 1
        ? `Did you mean ${quote(` ${text}`)}?`
        : "The command tokenize shows the tokens of a text."),
  );
}
