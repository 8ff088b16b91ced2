/**
 * Measures how fast a model reads and writes.
 *
 * @module
 */
import { InvalidArgumentError } from "../../base/errors.ts";
import { loadCheckpoint } from "../../checkpoint/load.ts";
import type { FileType } from "../../checkpoint/file_types.ts";
import { Sampler } from "../../generation/sampling/sampler.ts";
import { canSummarizeLogits } from "../../tensor/summarize_logits.ts";
import { Engine } from "../../engine/engine.ts";
import type { LargestTokens } from "../../engine/logits_summary.ts";
import { requireMemory } from "../../engine/memory_budget.ts";
import type { DeviceName } from "../../native_library/device_name.ts";
import type { CacheType } from "../../model/compute_options.ts";
import type { Model } from "../../model/model.ts";
import type { OperationTime } from "../../tensor/profile_graph.ts";
import type { BenchModel, BenchTest } from "./bench_flags.ts";
import { peakMemoryBytes, resetPeakMemory } from "./peak_memory.ts";
import { profilePass } from "./profile_pass.ts";
import { randomTexts } from "./random_texts.ts";
import { countText } from "../terminal/units.ts";
import { mean, standardDeviation } from "./statistics.ts";

/** What one test gave. */
export interface TestResult extends BenchTest {
  /** In all texts together, in the mean. */
  readonly tokensPerSecond: number;
  /** The standard deviation of that. */
  readonly deviation: number;
  /** The tokens per second of each repetition. */
  readonly samples: readonly number[];
  /** What each kind of operation takes in one pass, if that was asked for. */
  readonly profile?: readonly OperationTime[];
}

/** What one model gave. */
export interface ModelResult {
  readonly model: string;
  /** The type that the weights were asked to be held in; `null` if they are as stored. */
  readonly type: FileType | null;
  readonly threads: number;
  /** What computed, by ggml's name: `CPU`, `CUDA0`. */
  readonly device: string;
  /** From nothing until the model was ready. */
  readonly loadMs: number;
  /** From then until the first token after a short prompt was chosen. */
  readonly firstTokenMs: number;
  /** The most memory that the process held, from loading to the end of the tests. */
  readonly peakBytes: number;
  readonly tests: readonly TestResult[];
}

/** A prompt as short as people write them. */
const SHORT_PROMPT_TOKENS = 8;

const SEED = 1;

/** How to measure. */
export interface BenchOptions {
  /** The path of the model: a download does not count as loading. */
  readonly path: string;
  /** How often each test is measured, after a run that does not count. */
  readonly repetitions: number;
  /** Whether to measure each kind of operation too. */
  readonly profile: boolean;
  /** Where to compute. */
  readonly device?: DeviceName;
  /** The type of keys and values. */
  readonly cacheType?: CacheType;
  /** Servers to compute on. */
  readonly rpc?: readonly string[];
  /** Called after each test. */
  readonly onTest: () => void;
  /** Stops the measurement. */
  readonly signal: AbortSignal;
}

/**
 * Loads a model and measures it.
 *
 * @param testsFor what to measure of a model with so many positions
 * @throws {RangeError} if a test needs more tokens than the model has positions
 * @throws {DOMException} `AbortError` (or the signal's own reason)
 */
export async function runBench(
  { model: name, type, threads }: BenchModel,
  testsFor: (contextLength: number) => readonly BenchTest[],
  options: BenchOptions,
): Promise<ModelResult> {
  const { path, repetitions, device, rpc, cacheType, signal } = options;
  resetPeakMemory();
  const begin = performance.now();
  const { model } = await loadCheckpoint(path, { type, threads, device, rpc, cacheType, signal });
  using _model = model;
  const loadMs = performance.now() - begin;
  const tests = testsFor(model.config.contextLength);
  checkTests(model, tests);
  const firstTokenMs = await measureFirstToken(model, signal);
  const results: TestResult[] = [];
  for (const test of tests) {
    results.push(await runTest(model, test, repetitions, signal));
    options.onTest();
  }
  return {
    model: name,
    type: type ?? null,
    threads: model.backend.threads,
    device: model.backend.name,
    loadMs,
    firstTokenMs,
    peakBytes: peakMemoryBytes(),
    // Last, since it needs memory of its own.
    tests: options.profile
      ? results.map((test) => ({ ...test, profile: profilePass(model, test) }))
      : results,
  };
}

