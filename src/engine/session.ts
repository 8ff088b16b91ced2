/**
 * Texts that grow: each call adds tokens and gives the logits of what comes next.
 *
 * @module
 */
import { InvalidArgumentError } from "../base/errors.ts";
import { Graph } from "../tensor/graph.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Model } from "../model/model.ts";
import { checkTokens } from "../model/token_ids.ts";
import { CachedPass, type NewTokens } from "./cached_pass.ts";
import { CACHE_STEP, cacheBytes, KeyValueCache } from "./key_value_cache.ts";
import { LargestLogits } from "./largest_logits.ts";

/** How far reading is, in tokens of all texts together. */
export interface ReadProgress {
  /** Those that are read. */
  readonly numReadTokens: number;
  /** Those to read. */
  readonly numTokens: number;
}

/** Options of {@linkcode Session}. */
export interface SessionOptions {
  /** Number of texts that grow side by side. Default: 1. */
  batch?: number;
  /** The most tokens a text can have. Default: the model's context length. */
  capacity?: number;
  /**
   * How many of the largest logits are needed. The others may come as -Infinity then, which saves reading them back from a
   * device. Default: all.
   */
  numLogits?: number;
}

/** Long texts are read in parts of this many tokens, so that an abort signal is seen between them. */
const PREFILL_TOKENS = 512;

/** Computations that are expected to take longer run on another thread, and leave the event loop free. */
const BLOCKING_LIMIT_MS = 30;

/** Finding more than this on a device takes longer than reading all. */
const MAX_CHOSEN_LOGITS = 512;

/** The graph of one kind of pass, and how long its last run took. */
interface BuiltPass {
  readonly seqK: number;
  readonly graph: Graph;
  readonly pass: CachedPass;
  readonly logits: Tensor;
  readonly largest: LargestLogits | undefined;
  elapsedMs: number;
}

/**
 * A batch of texts with their key-value cache.
 *
 * The decode graph is built once for every 64 positions and run for each token.
 */
export class Session implements Disposable {
  /** Number of texts. */
  readonly batch: number;
  /** The most tokens a text can have. */
  readonly capacity: number;
  /** How many tokens each text has. */
  readonly lengths: Int32Array<ArrayBuffer>;
  readonly #model: Model;
  readonly #numLogits: number;
  readonly #cache: KeyValueCache;
  /** (batch vocab) */
  readonly #logits: Float32Array<ArrayBuffer>;
  #decode: BuiltPass | undefined;
  #isAppending = false;
  #disposed = false;

  /**
   * @param model must outlive the session
   * @param options see {@linkcode SessionOptions}
   * @throws {RangeError} if `capacity` is more than the model's context length
   */
  constructor(model: Model, options: SessionOptions = {}) {
    const { batch = 1, capacity = model.config.contextLength, numLogits = Infinity } = options;
    if (!Number.isInteger(batch) || batch < 1) {
      throw new InvalidArgumentError(
        `Cannot start a session: batch must be positive: received ${batch}`,
      );
    }
    if (!Number.isInteger(capacity) || capacity < 1 || capacity > model.config.contextLength) {
      throw new InvalidArgumentError(
        `Cannot start a session: capacity must be from 1 to ${model.config.contextLength}: ` +
          `received ${capacity}`,
      );
    }
    model.checkUsable();
    this.batch = batch;
    this.capacity = capacity;
    this.lengths = new Int32Array(batch);
    this.#model = model;
    this.#numLogits = numLogits;
    this.#cache = new KeyValueCache(model, batch, capacity);
    this.#logits = new Float32Array(batch * model.config.vocabSize);
  }

