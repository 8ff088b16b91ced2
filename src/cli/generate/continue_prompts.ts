/**
 * Continues many prompts, for programs: a line of JSON for each, in their order.
 *
 * @module
 */
import type { TokenIds } from "../../tokenizer/token_ids.ts";
import { ProgressBar } from "../terminal/progress_bar.ts";
import { jsonText } from "../terminal/terminal_text.ts";
import { numberText } from "../terminal/units.ts";
import type { Continuation } from "./continue_prompt.ts";
import { GeneratedSequences } from "./generated_sequence.ts";

/** A prompt, as text and as tokens. */
export interface EncodedPrompt {
  readonly text: string;
  readonly tokens: TokenIds;
}

/**
 * Continues prompts, as many side by side as `options.batchSize` allows. The line of a prompt is written as soon as its
 * continuations, and those of the prompts before it, have ended.
 *
 * @param seed what the texts depend on; nothing if they are not random
 */
export async function continuePrompts(
  prompts: readonly EncodedPrompt[],
  { model, options, stopwatch, io, isQuiet }: Continuation,
  { seed, withTokens }: { seed: number | undefined; withTokens: boolean },
): Promise<void> {
  const bar = new ProgressBar(io.stderr, "Continuing prompts");
  const numSequences = options.numReturnSequences;
  const begun = new Map<number, GeneratedSequences>();
  const resultOf = (index: number) =>
    begun.get(index) ?? new GeneratedSequences({ numSequences, withTokens });
  let numWritten = 0;
  const writeNext = async () => {
    const { text: prompt } = prompts[numWritten];
    const line = jsonText({ prompt, seed, sequences: resultOf(numWritten).list });
    begun.delete(numWritten++);
    await bar.clear();
    await io.stdout.write(`${line}\n`);
  };
  const show = () => {
    if (isQuiet) return;
    const counts = `${numberText(numWritten)} of ${numberText(prompts.length)}`;
    bar.show(numWritten / prompts.length, counts);
  };
  try {
    show();
    const tokens = prompts.map(({ tokens }) => tokens);
    for await (const token of model.generate(tokens, { ...options, signal: io.signal })) {
      stopwatch.countToken();
      const result = resultOf(token.prompt);
      begun.set(token.prompt, result);
      result.add(token);
      while (begun.get(numWritten)?.areFinished) await writeNext();
      show();
    }
    while (numWritten < prompts.length) await writeNext();
  } finally {
    await bar.clear();
  }
}
