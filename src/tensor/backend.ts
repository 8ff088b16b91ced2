/**
 * Where graphs are computed.
 *
 * @module
 */
import { AbortFlag } from "../ffi/abort_flag.ts";
import { library } from "../ffi/library.ts";
import { openLibrarySync } from "../native_library/native_library.ts";
import { cString, type Pointer, readCString } from "../ffi/memory.ts";
import { ggmlThreadpoolParams } from "../ffi/structs.ts";
import { onAbort } from "../base/abort.ts";
import { InvalidArgumentError, NativeError } from "../base/errors.ts";
import { type Device, memoryOf } from "./device.ts";
import { type BufferType, Place } from "./place.ts";
import type { RpcServers } from "./rpc_servers.ts";

export type { BufferType };

/** Options of {@linkcode Backend.cpu}. */
export interface CpuOptions {
  /** Number of threads, 1 to 512. Default: one for each processor, 16 at most. */
  threads?: number;
}

/** More threads than this ggml does not take. */
export const MAX_THREADS = 512;

/** Memory is saturated before this many threads are. */
const MAX_USEFUL_THREADS = 16;

/** How eagerly idle threads wait for work, 0 (asleep) to 100 (spinning). */
const POLL_LEVEL = 50;

/** `GGML_STATUS_*`. */
const STATUS_SUCCESS = 0;
const STATUS_ABORTED = 1;

/**
 * What computes graphs, with its threads and memory: the processor, alone or with the devices that it hands most of the
 * work to. One computation runs on it at a time.
 */
export class Backend implements Disposable {
  /** Number of threads of the processor. */
  readonly threads: number;
  /** ggml's backend of the processor. */
  readonly pointer: Pointer;
  /** The memory of the processor. */
  readonly host: Place;
  /** Where layers are computed, in this order: the devices, or only the host if there are none. */
  readonly places: readonly Place[];
  readonly #servers: RpcServers | undefined;
  /** By the number of their threads. All but the one in use sleep. */
  readonly #threadpools = new Map<number, Deno.PointerValue>();
  #threadsInUse = 0;
  /** Stops the computation that is running. */
  readonly #abortFlag = new AbortFlag();
  #inFlight: Promise<unknown> | undefined;
  #afterwards: (() => void)[] = [];
  #disposed = false;

  private constructor(threads: number, places: readonly Place[] = [], servers?: RpcServers) {
    const ggml = openLibrarySync();
    const pointer = ggml.ggml_backend_cpu_init();
    if (pointer === null) throw new NativeError("Cannot use the CPU: ggml returned no backend");
    this.pointer = pointer;
    this.threads = threads;
    this.host = new Place(pointer, true);
    this.places = places.length === 0 ? [this.host] : places;
    this.#servers = servers;
    this.#useThreads(threads);
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
    return new Backend(checkThreads(options));
  }

  /**
   * A GPU; the processor does what it cannot.
   *
   * @throws {RangeError} if `threads` is not an integer from 1 to 512
   * @throws {NativeError} if the device does not start
   */
  static gpu(device: Device, options: CpuOptions = {}): Backend {
    const threads = checkThreads(options);
    const pointer = library().ggml_backend_dev_init(device.pointer, null);
    if (pointer === null) {
      throw new NativeError(`Cannot use the device: it does not start: ${device.description}`);
    }
    return new Backend(threads, [new Place(pointer, false)]);
  }

  /**
   * Servers on other machines, each with a part of the layers that is as large as its part of the free memory.
   *
   * @param servers are owned by the backend from here on
   * @throws {RangeError} if `threads` is not an integer from 1 to 512
   */
  static rpc(servers: RpcServers, options: CpuOptions = {}): Backend {
    const threads = checkThreads(options);
    const free = servers.devices.map(({ device }) => memoryOf(device).freeBytes);
    const total = free.reduce((sum, bytes) => sum + bytes, 0);
    const places = servers.devices.map(({ backend }, i) =>
      new Place(backend, false, total === 0 ? 1 / free.length : free[i] / total)
    );
    return new Backend(threads, places, servers);
  }

  /** The places by their names in ggml: `CPU`, `CUDA0`. */
  get name(): string {
    return this.places.map(({ name }) => name).join(", ");
  }

  /** Whether devices compute, so that what the processor reads has to be fetched from them. */
  get usesDevices(): boolean {
    return !this.places[0].isHost;
  }

  /** Whether ggml's own GELU is as exact as its formula: on GPUs, and where this package has a kernel for it. */
  get hasExactGelu(): boolean {
    if (this.usesNetwork) return false; // A server's processor may look it up in a table.
    return this.usesDevices || library().gpt2_has_gelu_kernel();
  }

