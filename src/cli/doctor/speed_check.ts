/**
 * How fast a small model runs here.
 *
 * @module
 */
import { GPT2 } from "../../gpt2.ts";
import { GPT2Config } from "../../model/config.ts";

/** What the check gave. */
export interface SpeedCheck {
  readonly tokensPerSecond: number;
  /** Of the model, which is random. */
  readonly numParameters: number;
}

const DURATION_MS = 1000;
const PROMPT = [1];

/**
 * Lets a random model write for a second. It needs no file, so it runs everywhere; its weights are F32.
 *
 * @throws {DOMException} `AbortError` (or the signal's own reason)
 */
export async function checkSpeed(signal: AbortSignal): Promise<SpeedCheck> {
  const config = new GPT2Config({
    vocabSize: 5000,
    contextLength: 256,
    embeddingDim: 256,
    numHeads: 8,
    numLayers: 6,
  });
  using model = new GPT2(config, { seed: 1 });
  let numTokens = 0;
  let start = 0;
  const options = {
    temperature: 0,
    maxNewTokens: Number.MAX_SAFE_INTEGER,
    overflow: "crop",
    signal,
  } as const;
  for await (const _token of model.generate(PROMPT, options)) {
    // The first token is not counted: before it the prompt is read, and the graph built.
    if (start === 0) start = performance.now();
    else numTokens++;
    if (performance.now() - start >= DURATION_MS) break;
  }
  const seconds = (performance.now() - start) / 1000;
  return { tokensPerSecond: numTokens / seconds, numParameters: model.numParameters() };
}
