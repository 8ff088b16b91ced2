/**
 * Whole texts, of the pieces that are streamed.
 *
 * @module
 */
import { InvalidArgumentError } from "../base/errors.ts";
import { isPrompt, type Prompt } from "../tokenizer/prompts.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import type { GenerateOptions } from "./generate_options.ts";
import type { GeneratedToken } from "./generated_token.ts";

/**
 * What is written after a prompt, or after several.
 *
 * @param tokenizer without one there are no texts
 * @param generate begins to write
 * @returns a text for one prompt; for several an array, in which all continuations of the first prompt come first
 * @throws {TypeError} if there is no tokenizer
 * @throws {RangeError} if several texts are asked for after one prompt
 */
export async function joinTexts(
  tokenizer: Tokenizer | undefined,
  prompt: Prompt | readonly Prompt[],
  options: Readonly<GenerateOptions> | undefined,
  generate: () => AsyncIterable<GeneratedToken>,
): Promise<string | string[]> {
  if (tokenizer === undefined) {
    throw new TypeError(
      "Cannot generate a text: the model has no tokenizer. Take the tokens that generate() gives.",
    );
  }
  const isSingle = isPrompt(prompt);
  const perPrompt = options?.numReturnSequences ?? 1;
  if (isSingle && typeof perPrompt === "number" && perPrompt > 1) {
    throw new InvalidArgumentError(
      `Cannot generate a text: one prompt gets one text: received numReturnSequences ${perPrompt}. ` +
        `Pass the prompt in an array to get an array: [prompt].`,
    );
  }
  const texts: string[] = [];
  for await (const { prompt: index, sequence, text } of generate()) {
    const place = index * perPrompt + sequence;
    texts[place] = (texts[place] ?? "") + text;
  }
  if (isSingle) return texts[0] ?? "";
  return Array.from({ length: prompt.length * perPrompt }, (_, place) => texts[place] ?? "");
}
