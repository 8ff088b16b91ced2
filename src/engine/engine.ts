/**
 * One thing computes for everybody: it remembers texts, and reads the new tokens of any of them together.
 *
 * @module
 */
import { onAbort } from "../base/abort.ts";
import {
  DisposedError,
  InvalidArgumentError,
  NotEnoughMemoryError,
  OutOfMemoryError,
} from "../base/errors.ts";
import { eventLoopTurn } from "../base/event_loop.ts";
import type { CachedLayer } from "./key_value_cache.ts";
import type { AppliedAdapters } from "../model/applied_adapters.ts";
import type { Model } from "../model/model.ts";
import { checkTokens } from "../tokenizer/token_ids.ts";
import { type PlannedPass, planPasses } from "./plan_passes.ts";
import {
  type Call,
  callsOf,
  type Copying,
  keepLogits,
  mostLargest,
  newCall,
  numLeft,
  numTopOf,
  type Part,
  partOf,
  proceed,
  type Reading,
  report,
  type StepOptions,
  type StepRequest,
  type Task,
} from "./reading.ts";
import type { SummarizedLogits } from "./logits_summary.ts";
import { Sequence, type SequenceOwner } from "./sequence.ts";
import { Slots } from "./slots.ts";
import { StepGraphs } from "./step_graphs.ts";
import { numLogitsOf } from "./step_pass.ts";
import { TaskList } from "./task_list.ts";

/** The most tokens of a pass: what takes longer is read in parts, and others have their turn in between. */
const PASS_TOKENS = 512;

/** So many of them are for what has waited the longest. */
const OLDEST_TOKENS = 128;

/** What an engine takes for what it remembers. */
export interface EngineMemory {
  /** Bytes of keys and values, used or not. */
  readonly cacheBytes: number;
  /** How many sequences have room in them. */
  readonly numSlots: number;
  /** How many are there. */
  readonly numUsed: number;
}

/** Options of {@linkcode Engine.open}. */
export interface OpenOptions {
  /** The number of tokens that it will probably have: room for them is made at once. */
  readonly reservedLength?: number;
  /** What is added to the model's weights when it is read; null for nothing. Default: that of the engine. */
  readonly adapters?: AppliedAdapters | null;
}

/**
 * Remembers sequences of tokens, and computes the logits of what is added to them.
 *
 * Callers that overlap share passes: what they ask for while another pass is computed is computed together, and each gets
 * what it would get alone. Of one sequence things are done in the order in which they were asked for.
 */
export class Engine implements Disposable, SequenceOwner {
  /** What computes. */
  readonly model: Model;
  /** What is added to the model's weights when sequences are read for which nobody said. */
  adapters: AppliedAdapters | undefined;
  readonly #graphs: StepGraphs;
  readonly #slots: Slots;
  readonly #tasks = new TaskList();
  #isRunning = false;
  #hasRun = false;
  #disposed = false;

  /** @param model must outlive the engine; nothing else computes with it meanwhile */
  constructor(model: Model) {
    this.model = model;
    this.#graphs = new StepGraphs(model);
    this.#slots = new Slots(model, () => this.#graphs.clear(), () => this.#tasks.numWaiting);
  }

