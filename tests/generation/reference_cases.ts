/** What Hugging Face transformers writes with the model `tiny`: see `scripts/make_generation_reference.py`. */
import type { Engine } from "../../src/engine/engine.ts";
import { generate } from "../../src/generation/generate.ts";
import type { GeneratedToken } from "../../src/generation/generated_token.ts";
import type { GenerateOptions } from "../../src/generation/generate_options.ts";

/** What was asked for, and the new tokens of all sequences, prompt by prompt. */
export interface GenerationCase {
  readonly prompts: number[][];
  readonly options: GenerateOptions;
  /** The tokens that end a text. */
  readonly end?: number[];
  readonly sequences: number[][];
  /** Of beam search. */
  readonly scores?: number[];
}

/** The cases of a file. */
export function readGenerationCases(name: string): GenerationCase[] {
  return JSON.parse(
    Deno.readTextFileSync(new URL(`../fixtures/generation/${name}`, import.meta.url)),
  );
}

/** The tokens of each sequence, prompt by prompt. */
export async function generateSequences(
  engine: Engine,
  { prompts, options, end = [] }: Pick<GenerationCase, "prompts" | "options" | "end">,
): Promise<GeneratedToken[][]> {
  const { numReturnSequences = 1 } = options;
  const sequences: GeneratedToken[][] = [];
  const vocabulary = { tokenizer: undefined, endOfTextIds: end };
  for await (const token of generate(engine, vocabulary, prompts, options)) {
    (sequences[token.prompt * numReturnSequences + token.sequence] ??= []).push(token);
  }
  return sequences;
}