  /**
   * Adds tokens to each text.
   *
   * @param added tokens for each text; a text may get none
   * @param signal stops the computation; the texts are then as long as before
   * @param onProgress is called before each part of what is read, and at the end; not for a single token of each text
   * @returns (batch vocab) logits after the last token of each text, in an array that the next call overwrites; the row
   * of a text that got no token keeps its values
   * @throws {RangeError} if a text would become longer than `capacity`, or a token is not in the vocabulary
   * @throws {TypeError} if the session or its model has been disposed of, perhaps before all tokens were read
   * @throws {DOMException} `AbortError` (or the signal's own reason)
   */
  append(
    added: readonly ArrayLike<number>[],
    signal?: AbortSignal,
    onProgress?: (progress: ReadProgress) => void,
  ): Promise<Float32Array<ArrayBuffer>> {
    this.#check(added);
    return this.#model.run(async () => {
      this.#isAppending = true;
      try {
        await this.#read(added, signal, onProgress);
      } finally {
        this.#isAppending = false;
        if (this.#disposed) this.#free();
      }
      return this.#logits;
    });
  }

  async #read(
    added: readonly ArrayLike<number>[],
    signal?: AbortSignal,
    onProgress?: (progress: ReadProgress) => void,
  ): Promise<void> {
    const starts = this.lengths.slice();
    const longest = added.reduce((most, { length }) => Math.max(most, length), 0);
    for (let offset = 0; offset < longest; offset += PREFILL_TOKENS) {
      const end = Math.min(offset + PREFILL_TOKENS, longest);
      if (longest > 1) onProgress?.(progressAt(added, offset));
      const texts = added.map((tokens, text) => ({
        start: starts[text] + Math.min(offset, tokens.length),
        tokens: Array.prototype.slice.call(tokens, offset, end) as number[],
      }));
      await this.#compute(texts, end - offset, signal);
    }
    if (longest > 1) onProgress?.(progressAt(added, longest));
    added.forEach((tokens, text) => this.lengths[text] = starts[text] + tokens.length);
  }

  /** Forgets all tokens of a text from `length` on. */
  truncate(text: number, length: number): void {
    if (!(length >= 0 && length <= this.lengths[text])) {
      throw new InvalidArgumentError(
        `Cannot truncate text ${text}: it has ${this.lengths[text]} tokens: received ${length}`,
      );
    }
    this.lengths[text] = length;
  }

  /** Frees the cache and the graphs, after the computation that is running and whose logits are still to be read. */
  [Symbol.dispose](): void {
    if (this.#disposed) return;
    this.#disposed = true;
    if (!this.#isAppending) this.#free();
  }

  #free(): void {
    this.#decode?.graph[Symbol.dispose]();
    this.#cache[Symbol.dispose]();
  }

  async #compute(texts: NewTokens[], seq: number, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    // While this waited, for its turn or for the part before.
    this.#checkUsable();
    this.#model.checkUsable();
    const end = texts.reduce((most, { start, tokens }) => Math.max(most, start + tokens.length), 0);
    const seqK = Math.ceil(end / CACHE_STEP) * CACHE_STEP;
    const { threadChoice } = this.#model;
    const numTokens = this.batch * seq;
    if (seq > 1) {
      const built = this.#build(seq, seqK);
      using _graph = built.graph;
      built.pass.write(texts);
      await this.#model.computeReading(built.graph, numTokens, signal);
      this.#readLogits(built, texts);
      return;
    }
    if (this.#decode?.seqK !== seqK) {
      const elapsedMs = this.#decode?.elapsedMs;
      // Further positions take a little longer, other texts may take anything.
      if (this.#decode === undefined) threadChoice.startOver(numTokens);
      this.#decode?.graph[Symbol.dispose]();
      this.#decode = this.#build(1, seqK, elapsedMs);
    }
    await this.#run(this.#decode, texts, { signal, threads: threadChoice.threads });
    threadChoice.record(this.#decode.elapsedMs, numTokens);
  }

  #build(seq: number, seqK: number, elapsedMs = Infinity): BuiltPass {
    const graph = new Graph(this.#model.backend, { attention: this.#model.attention });
    const pass = new CachedPass(graph, this.#cache, seq, seqK);
    const logits = this.#model.build(pass);
    const { vocabSize } = this.#model.config;
    const largest = this.#numLogits <= MAX_CHOSEN_LOGITS && this.#numLogits < vocabSize
      ? new LargestLogits(graph, logits, vocabSize, this.#numLogits)
      : undefined;
    graph.allocate();
    return { seqK, graph, pass, logits, largest, elapsedMs };
  }

  async #run(
    built: BuiltPass,
    texts: NewTokens[],
    { signal, threads }: { signal?: AbortSignal; threads?: number },
  ): Promise<void> {
    built.pass.write(texts);
    const begin = performance.now();
    const { usesNetwork } = this.#model.backend;
    if (built.elapsedMs < BLOCKING_LIMIT_MS && !usesNetwork) built.graph.compute(threads);
    else await built.graph.computeAsync(signal, threads);
    built.elapsedMs = performance.now() - begin;
    this.#readLogits(built, texts);
  }

  #readLogits({ graph, logits, largest }: BuiltPass, texts: NewTokens[]): void {
    const { vocabSize } = this.#model.config;
    const columns = logits.shape[2];
    largest?.read();
    texts.forEach(({ tokens }, text) => {
      if (tokens.length === 0) return;
      const row = this.#logits.subarray(text * vocabSize, (text + 1) * vocabSize);
      if (largest?.fill(text, row)) return;
      graph.readF32(logits, row, text * columns);
    });
  }

  #checkUsable(): void {
    if (this.#disposed) throw new TypeError("Cannot continue a session: it has been disposed of");
  }

  #check(added: readonly ArrayLike<number>[]): void {
    this.#checkUsable();
    if (added.length !== this.batch) {
      throw new TypeError(
        `Cannot continue a session: it has ${this.batch} texts: received tokens for ${added.length}`,
      );
    }
    added.forEach((tokens, text) => {
      checkTokens(tokens, this.#model.config.vocabSize);
      if (this.lengths[text] + tokens.length > this.capacity) {
        throw new InvalidArgumentError(
          `Cannot continue a text of ${this.lengths[text]} tokens by ${tokens.length}: ` +
            `it can have ${this.capacity}`,
        );
      }
    });
  }
}

/**
 * Looks whether there can be so many texts, before anything is allocated.
 *
 * @param batch number of texts
 * @param capacity the most tokens of each
 * @param advice what to do then
 * @throws {RangeError} if they would take more memory than the machine has
 */
export function requireSessionMemory(
  model: Model,
  batch: number,
  capacity: number,
  advice = "Write fewer at a time (numReturnSequences, batchSize), or shorter ones.",
): void {
  model.checkUsable();
  const neededBytes = cacheBytes(model, batch, capacity) +
    batch * model.config.vocabSize * Float32Array.BYTES_PER_ELEMENT;
  const { totalBytes } = model.backend;
  if (neededBytes <= totalBytes) return;
  const gigabytes = (bytes: number) => `${(bytes / 1e9).toPrecision(3)} GB`;
  throw new InvalidArgumentError(
    `Cannot compute ${batch} texts of up to ${capacity} tokens side by side: they take ` +
      `${gigabytes(neededBytes)} of memory: received a machine with ${
        gigabytes(totalBytes)
      }. ${advice}`,
  );
}

/** How far texts are read of which so many tokens, or all if there are fewer, have been. */
function progressAt(added: readonly ArrayLike<number>[], numEach: number): ReadProgress {
  const sum = (most: number) =>
    added.reduce((total, { length }) => total + Math.min(length, most), 0);
  return { numReadTokens: sum(numEach), numTokens: sum(Infinity) };
}
