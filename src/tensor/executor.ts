/**
 * Running graphs: ggml's backend of the processor, its threads, and one computation at a time.
 *
 * @module
 */
import { onAbort } from "../base/abort.ts";
import { NativeError, OutOfMemoryError } from "../base/errors.ts";
import { AbortFlag } from "../ffi/abort_flag.ts";
import { library } from "../ffi/library.ts";
import { type Pointer, readCString } from "../ffi/memory.ts";
import { ggmlThreadpoolParams } from "../ffi/structs.ts";
import { endWithoutDestructors } from "../ffi/system_library.ts";

/** Threads of all backends together. Systems let a process have a few thousand, and ggml ends it if it gets none. */
const MAX_LIVE_THREADS = 1024;

/** How eagerly idle threads wait for work, 0 (asleep) to 100 (spinning). */
const POLL_LEVEL = 50;

/** `GGML_STATUS_*`. */
const STATUS_ALLOC_FAILED = -2;
const STATUS_SUCCESS = 0;
const STATUS_ABORTED = 1;

/** What ggml is to compute. */
export interface GraphToRun {
  /** ggml's graph. */
  readonly graph: Pointer;
  /** What spreads it over the devices, if there are any. */
  readonly scheduler?: Pointer;
}

/** Those that have not been freed. */
const executors = new Set<Executor>();
let numLiveThreads = 0;

/** Runs graphs on the processor, and on the devices that a scheduler knows. */
export class Executor {
  /** ggml's backend of the processor. */
  readonly pointer: Pointer;
  /** By the number of their threads. All but the one in use sleep. */
  readonly #threadpools = new Map<number, Pointer>();
  #threadsInUse = 0;
  readonly #abortFlag: AbortFlag;
  #isRunning = false;
  #isStopped = false;
  #afterwards: (() => void)[] = [];

  /** @throws {NativeError} if native memory cannot be had */
  constructor() {
    const ggml = library();
    this.#abortFlag = new AbortFlag();
    const pointer = ggml.ggml_backend_cpu_init();
    if (pointer === null) {
      this.#abortFlag.free();
      throw new NativeError("Cannot use the CPU: ggml returned no backend.");
    }
    this.pointer = pointer;
    const flag = this.#abortFlag.pointer;
    ggml.ggml_backend_cpu_set_abort_callback(pointer, ggml.gpt2_abort_callback(), flag);
    if (executors.size === 0) globalThis.addEventListener("unload", stopAllThreads);
    executors.add(this);
  }

  /** Whether a computation is running on another thread. */
  get isRunning(): boolean {
    return this.#isRunning;
  }

  /**
   * Computes on the calling thread.
   *
   * @param threads how many threads the processor uses
   * @throws {Deno.errors.Busy} if another computation is running
   */
  compute({ graph, scheduler }: GraphToRun, threads: number): void {
    this.#prepare(threads);
    const ggml = library();
    checkStatus(
      scheduler === undefined
        ? ggml.ggml_backend_graph_compute(this.pointer, graph)
        : ggml.ggml_backend_sched_graph_compute(scheduler, graph),
    );
  }

