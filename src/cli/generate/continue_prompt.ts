/**
 * Continues one prompt: for people as it comes, for programs at the end.
 *
 * @module
 */
import type { GenerateOptions } from "../../generation/generate_options.ts";
import type { GPT2 } from "../../gpt2.ts";
import type { TokenIds } from "../../tokenizer/token_ids.ts";
import type { Io } from "../terminal/io.ts";
import { GeneratedSequences } from "./generated_sequence.ts";
import { ReadingBar } from "./reading_bar.ts";
import { SequencePrinter } from "./sequence_printer.ts";
import type { Stopwatch } from "./stopwatch.ts";

/** What to continue, and how. */
export interface Continuation {
  readonly model: GPT2;
  readonly options: GenerateOptions & { readonly numReturnSequences: number };
  /** Notes when tokens come. */
  readonly stopwatch: Stopwatch;
  readonly io: Io;
  /** Whether to write nothing but the text. */
  readonly isQuiet: boolean;
}

/**
 * Continues a prompt.
 *
 * @param echo is written, if anything is, before each text
 * @param isStreamed whether to write the texts as they come
 */
export async function continuePrompt(
  prompt: TokenIds,
  { model, options, stopwatch, io, isQuiet }: Continuation,
  { echo, isStreamed, withTokens }: { echo: string; isStreamed: boolean; withTokens: boolean },
): Promise<GeneratedSequences> {
  await using reading = new ReadingBar(io.stderr);
  const onProgress: GenerateOptions["onProgress"] = isQuiet
    ? undefined
    : (progress) => reading.show(progress);
  const numSequences = options.numReturnSequences;
  const tokens = model.generate(prompt, { ...options, onProgress, signal: io.signal });
  // Made only when the first token is there: until then it may turn out that so many texts have no room.
  let result: GeneratedSequences | undefined;
  let printer: SequencePrinter | undefined;
  const start = async () => {
    await reading.end();
    result = new GeneratedSequences({ numSequences, withTokens });
    if (isStreamed) printer = new SequencePrinter(io.stdout, { prompt: echo, numSequences });
    return result;
  };
  for await (const token of tokens) {
    stopwatch.countToken();
    (result ?? await start()).add(token);
    await printer?.add(token.sequence, token.text, token.finishReason !== undefined);
  }
  result ??= await start();
  await printer?.end();
  return result;
}