  /** What is remembered of all sequences, and where: in so much memory, with room for so many. */
  get memory(): EngineMemory {
    return { cacheBytes: this.#slots.cacheBytes, ...this.#slots.counts };
  }

  /**
   * A new sequence, without a token.
   *
   * @param options see {@linkcode OpenOptions}
   * @throws {TypeError} if the engine or its model has been disposed of
   */
  open({ reservedLength = 0, adapters = this.adapters }: OpenOptions = {}): Sequence {
    this.#checkUsable();
    const sequence = new Sequence(this, this.model.config.vocabSize, adapters ?? undefined);
    sequence.reservedLength = reservedLength;
    return sequence;
  }

  /** A copy of a sequence, as it is when all that was asked for is computed. */
  fork(from: Sequence): Sequence {
    from.checkUsable();
    const { reservedLength, adapters = null } = from;
    const to = this.open({ reservedLength, adapters });
    const length = this.isPending(from) ? undefined : from.length;
    if (length !== undefined) {
      to.length = length;
      to.copyLogits(from);
    }
    this.#add([{ kind: "copying", from, to, length }]);
    return to;
  }

  /**
   * Reads new tokens of any number of sequences.
   *
   * @returns the logits of each request: (vocab) for `"last"`, in an array that the sequence's next step overwrites;
   * (tokens vocab) for `"all"`; an empty array for `"none"` and `"targets"`, whose scores are in the request's `scoring`
   * @throws {RangeError} if a text would become longer than the context, a token is not in the vocabulary, or there cannot
   * be so much memory
   * @throws {TypeError} if a sequence, the engine or its model has been disposed of, perhaps before all tokens were read
   * @throws {NativeError} if there is not enough memory
   * @throws {DOMException} `AbortError` (or the signal's own reason)
   */
  async step(
    requests: readonly StepRequest[],
    options: StepOptions = {},
  ): Promise<Float32Array<ArrayBuffer>[]> {
    this.#checkUsable();
    options.signal?.throwIfAborted();
    for (const { sequence, tokens } of requests) {
      sequence.checkUsable();
      checkTokens(tokens, this.model.config.vocabSize);
    }
    const call = newCall(requests, options);
    this.#add(call.readings.filter((reading) => numLeft(reading) > 0));
    // At once, though what is computed for others as well goes on.
    using _listener = onAbort(options.signal, () => this.#fail(call, options.signal!.reason));
    return await call.promise;
  }

  /** Waits until all is computed that was asked for of a sequence. */
  async whenIdle(sequence: Sequence): Promise<void> {
    await this.#access(sequence, () => {});
  }

  /** The keys and values that are remembered of a sequence, as it is when all that was asked for is computed. */
  async remembered(sequence: Sequence): Promise<CachedLayer[]> {
    return await this.#access(sequence, () => {
      const { length, slot } = sequence;
      return length === 0 ? [] : this.#slots.cache.read({ slot: slot!, numRows: length });
    });
  }

