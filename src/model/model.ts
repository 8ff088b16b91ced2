/**
 * A GPT-2 that is ready to run: sizes, weights, and the backend that holds them.
 *
 * @module
 */
import { type Backend, maxUsefulThreads } from "../tensor/backend.ts";
import { type AttentionLowering, Graph } from "../tensor/graph.ts";
import { canFuseAttention } from "../tensor/fused_attention.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { ThreadChoice } from "../tensor/thread_choice.ts";
import type { GPT2Config } from "./config.ts";
import { gpt2 } from "./gpt2.ts";
import { numParameters } from "./parameters.ts";
import { FullPass, type Pass } from "./pass.ts";
import type { Weights } from "./weights.ts";

/**
 * To read more tokens than this takes so long that the threads' waiting for each other, of which there is the same amount
 * for any number of tokens, hardly counts.
 */
const MOST_TOKENS_OF_FEWER_THREADS = 32;

/**
 * Owns a backend and the weights in its memory. Computations of one model run one after another: `run()` queues them.
 */
export class Model implements Disposable {
  /** The sizes of the model. */
  readonly config: GPT2Config;
  /** The weights. */
  readonly weights: Weights;
  /** Where the weights are and where the model is computed. */
  readonly backend: Backend;
  /** The type of remembered keys and values: F32 for F32 weights, F16 otherwise. */
  readonly cacheType: "f32" | "f16";
  /** How attention is carried out: in one kernel, unless a device does not have it. */
  readonly attention: AttentionLowering;
  /** How many threads are best for writing texts, token by token, and for reading short ones. */
  readonly threadChoice: ThreadChoice;
  #lastRun: Promise<unknown> = Promise.resolve();
  #disposed = false;

  /** Takes ownership of both `weights` and `backend`. */
  constructor(config: GPT2Config, weights: Weights, backend: Backend) {
    this.config = config;
    this.weights = weights;
    this.backend = backend;
    this.threadChoice = new ThreadChoice(backend.threads);
    const exact = weights.parameters.blocks[0].qkvProjection.weight.dtype === "f32";
    this.cacheType = exact ? "f32" : "f16";
    const canFuse = canFuseAttention(backend, config.headDim, this.cacheType);
    this.attention = canFuse ? "fused" : "explicit";
  }

  /** Builds the forward pass for `pass` and marks the logits as its output. */
  build(pass: Pass): Tensor {
    return pass.graph.output(gpt2(pass, this.weights.parameters, this.config), "logits");
  }

  /** Calls `compute` when all earlier calls have ended, and returns what it returns. */
  async run<T>(compute: () => Promise<T>): Promise<T> {
    const previous = this.#lastRun;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#lastRun = promise;
    await previous;
    try {
      this.checkUsable();
      return await compute();
    } finally {
      resolve();
    }
  }

  /**
   * The logits of every position of every text, or of its last one.
   *
   * @param tokens texts of equal length, one after another; shorter ones are padded at their end
   * @param batch number of texts
   * @param seq tokens in each
   * @param options `lengths` of the texts without padding, if only the last position of each is wanted; `signal` stops the
   * computation
   * @returns (batch seq vocab) or (batch vocab), row by row
   */
  logits(
    tokens: Int32Array<ArrayBuffer>,
    batch: number,
    seq: number,
    { lengths, signal }: { lengths?: readonly number[]; signal?: AbortSignal } = {},
  ): Promise<Float32Array<ArrayBuffer>> {
    return this.run(async () => {
      using graph = new Graph(this.backend, { attention: this.attention });
      const pass = new FullPass(graph, batch, seq, lengths);
      const logits = this.build(pass);
      graph.allocate();
      pass.write(tokens);
      await this.computeReading(graph, batch * seq, signal);
      return readLogits(graph, logits, this.config.vocabSize);
    });
  }

  /**
   * Computes a graph that reads tokens, on another thread: few of them with as many threads as were best lately, many with
   * all.
   */
  async computeReading(graph: Graph, numTokens: number, signal?: AbortSignal): Promise<void> {
    if (numTokens > MOST_TOKENS_OF_FEWER_THREADS) return await graph.computeAsync(signal);
    const begin = performance.now();
    await graph.computeAsync(signal, this.threadChoice.threads);
    this.threadChoice.record(performance.now() - begin, numTokens);
  }

  /** Throws if the model has been disposed of, or a server that holds a part of it is lost. */
  checkUsable(): void {
    if (this.#disposed) throw new TypeError("Cannot use the model: it has been disposed of");
    this.backend.checkConnected();
  }

  /** Frees weights and backend, after the computation that is running. A second call does nothing. */
  [Symbol.dispose](): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.weights[Symbol.dispose]();
    this.backend[Symbol.dispose]();
  }
}

/** Fewer weights than this are not worth a further thread. */
const PARAMETERS_PER_THREAD = 16e6;

/**
 * The number of threads that a model of this size is computed with if nobody says otherwise: all useful ones from
 * GPT-2 small on, one for a tiny model. After each operation the threads wait for each other; for a small model that
 * takes longer than the operation, and much longer when another process holds a processor.
 */
export function suitableThreads(config: GPT2Config): number {
  const worthwhile = Math.ceil(numParameters(config) / PARAMETERS_PER_THREAD);
  return Math.min(worthwhile, maxUsefulThreads());
}

/** Reads logits (..., columns) and leaves out the columns that pad the vocabulary. */
export function readLogits(
  graph: Graph,
  logits: Tensor,
  vocabSize: number,
  into?: Float32Array<ArrayBuffer>,
): Float32Array<ArrayBuffer> {
  const columns = logits.shape[logits.shape.length - 1];
  if (columns === vocabSize) return graph.readF32(logits, into);
  const rows = logits.size / columns;
  const target = into ?? new Float32Array(rows * vocabSize);
  for (let row = 0; row < rows; row++) {
    const part = target.subarray(row * vocabSize, (row + 1) * vocabSize);
    graph.readF32(logits, part, row * columns);
  }
  return target;
}
