/**
 * Where graphs are computed.
 *
 * @module
 */
import { AbortFlag } from "../ffi/abort_flag.ts";
import { library } from "../ffi/library.ts";
import { cString, type Pointer, readCString } from "../ffi/memory.ts";
import { ggmlThreadpoolParams } from "../ffi/structs.ts";
import { NativeError } from "../errors.ts";

/** A kind of memory that a backend can compute in. */
export type BufferType = Pointer;

/** Options of {@linkcode Backend.cpu}. */
export interface CpuOptions {
  /** Number of threads, 1 to 512. Default: one for each processor, 16 at most. */
  threads?: number;
}

const MAX_THREADS = 512;

/** Memory is saturated before this many threads are. */
const MAX_USEFUL_THREADS = 16;

/** How eagerly idle threads wait for work, 0 (asleep) to 100 (spinning). */
const POLL_LEVEL = 50;

/** `GGML_STATUS_*`. */
const STATUS_SUCCESS = 0;
const STATUS_ABORTED = 1;

/** A device that computes graphs, with its threads and memory. One computation runs on it at a time. */
export class Backend implements Disposable {
  /** Number of threads. */
  readonly threads: number;
  /** ggml's backend. */
  readonly pointer: Pointer;
  /** The kind of memory that this backend can compute in. */
  readonly bufferType: BufferType;
  readonly #threadpool: Deno.PointerValue;
  /** Stops the computation that is running. */
  readonly #abortFlag = new AbortFlag();
  #inFlight: Promise<unknown> | undefined;
  #afterwards: (() => void)[] = [];
  #disposed = false;

  private constructor(pointer: Pointer, threads: number) {
    const ggml = library();
    this.pointer = pointer;
    this.threads = threads;
    this.bufferType = ggml.ggml_backend_get_default_buffer_type(pointer)!;
    ggml.ggml_backend_cpu_set_n_threads(pointer, threads);
    this.#threadpool = createThreadpool(threads);
    ggml.ggml_backend_cpu_set_threadpool(pointer, this.#threadpool);
    ggml.ggml_backend_cpu_set_abort_callback(
      pointer,
      ggml.gpt2_abort_callback(),
      this.#abortFlag.pointer,
    );
    // Worker threads that outlive the process's last statement crash it.
    globalThis.addEventListener("unload", this.#dispose);
  }

  /**
   * The processor of this machine.
   *
   * @throws {RangeError} if `threads` is not an integer from 1 to 512
   */
  static cpu(options: CpuOptions = {}): Backend {
    const threads = options.threads ?? maxUsefulThreads();
    if (!Number.isInteger(threads) || threads < 1 || threads > MAX_THREADS) {
      throw new RangeError(
        `Cannot use the CPU: threads must be an integer from 1 to ${MAX_THREADS}: received ${threads}`,
      );
    }
    const pointer = library().ggml_backend_cpu_init();
    if (pointer === null) throw new NativeError("Cannot use the CPU: ggml returned no backend");
    return new Backend(pointer, threads);
  }

  /** `CPU`. */
  get name(): string {
    return readCString(library().ggml_backend_name(this.pointer));
  }

  /** Whether a computation is running. */
  get isBusy(): boolean {
    return this.#inFlight !== undefined;
  }

  /**
   * Further kinds of memory, in which weights are kept in the order that this processor multiplies fastest
   * (tiles for AMX, interleaved rows), best first.
   */
  get repackedBufferTypes(): BufferType[] {
    const ggml = library();
    const device = ggml.ggml_backend_get_device(this.pointer);
    const registry = ggml.ggml_backend_dev_backend_reg(device);
    const address = ggml.ggml_backend_reg_get_proc_address(
      registry,
      cString("ggml_backend_dev_get_extra_bufts"),
    );
    if (address === null) return [];
    const getExtraBufferTypes = new Deno.UnsafeFnPointer(
      address as Deno.PointerObject<Deno.ForeignFunction<["pointer"], "pointer">>,
      { parameters: ["pointer"], result: "pointer" } as const,
    );
    const list = new Deno.UnsafePointerView(getExtraBufferTypes.call(device)!);
    const types: BufferType[] = [];
    for (
      let entry = list.getPointer(0);
      entry !== null;
      entry = list.getPointer(8 * types.length)
    ) {
      types.push(entry);
    }
    return types;
  }

  /** Computes a ggml graph on the calling thread. */
  compute(graph: Pointer): void {
    this.#checkFree();
    const status = library().ggml_backend_graph_compute(this.pointer, graph);
    checkStatus(status);
  }

  /**
   * Computes a ggml graph on another thread.
   *
   * @throws {DOMException} `AbortError` (or the signal's own reason) if `signal` was or is aborted
   */
  async computeAsync(graph: Pointer, signal?: AbortSignal): Promise<void> {
    this.#checkFree();
    signal?.throwIfAborted();
    this.#abortFlag.clear();
    const abort = () => this.#abortFlag.set();
    signal?.addEventListener("abort", abort);
    const running = library().ggml_backend_graph_compute_async_call(this.pointer, graph);
    this.#inFlight = running;
    try {
      const status = await running;
      if (status === STATUS_ABORTED) signal?.throwIfAborted();
      checkStatus(status);
    } finally {
      signal?.removeEventListener("abort", abort);
      this.#abortFlag.clear();
      this.#inFlight = undefined;
      for (const action of this.#afterwards.splice(0)) action();
    }
  }

  /** Runs `action` now, or right after the computation that is running. */
  whenIdle(action: () => void): void {
    if (this.#inFlight === undefined) action();
    else this.#afterwards.push(action);
  }

  /** Frees the backend and its threads, after the computation that is running. A second call does nothing. */
  [Symbol.dispose](): void {
    this.#dispose();
  }

  #dispose = (): void => {
    if (this.#disposed) return;
    this.#disposed = true;
    globalThis.removeEventListener("unload", this.#dispose);
    this.whenIdle(() => {
      const ggml = library();
      ggml.ggml_backend_free(this.pointer);
      ggml.ggml_threadpool_free(this.#threadpool);
    });
  };

  #checkFree(): void {
    if (this.#disposed) throw new TypeError("Cannot compute: the backend has been disposed of");
    if (this.#inFlight !== undefined) {
      throw new Deno.errors.Busy("Cannot compute: another computation is running: await it first");
    }
  }
}

function createThreadpool(threads: number): Deno.PointerValue {
  const ggml = library();
  const { byteLength, offsets } = ggmlThreadpoolParams;
  const parameters = new Uint8Array(byteLength);
  ggml.ggml_threadpool_params_init(parameters, threads);
  new DataView(parameters.buffer).setUint32(offsets.poll, POLL_LEVEL, true);
  const pool = ggml.ggml_threadpool_new(parameters);
  if (pool === null) throw new NativeError(`Cannot start ${threads} threads: use fewer`);
  return pool;
}

/** One thread for each processor, 16 at most. */
export function maxUsefulThreads(): number {
  return Math.min(navigator.hardwareConcurrency, MAX_USEFUL_THREADS);
}

function checkStatus(status: number): void {
  if (status === STATUS_SUCCESS) return;
  const reason = readCString(library().ggml_status_to_string(status));
  throw new NativeError(`Cannot compute the graph: ggml reports ${reason}`);
}