  /**
   * A new sequence that remembers what another one did.
   *
   * @param layers what {@linkcode Engine.remembered} gave for it
   * @param length how many tokens that are
   * @param after what was computed after the last one
   * @param adapters with which its tokens were read
   * @throws {TypeError} if the model has other layers or another context
   */
  async recall(
    layers: readonly CachedLayer[],
    length: number,
    after: SummarizedLogits,
    adapters?: AppliedAdapters | null,
  ): Promise<Sequence> {
    const sequence = this.open({ reservedLength: length, adapters });
    try {
      await this.#access(sequence, async () => {
        sequence.logits.set(after.logits);
        sequence.summaries = [after.summary];
        if (length === 0) return;
        await this.#slots.reserve([{ sequence, length }]);
        this.#slots.cache.write({ slot: sequence.slot!, numRows: length }, layers);
        sequence.length = sequence.numRows = length;
      });
    } catch (error) {
      sequence[Symbol.dispose]();
      throw error;
    }
    return sequence;
  }

  /** Does something else with the model, such as computing a graph with its weights, while no pass is computed. */
  async betweenPasses<T>(action: () => T | Promise<T>): Promise<T> {
    using sequence = this.open();
    return await this.#access(sequence, action);
  }

  /**
   * Gives back what a great many sequences took that have been closed, and the others do not need, when its turn has come.
   * Where the smaller memory cannot be had, or the model is disposed of meanwhile, nothing is lost: a later step tries again.
   */
  async shrink(): Promise<void> {
    if (this.#disposed) return;
    const shrink = () => {
      this.#freeDisposed();
      return this.#slots.shrink();
    };
    try {
      await this.betweenPasses(shrink);
    } catch (error) {
      const isHarmless = [DisposedError, NotEnoughMemoryError, OutOfMemoryError]
        .some((harmless) => error instanceof harmless);
      if (!isHarmless) throw error;
    }
  }

  /** Does something with what is remembered of a sequence when its turn has come and no pass is computed. */
  async #access<T>(sequence: Sequence, action: () => T | Promise<T>): Promise<T> {
    this.#checkUsable();
    sequence.checkUsable();
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const run = async () => {
      try {
        this.#checkUsable();
        sequence.checkUsable();
        if (sequence.failure !== undefined) throw sequence.failure;
        resolve(await action());
      } catch (error) {
        reject(error);
      }
    };
    this.#add([{ kind: "access", sequence, run }]);
    return await promise;
  }

  /** Whether a sequence is still to be read, or is a fork of one that is. */
  isPending(sequence: Sequence): boolean {
    return this.#tasks.isPending(sequence);
  }

  /** Forgets the sequences that have been disposed of, as soon as nothing that is being computed needs them. */
  forgetDisposed(): void {
    // While something is computed, that is done between two passes.
    if (!this.#isRunning) this.#freeDisposed();
  }

  /** Frees the memory of all sequences, after the computation that is running. A second call does nothing. */
  [Symbol.dispose](): void {
    if (this.#disposed) return;
    this.#disposed = true;
    if (!this.#isRunning) this.#freeAll();
  }

  #freeAll(): void {
    this.#graphs[Symbol.dispose]();
    this.#slots[Symbol.dispose]();
  }

  #checkUsable(): void {
    if (this.#disposed) throw new DisposedError("use the model");
    this.model.checkUsable();
  }

  #add(tasks: readonly Task[]): void {
    for (const task of tasks) this.#tasks.add(task);
    if (!this.#isRunning) void this.#run();
  }

  /** Works until nothing is left to do. It throws nothing: errors belong to calls. */
  async #run(): Promise<void> {
    this.#isRunning = true;
    while (this.#tasks.size > 0) {
      // Others have their turn, and may join what is computed next. Only the very first token of a program does not wait.
      if (this.#hasRun) await eventLoopTurn();
      this.#hasRun = true;
      await this.#doTasks();
    }
    this.#isRunning = false;
    this.#graphs.rest();
    if (this.#disposed) this.#freeAll();
    else this.#freeDisposed();
  }

  async #doTasks(): Promise<void> {
    this.#freeDisposed();
    this.#refuseTasks();
    let ready = this.#tasks.ready;
    // First all that reads nothing: what is forked or recalled is then read together with the others.
    while (ready.some(({ kind }) => kind !== "reading")) {
      for (const task of ready) {
        if (task.kind === "copying") await this.#copy(task);
        if (task.kind !== "access") continue;
        this.#tasks.delete(task);
        await task.run();
      }
      ready = this.#tasks.ready;
    }
    const parts = await this.#place(ready.filter((task) => task.kind === "reading"));
    for (const pass of planPasses(parts, this.model.hasRaggedAttention)) await this.#compute(pass);
    for (const call of callsOf(parts)) this.#attempt(call, () => proceed(call));
  }

  /** Forgets the sequences that are not used any more, but for those of which there are to be copies. */
  #freeDisposed(): void {
    this.#slots.freeDisposed((sequence) => this.#tasks.isToBeCopied(sequence));
  }

  /** Refuses what can no longer be done. */
  #refuseTasks(): void {
    for (const task of this.#tasks) {
      if (task.kind === "copying") {
        if (task.to.isDisposed && !this.#tasks.isToBeCopied(task.to)) this.#tasks.delete(task);
        continue;
      }
      if (task.kind === "access") continue;
      const { call, sequence } = task;
      this.#attempt(call, () => {
        this.#checkUsable();
        sequence.checkUsable();
        sequence.adapters?.checkUsable();
        call.signal?.throwIfAborted();
      });
    }
  }

  async #copy(task: Copying): Promise<void> {
    const { from, to } = task;
    try {
      if (from.failure !== undefined) throw from.failure;
      if (task.length === undefined) to.length = from.length;
      // All of them, though it may have been truncated since: before that, it may have been forked itself.
      await this.#slots.copy(from, to, task.length ?? from.length);
      to.copyLogits(from);
    } catch (error) {
      // Whoever uses the copy hears of it.
      to.failure = error;
    }
    this.#tasks.delete(task);
  }

  /**
   * What is computed next, in its place: short readings first, so that they need not wait for long ones. The one that has
   * waited the longest gets on in any case, however many short ones there are.
   */
  async #place(ready: readonly Reading[]): Promise<Part[]> {
    let taken: { readonly reading: Reading; readonly count: number }[] = [];
    const [oldest] = ready;
    const share = oldest === undefined ? 0 : Math.min(OLDEST_TOKENS, numLeft(oldest));
    let room = PASS_TOKENS - share;
    for (const reading of ready.toSorted((a, b) => numLeft(a) - numLeft(b))) {
      const isPossible = this.#attempt(reading.call, () => this.#begin(reading));
      if (reading === oldest) room += share;
      const count = Math.min(room, numLeft(reading));
      if (!isPossible || count === 0) continue;
      taken.push({ reading, count });
      room -= count;
    }
    const isSpelled = ({ hooked }: Reading) => (hooked?.hooks.spelledLayers.size ?? 0) > 0;
    if (ready.some(isSpelled)) this.#slots.clearRows();
    while (taken.length > 0) {
      const rooms = taken.map(({ reading: { sequence, tokens, start } }) => ({
        sequence,
        length: start! + tokens.length,
      }));
      try {
        // What is called meanwhile may have disposed of it.
        this.#checkUsable();
        await this.#slots.reserve(rooms);
        break;
      } catch (error) {
        // There is no memory for all of them: whoever came last has to go.
        this.#fail(taken.at(-1)!.reading.call, error);
      }
      taken = taken.filter(({ reading }) => !reading.call.isSettled);
    }
    return taken.map(({ reading, count }) => partOf(reading, count));
  }

  /** Takes note of where a reading begins, when its turn has come. */
  #begin(reading: Reading): void {
    const { sequence, tokens, call } = reading;
    // What had its turn before this may have disposed of it, and given its slot to another.
    sequence.checkUsable();
    if (reading.start !== undefined) return;
    if (sequence.failure !== undefined) throw sequence.failure;
    const { contextLength } = this.model.config;
    if (sequence.length + tokens.length > contextLength) {
      throw new InvalidArgumentError(
        `Cannot continue a text of ${sequence.length} tokens by ${tokens.length}: ` +
          `it can have ${contextLength}`,
      );
    }
    reading.start = sequence.length;
    if (!call.isBegun) report(call);
    call.isBegun = true;
  }

  async #compute(pass: PlannedPass<Part>): Promise<void> {
    const calls = callsOf(pass.spans);
    if (calls.every(({ isSettled }) => isSettled)) return;
    const numLargest = mostLargest(calls);
    const numTop = numTopOf(pass.spans);
    // What others wait for too is not stopped.
    const signal = calls.length === 1 ? calls[0].signal : undefined;
    const { cache } = this.#slots;
    try {
      await this.#graphs.compute(cache, pass, { signal, numLargest, numTop }, (logits) => {
        let index = 0;
        for (const part of pass.spans) {
          if (!part.reading.call.isSettled) keepLogits(part, logits, index);
          index += numLogitsOf(part);
        }
      });
    } catch (error) {
      for (const call of calls) this.#fail(call, error);
      return;
    }
    for (const part of pass.spans) this.#finish(part);
  }

  /** Takes note that a part has been read. */
  #finish({ reading, start, tokens }: Part): void {
    if (reading.call.isSettled) return;
    reading.numRead += tokens.length;
    reading.call.numRead += tokens.length;
    reading.sequence.length = start + tokens.length;
    reading.sequence.numRows = reading.sequence.length;
    if (numLeft(reading) === 0) this.#tasks.delete(reading);
  }

  /** Does something for a call, which fails if that does. */
  #attempt(call: Call, action: () => void): boolean {
    if (call.isSettled) return false;
    try {
      action();
      return true;
    } catch (error) {
      this.#fail(call, error);
      return false;
    }
  }

  /** Ends a call with an error. Its sequences are as long as before. */
  #fail(call: Call, error: unknown): void {
    if (call.isSettled) return;
    call.isSettled = true;
    for (const { sequence, start } of call.readings) {
      if (start !== undefined) sequence.length = start;
    }
    for (const reading of call.readings) this.#tasks.delete(reading);
    call.reject(error);
  }
}
