/**
 * The graphs that compute steps, kept as long as they may serve again.
 *
 * @module
 */
import type { AppliedAdapters } from "../model/applied_adapters.ts";
import type { Model } from "../model/model.ts";
import { processorMs } from "../ffi/system_library.ts";
import { allocateIn, Graph } from "../tensor/graph.ts";
import { WorkingMemory } from "../tensor/graph_allocator.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Hooks } from "./hooked_text.ts";
import type { KeyValueCache } from "./key_value_cache.ts";
import { LargestLogits } from "./largest_logits.ts";
import type { LogitsSummary } from "./logits_summary.ts";
import type { PlannedPass } from "./plan_passes.ts";
import { type Span, StepPass, type StepShape, targetsOf } from "./step_pass.ts";
import { TargetScores, type TokenScore } from "./target_scores.ts";

/** Computations that are expected to take longer run on another thread, and leave the event loop free. */
const BLOCKING_LIMIT_MS = 30;

/**
 * To read more tokens than this takes so long that the threads' waiting for each other, of which there is the same amount
 * for any number of tokens, hardly counts.
 */
const MOST_TOKENS_OF_FEWER_THREADS = 32;

/** So many positions further, a text takes about as long. In between, several tokens at once may have been read. */
const FEW_POSITIONS = 64;

/** Graphs of few tokens are kept: the next step of the same texts needs the same one. */
const MOST_TOKENS_OF_KEPT_GRAPHS = 64;
const NUM_KEPT_GRAPHS = 4;

/** How a pass is computed. */
export interface ComputeOptions {
  /** Stops the computation. */
  readonly signal?: AbortSignal;
  /** How many of the largest logits are needed, 0 for all, to be told what is known of them; see `StepOptions`. */
  readonly numLargest?: number;
  /** With how many of the likeliest tokens targets are scored, if some are. */
  readonly numTop?: number;
}

/** What a graph depends on. */
interface GraphNeeds {
  readonly cache: KeyValueCache;
  readonly shape: StepShape;
  readonly numLargest: number | undefined;
  readonly numTop: number | undefined;
  readonly adapters: AppliedAdapters | undefined;
  readonly hooks: Hooks | undefined;
}

/** A graph, and what is read of it. */
interface StepGraph {
  readonly graph: Graph;
  readonly pass: StepPass;
  readonly logits: Tensor | undefined;
  readonly largest: LargestLogits | undefined;
  readonly scores: TargetScores | undefined;
}

/** What a pass has computed. */
export interface StepLogits {
  /** Reads the logits of one of the positions at which they were wanted, counted through all spans. */
  read(index: number, into: Float32Array<ArrayBuffer>): void;
  /** What is known of them, if it was asked for and can be told. */
  summary(index: number): LogitsSummary | undefined;
  /** How likely the target of that position is, where the pass has targets. */
  score(index: number, numTop: number): TokenScore;
}

/** Builds graphs, and keeps those that the next steps probably need. */
export class StepGraphs implements Disposable {
  readonly #model: Model;
  /** Those used last are at the end. */
  readonly #kept = new Map<string, StepGraph>();
  /** That of graphs which are not kept: one after another needs about as much. */
  readonly #memory = new WorkingMemory();
  /** Where the texts of the last pass that wrote single tokens ended, and how long that took. */
  #lastStarts: readonly number[] = [];
  #lastElapsedMs = Infinity;

  /** @param model must outlive the graphs */
  constructor(model: Model) {
    this.#model = model;
  }

  /**
   * Computes a pass.
   *
   * @param cache the same as in all calls since the last {@linkcode StepGraphs.clear}
   * @param read is called with what was computed, which it must have read when it returns
   * @throws {NativeError} if there is not enough memory
   * @throws {TypeError} if an adapter has been disposed of
   * @throws {DOMException} `AbortError` (or the signal's own reason)
   */
  async compute<S extends Span>(
    cache: KeyValueCache,
    { spans, shape, adapters, hooks }: PlannedPass<S>,
    { signal, numLargest, numTop }: ComputeOptions,
    read: (logits: StepLogits) => void,
  ): Promise<void> {
    // It may have been disposed of since its turn had come.
    adapters?.checkUsable();
    const isKept = shape.batch * shape.seq <= MOST_TOKENS_OF_KEPT_GRAPHS;
    const built = this.#graphFor({ cache, shape, numLargest, numTop, adapters, hooks }, isKept);
    try {
      built.pass.write(spans);
      built.scores?.write(built.graph, targetsOf(spans));
      await this.#run(built, spans, shape, signal);
      built.pass.keepActivations(spans);
      built.largest?.read();
      built.scores?.read();
      read({
        read: (index, into) => readLogits(built, index, into),
        summary: (index) => built.largest?.summary(index),
        score: (index, numTop) => built.scores!.score(index, numTop),
      });
    } finally {
      if (!isKept) built.graph[Symbol.dispose]();
    }
  }