function checkTests(model: Model, tests: readonly BenchTest[]): void {
  const { contextLength } = model.config;
  for (const { kind, numTokens, depth, batch } of tests) {
    if (depth + numTokens > contextLength) {
      const room = contextLength - depth;
      const flag = kind === "prefill" ? "-p" : "-n";
      throw new InvalidArgumentError(
        `Cannot measure ${
          countText(numTokens, "token")
        } after ${depth}: the model has ${contextLength} ` +
          `positions: received ${depth + numTokens} tokens. ` +
          (room > 0 ? `Give ${flag} at most ${room}.` : "Give a smaller --depth."),
      );
    }
    requireMemory(model, batch, depth + numTokens, undefined, "Choose a smaller --batch.");
  }
}

async function measureFirstToken(model: Model, signal: AbortSignal): Promise<number> {
  const { vocabSize, contextLength } = model.config;
  const [prompt] = randomTexts(1, Math.min(SHORT_PROMPT_TOKENS, contextLength), vocabSize);
  const begin = performance.now();
  using engine = new Engine(model);
  using sequence = engine.open({ reservedLength: prompt.length });
  await engine.step([{ sequence, tokens: prompt, logits: "last" }], { signal });
  new Sampler({ seed: SEED }, vocabSize).sample(sequence.logits, prompt);
  return performance.now() - begin;
}

async function runTest(
  model: Model,
  test: BenchTest,
  repetitions: number,
  signal: AbortSignal,
): Promise<TestResult> {
  const { numTokens, depth, batch } = test;
  const { vocabSize } = model.config;
  const sampler = new Sampler({ seed: SEED }, vocabSize);
  const { backend } = model;
  const isSaving = backend.usesDevices || canSummarizeLogits(backend);
  const numLargest = isSaving ? sampler.numDecisiveLogits : undefined;
  using engine = new Engine(model);
  const sequences = Array.from(
    { length: batch },
    () => engine.open({ reservedLength: depth + numTokens }),
  );
  const read: Read = async (texts) => {
    const requests = sequences.map((sequence, i) => ({
      sequence,
      tokens: texts[i],
      logits: "last" as const,
    }));
    await engine.step(requests, { signal, numLargest });
    return sequences.map(({ logits, summary }) => summary?.largest ?? logits);
  };
  if (depth > 0) await read(randomTexts(batch, depth, vocabSize));
  const texts = randomTexts(batch, numTokens, vocabSize);
  const work = test.kind === "prefill"
    ? () => read(texts)
    : () => write(read, sampler, texts.map(([first]) => first), numTokens);
  const samples: number[] = [];
  for (let repetition = -1; repetition < repetitions; repetition++) {
    for (const sequence of sequences) sequence.truncate(depth);
    const begin = performance.now();
    await work();
    const elapsedMs = performance.now() - begin;
    // The first run warms up caches, threads and the code of JavaScript.
    if (repetition >= 0) samples.push(batch * numTokens / elapsedMs * 1000);
  }
  return {
    ...test,
    tokensPerSecond: mean(samples),
    deviation: standardDeviation(samples),
    samples,
  };
}

/** Reads tokens of each text, and gives the logits after the last one of each, or the largest. */
type Read = (texts: readonly (readonly number[])[]) => Promise<(Float32Array | LargestTokens)[]>;

/** Writes tokens as `generate` does: one pass for all texts, one choice by default options for each. */
async function write(
  read: Read,
  sampler: Sampler,
  firstTokens: readonly number[],
  numTokens: number,
): Promise<void> {
  const samplers = firstTokens.map((_, text) => sampler.fork(text));
  const histories = firstTokens.map((token) => [token]);
  for (let step = 0; step < numTokens; step++) {
    const logits = await read(histories.map((history) => history.slice(-1)));
    histories.forEach((history, text) =>
      history.push(samplers[text].sample(logits[text], history))
    );
  }
}