  /**
   * Computes on another thread. Devices do not stop before they have finished.
   *
   * @param threads how many threads the processor uses
   * @param signal stops the processor between two operations
   * @throws {Deno.errors.Busy} if another computation is running
   * @throws {DOMException} `AbortError` (or the signal's own reason) if `signal` was or is aborted
   */
  async computeAsync(
    { graph, scheduler }: GraphToRun,
    threads: number,
    signal?: AbortSignal,
  ): Promise<void> {
    signal?.throwIfAborted();
    this.#prepare(threads);
    const ggml = library();
    using _aborting = onAbort(signal, () => this.#abortFlag.set());
    this.#isRunning = true;
    try {
      const status = await (scheduler === undefined
        ? ggml.ggml_backend_graph_compute_async_call(this.pointer, graph)
        : ggml.ggml_backend_sched_graph_compute_async_call(scheduler, graph));
      if (status === STATUS_ABORTED) {
        signal?.throwIfAborted();
      }
      checkStatus(status);
    } finally {
      this.#abortFlag.clear();
      this.#isRunning = false;
      for (const action of this.#afterwards.splice(0)) action();
    }
  }

  /** Runs `action`, which frees native memory, now or right after the computation that is running. */
  whenIdle(action: () => void): void {
    if (this.#isRunning) this.#afterwards.push(action);
    else action();
  }

  /** Has all idle threads sleep, also those that still look out for work. */
  pauseThreads(): void {
    for (const pool of this.#threadpools.values()) library().ggml_threadpool_pause(pool);
  }

  /** Ends all threads, and with them whatever this could do; a computation that is running is stopped. */
  stopThreads(): void {
    this.#isStopped = true;
    if (this.#isRunning) {
      this.#abortFlag.set();
      return;
    }
    for (const [threads, pool] of this.#threadpools) {
      library().ggml_threadpool_free(pool);
      numLiveThreads -= threads - 1;
    }
    this.#threadpools.clear();
  }

  /** Frees the backend and its threads. No computation may be running. */
  free(): void {
    this.stopThreads();
    library().ggml_backend_free(this.pointer);
    this.#abortFlag.free();
    executors.delete(this);
    if (executors.size === 0) globalThis.removeEventListener("unload", stopAllThreads);
  }

  #prepare(threads: number): void {
    if (this.#isStopped) throw new TypeError("Cannot compute: the program is about to end.");
    if (this.#isRunning) {
      throw new Deno.errors.Busy("Cannot compute: another computation is running. Await it first.");
    }
    if (threads === this.#threadsInUse) return;
    const ggml = library();
    const pool = this.#threadpools.get(threads) ?? createThreadpool(threads);
    this.#threadpools.set(threads, pool);
    // ggml puts the threads of the other one to sleep.
    ggml.ggml_backend_cpu_set_threadpool(this.pointer, pool);
    ggml.ggml_backend_cpu_set_n_threads(this.pointer, threads);
    this.#threadsInUse = threads;
  }
}

/** The calling thread is the first of a pool; the others are started. */
function createThreadpool(threads: number): Pointer {
  if (numLiveThreads + threads - 1 > MAX_LIVE_THREADS) {
    throw new NativeError(
      `Cannot start ${
        threads - 1
      } threads: ${numLiveThreads} of ${MAX_LIVE_THREADS} wait in other ` +
        "backends. Dispose of those that are not used any more.",
    );
  }
  const ggml = library();
  const { byteLength, offsets } = ggmlThreadpoolParams;
  const parameters = new Uint8Array(byteLength);
  ggml.ggml_threadpool_params_init(parameters, threads);
  new DataView(parameters.buffer).setUint32(offsets.poll, POLL_LEVEL, true);
  const pool = ggml.ggml_threadpool_new(parameters);
  if (pool === null) throw new NativeError(`Cannot start ${threads} threads. Use fewer.`);
  numLiveThreads += threads - 1;
  return pool;
}

/**
 * Ends all threads before the program ends: they run code that goes away with it. Those that look out for work are
 * sent to sleep first: waiting for each of hundreds in turn, while the others spin, takes a minute. A computation on
 * another thread goes on to the end of its operation, and needs what a prebuilt ggml would destroy.
 */
function stopAllThreads(): void {
  if ([...executors].some(({ isRunning }) => isRunning)) endWithoutDestructors();
  for (const executor of executors) executor.pauseThreads();
  for (const executor of executors) executor.stopThreads();
}

function checkStatus(status: number): void {
  if (status === STATUS_SUCCESS) return;
  const reason = readCString(library().ggml_status_to_string(status));
  const Failure = status === STATUS_ALLOC_FAILED ? OutOfMemoryError : NativeError;
  throw new Failure(`Cannot compute the graph: ggml reports ${reason}`);
}