  async #run(
    built: StepGraph,
    spans: readonly Span[],
    shape: StepShape,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const { threadChoice, backend } = this.#model;
    const numTokens = shape.batch * shape.seq;
    const isDecode = numTokens === spans.length;
    if (isDecode) this.#noteTexts(spans);
    const choosesThreads = isDecode || numTokens <= MOST_TOKENS_OF_FEWER_THREADS;
    const threads = choosesThreads ? threadChoice.threads : undefined;
    const begin = performance.now();
    const beginProcessor = choosesThreads ? processorMs() : undefined;
    const isShort = isDecode && this.#lastElapsedMs < BLOCKING_LIMIT_MS;
    if (isShort && !backend.usesNetwork) built.graph.compute(threads);
    else await built.graph.computeAsync(signal, threads);
    const elapsedMs = performance.now() - begin;
    if (isDecode) this.#lastElapsedMs = elapsedMs;
    if (!choosesThreads) return;
    const share = beginProcessor === undefined
      ? undefined
      : (processorMs()! - beginProcessor) / (elapsedMs * threads!);
    threadChoice.record(elapsedMs, numTokens, share);
  }

  /** Further positions of the same texts take a little longer, other texts may take anything. */
  #noteTexts(spans: readonly Span[]): void {
    const starts = spans.map(({ start }) => start);
    const isContinued = starts.length === this.#lastStarts.length &&
      starts.every((start, i) =>
        start > this.#lastStarts[i] && start <= this.#lastStarts[i] + FEW_POSITIONS
      );
    this.#lastStarts = starts;
    if (isContinued) return;
    this.#lastElapsedMs = Infinity;
    this.#model.threadChoice.startOver(spans.length);
  }

  #graphFor(needs: GraphNeeds, isKept: boolean): StepGraph {
    const key = JSON.stringify([
      needs.shape,
      needs.numLargest,
      needs.numTop,
      needs.hooks?.id,
      needs.adapters?.id,
    ]);
    const known = this.#kept.get(key);
    this.#kept.delete(key);
    const built = known ?? this.#build(needs, isKept);
    if (!isKept) return built;
    this.#kept.set(key, built);
    if (this.#kept.size > NUM_KEPT_GRAPHS) {
      const [[oldestKey, { graph }]] = this.#kept;
      this.#kept.delete(oldestKey);
      graph[Symbol.dispose]();
    }
    return built;
  }

  #build(
    { cache, shape, numLargest, numTop, adapters, hooks }: GraphNeeds,
    isKept: boolean,
  ): StepGraph {
    const model = this.#model;
    const { vocabSize } = model.config;
    using resources = new DisposableStack();
    const graph = resources.use(new Graph(model.backend, { attention: model.attention }));
    const pass = new StepPass(graph, cache, shape, hooks);
    const logits = model.build(pass, adapters?.updates);
    const isWanted = shape.numLogits > 0;
    if (isWanted) graph.output(logits, "logits");
    const largest = isWanted && numLargest !== undefined
      ? LargestLogits.create(graph, logits, vocabSize, numLargest)
      : undefined;
    const scores = isWanted && numTop !== undefined
      ? new TargetScores(graph, logits, vocabSize, numTop)
      : undefined;
    if (isKept) graph.allocate();
    else allocateIn(graph, this.#memory);
    resources.move();
    return { graph, pass, logits: isWanted ? logits : undefined, largest, scores };
  }

  /** Forgets all graphs: their cache is about to go. */
  clear(): void {
    for (const { graph } of this.#kept.values()) graph[Symbol.dispose]();
    this.#kept.clear();
  }

  /** Gives memory back that only further large graphs would need. */
  rest(): void {
    this.#memory.clear();
  }

  /** Forgets all graphs. */
  [Symbol.dispose](): void {
    this.clear();
    this.#memory[Symbol.dispose]();
  }
}

function readLogits(
  { graph, logits }: StepGraph,
  index: number,
  into: Float32Array<ArrayBuffer>,
): void {
  graph.readF32(logits!, into, index * logits!.shape[2]);
}
