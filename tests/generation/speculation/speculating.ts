import { assertAlmostEquals, assertEquals } from "@std/assert";
import { Engine } from "../../../src/engine/engine.ts";
import { registerEngine } from "../../../src/engine/engines.ts";
import type { Sequence } from "../../../src/engine/sequence.ts";
import { generate, type Vocabulary } from "../../../src/generation/generate.ts";
import type { GenerateOptions } from "../../../src/generation/generate_options.ts";
import type { GeneratedToken } from "../../../src/generation/generated_token.ts";
import type { DraftModel } from "../../../src/generation/speculation/draft_models.ts";
import { GPT2Config } from "../../../src/model/config.ts";
import { createModel } from "../../../src/model/create_model.ts";
import type { Model } from "../../../src/model/model.ts";
import { Tokenizer } from "../../../src/tokenizer/tokenizer.ts";
import { referencePath } from "../../model/reference.ts";

/** Without kernels of our own, several columns are multiplied in another order than one. */
const SEVERAL_COLUMNS_TOLERANCE = 1e-5;

export const tokenizer = Tokenizer.fromVocabAndMerges(
  Deno.readTextFileSync(referencePath("hf_folder/vocab.json")),
  Deno.readTextFileSync(referencePath("hf_folder/merges.txt")),
);
export const vocabulary = { tokenizer, endOfTextIds: [tokenizer.endOfTextId!] };

/** A small model. Its logits differ little: at a temperature of 0.05 it has preferences, and repeats itself. */
export function createSmallModel(seed: number): Model {
  const config = new GPT2Config({
    vocabSize: tokenizer.vocabSize,
    contextLength: 64,
    embeddingDim: 32,
    numHeads: 2,
    numLayers: 2,
  });
  return createModel(config, { seed, threads: 1 });
}

/** Passes for a model of few weights, so that it pays to have it draft. */
export function asDraft(engine: Engine, means: Tokenizer | undefined = tokenizer): DraftModel {
  const { vocabSize } = engine.model.config;
  const config = new GPT2Config({
    vocabSize,
    contextLength: 8,
    embeddingDim: 1,
    numHeads: 1,
    numLayers: 1,
  });
  const model = { config, tokenizer: means };
  registerEngine(model, engine);
  return model;
}

/** What a call of `generate()` gave, and what its drafts were worth. */
export interface Written {
  readonly tokens: GeneratedToken[];
  readonly numDrafted: number;
  readonly numAccepted: number;
}

export async function write(
  engine: Engine,
  prompts: number[][],
  options: GenerateOptions,
  means: Vocabulary = vocabulary,
): Promise<Written> {
  const tokens = [];
  let [numDrafted, numAccepted] = [0, 0];
  const onDraft: GenerateOptions["onDraft"] = (result) => {
    numDrafted += result.numDrafted;
    numAccepted += result.numAccepted;
  };
  for await (const token of generate(engine, means, prompts, { ...options, onDraft })) {
    tokens.push(token);
  }
  return { tokens, numDrafted, numAccepted };
}

/** Texts are told apart, since drafts change how they are interleaved. */
function byText(tokens: readonly GeneratedToken[]): GeneratedToken[] {
  return tokens.toSorted((a, b) => a.prompt - b.prompt || a.sequence - b.sequence);
}

/** Requires the same tokens, texts, endings and probabilities; to the last bit where computing allows. */
export function assertSameTexts(model: Model, actual: Written, expected: Written): void {
  const [got, wanted] = [byText(actual.tokens), byText(expected.tokens)];
  if (model.hasRaggedAttention) return assertEquals(got, wanted);
  assertEquals(got.map(withoutProbabilities), wanted.map(withoutProbabilities));
  for (const [i, token] of got.entries()) {
    for (const [j, value] of probabilitiesOf(token).entries()) {
      assertAlmostEquals(value, probabilitiesOf(wanted[i])[j], SEVERAL_COLUMNS_TOLERANCE);
    }
  }
}

function withoutProbabilities({ topLogProbabilities, ...token }: GeneratedToken) {
  return { ...token, logProbability: 0, likeliest: topLogProbabilities?.map(({ id }) => id) };
}

function probabilitiesOf({ logProbability, topLogProbabilities = [] }: GeneratedToken): number[] {
  return [logProbability, ...topLogProbabilities.map((each) => each.logProbability)];
}

/** An engine that keeps an account of what it is asked for. */
export class WatchedEngine extends Engine {
  readonly opened: Sequence[] = [];
  numSteps = 0;

  override open(options?: Parameters<Engine["open"]>[0]): Sequence {
    const sequence = super.open(options);
    this.opened.push(sequence);
    return sequence;
  }

  override step(...args: Parameters<Engine["step"]>): ReturnType<Engine["step"]> {
    this.numSteps++;
    return super.step(...args);
  }
}