  /** Whether memory of this kind belongs to a device, where this process cannot read it. */
  isDeviceMemory(type: BufferType): boolean {
    return this.places.some((place) =>
      !place.isHost && Deno.UnsafePointer.equals(place.bufferType, type)
    );
  }

  /** The bytes of memory of all places together, in use or not. */
  get totalBytes(): number {
    return this.places.reduce((sum, { pointer }) => {
      const device = library().ggml_backend_get_device(pointer)!;
      return sum + memoryOf(device).totalBytes;
    }, 0);
  }

  /** Whether a computation may wait for another machine. */
  get usesNetwork(): boolean {
    return this.#servers !== undefined;
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

  /**
   * Throws if a server is known to be lost. Whatever ggml did with its memory would end the process.
   *
   * @throws {NativeError}
   */
  checkConnected(): void {
    this.#servers?.checkConnected();
  }

  /**
   * Computes a ggml graph on the calling thread.
   *
   * @param scheduler what spreads the graph over the devices, if there are any
   * @param threads how many of its threads the processor uses
   */
  compute(graph: Pointer, scheduler?: Pointer, threads: number = this.threads): void {
    this.#checkFree();
    this.#useThreads(threads);
    const ggml = library();
    const status = scheduler === undefined
      ? ggml.ggml_backend_graph_compute(this.pointer, graph)
      : ggml.ggml_backend_sched_graph_compute(scheduler, graph);
    checkStatus(status);
  }

  /**
   * Computes a ggml graph on another thread. Devices do not stop before they have finished.
   *
   * @param scheduler what spreads the graph over the devices, if there are any
   * @param threads how many of its threads the processor uses
   * @throws {DOMException} `AbortError` (or the signal's own reason) if `signal` was or is aborted
   */
  async computeAsync(
    graph: Pointer,
    signal?: AbortSignal,
    scheduler?: Pointer,
    threads: number = this.threads,
  ): Promise<void> {
    this.#checkFree();
    signal?.throwIfAborted();
    this.#useThreads(threads);
    this.#abortFlag.clear();
    using _aborting = onAbort(signal, () => this.#abortFlag.set());
    const ggml = library();
    const running = scheduler === undefined
      ? ggml.ggml_backend_graph_compute_async_call(this.pointer, graph)
      : ggml.ggml_backend_sched_graph_compute_async_call(scheduler, graph);
    this.#inFlight = running;
    try {
      const status = await running;
      if (status === STATUS_ABORTED) signal?.throwIfAborted();
      checkStatus(status);
    } finally {
      this.#abortFlag.clear();
      this.#inFlight = undefined;
      for (const action of this.#afterwards.splice(0)) action();
    }
  }

  /**
   * Runs `action`, which frees native memory, now or right after the computation that is running; never if a server was
   * lost, since ggml would end the process when it asks that to free its part.
   */
  whenIdle(action: () => void): void {
    if (this.#servers?.isAnyLost) return;
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
      for (const { pointer, isHost } of this.places) {
        if (!isHost) ggml.ggml_backend_free(pointer);
      }
      ggml.ggml_backend_free(this.pointer);
      for (const pool of this.#threadpools.values()) ggml.ggml_threadpool_free(pool);
    });
    this.#servers?.[Symbol.dispose]();
  };

  #useThreads(threads: number): void {
    if (threads === this.#threadsInUse) return;
    const ggml = library();
    const pool = this.#threadpools.get(threads) ?? createThreadpool(threads);
    this.#threadpools.set(threads, pool);
    // ggml puts the threads of the other one to sleep.
    ggml.ggml_backend_cpu_set_threadpool(this.pointer, pool);
    ggml.ggml_backend_cpu_set_n_threads(this.pointer, threads);
    this.#threadsInUse = threads;
  }

  #checkFree(): void {
    if (this.#disposed) throw new TypeError("Cannot compute: the backend has been disposed of");
    this.checkConnected();
    if (this.#inFlight !== undefined) {
      throw new Deno.errors.Busy("Cannot compute: another computation is running: await it first");
    }
  }
}

function checkThreads({ threads = maxUsefulThreads() }: CpuOptions): number {
  if (!Number.isInteger(threads) || threads < 1 || threads > MAX_THREADS) {
    throw new InvalidArgumentError(
      `Cannot use the CPU: threads must be an integer from 1 to ${MAX_THREADS}: received ${threads}`,
    );
  }
  return threads;
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
