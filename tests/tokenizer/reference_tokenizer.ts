/**
 * js-tiktoken's GPT-2, which the tokenizer has to agree with.
 *
 * @module
 */

// deno-lint-ignore-file no-import-prefix -- for tests only: not a dependency of the package
import { Tiktoken } from "npm:js-tiktoken@1.0.21/lite";
import ranks from "npm:js-tiktoken@1.0.21/ranks/gpt2";

const reference = new Tiktoken(ranks);

/**
 * The tokens that js-tiktoken finds, with `<|endoftext|>` as a special token or as ordinary text.
 */
export function referenceEncode(text: string, allowSpecial: "all" | [] = []): number[] {
  return reference.encode(text, allowSpecial, []);
}
