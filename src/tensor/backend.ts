/**
 * Where graphs are computed.
 *
 * @module
 */
import { showFields } from "../base/show_fields.ts";
import { checkOptions, integer } from "../base/check_options.ts";
import { DisposedError, InvalidArgumentError, NativeError } from "../base/errors.ts";
import { library } from "../ffi/library.ts";
import type { Pointer } from "../ffi/memory.ts";
import { openLibrarySync } from "../native_library/native_library.ts";
import { type Device, memoryAt, nativeDevice } from "./device.ts";
import { Executor } from "./executor.ts";
import { checkKey, KEY, type Key } from "./illegal_constructor.ts";
import { createPlace, nativePlace, type Place } from "./place.ts";
import { type RpcServers, takeDevices } from "./rpc_servers.ts";

/** Options of {@linkcode Backend.cpu}. */
export interface CpuOptions {
  /** Number of threads, 1 to 512. Default: one for each processor, 16 at most. */
  threads?: number;
}

/** More threads than this ggml does not take. */
export const MAX_THREADS = 512;

/** Memory is saturated before this many threads are. */
const MAX_USEFUL_THREADS = 16;

/** What runs the graphs of a backend. For this package: it takes addresses. */
export let executorOf: (backend: Backend) => Executor;

/** Gives a backend to what is disposed of with it: errors then name that, which the user knows: `the model`. */
export let giveBackend: (backend: Backend, owner: string) => void;

/**
 * What computes graphs, with its threads and memory: the processor, alone or with the devices that it hands most of the
 * work to. One computation runs on it at a time.
 */
export class Backend implements Disposable {
  /** Number of threads of the processor. */
  readonly threads: number;
  /** The memory of the processor. */
  readonly host: Place;
  /** Where layers are computed, in this order: the devices, or only the host if there are none. */
  readonly places: readonly Place[];
  readonly #executor: Executor;
  readonly #servers: RpcServers | undefined;
  #owner = "a backend";
  #disposed = false;

  private constructor(
    key: Key,
    threads: number,
    places: readonly Place[] = [],
    servers?: RpcServers,
  ) {
    checkKey(key, "Backend");
    this.threads = threads;
    this.#executor = new Executor();
    this.host = createPlace(this.#executor.pointer, true);
    this.places = Object.freeze(places.length === 0 ? [this.host] : [...places]);
    this.#servers = servers;
    // What runs on it was checked against these.
    Object.freeze(this);
  }

  static {
    executorOf = (backend) => backend.#executor;
    giveBackend = (backend, owner) => backend.#owner = owner;
  }

  /**
   * The processor of this machine.
   *
   * @throws {RangeError} if `threads` is not an integer from 1 to 512
   */
  static cpu(options: CpuOptions = {}): Backend {
    const threads = threadsOf(options);
    openLibrarySync();
    return new Backend(KEY, threads);
  }

  /**
   * A GPU; the processor does what it cannot.
   *
   * @throws {RangeError} if `threads` is not an integer from 1 to 512
   * @throws {NativeError} if the device does not start
   */
  static gpu(device: Device, options: CpuOptions = {}): Backend {
    const threads = threadsOf(options);
    const pointer = library().ggml_backend_dev_init(nativeDevice(device), null);
    if (pointer === null) {
      throw new NativeError(`Cannot use the device: it does not start: ${device.description}`);
    }
    return freeingIfItFails([pointer], () => {
      return new Backend(KEY, threads, [createPlace(pointer, false)]);
    });
  }

  /**
   * Servers on other machines, each with a part of the layers that is as large as its part of the free memory.
   *
   * @param servers are owned by the backend from here on
   * @throws {RangeError} if `threads` is not an integer from 1 to 512
   * @throws {TypeError} if the servers have been disposed of, or belong to another backend
   */
  static rpc(servers: RpcServers, options: CpuOptions = {}): Backend {
    const devices = takeDevices(servers);
    return freeingIfItFails(devices.map(({ backend }) => backend), () => {
      using owned = new DisposableStack();
      owned.use(servers);
      const threads = threadsOf(options);
      const free = devices.map(({ device }) => memoryAt(device).freeBytes);
      const total = free.reduce((sum, bytes) => sum + bytes, 0);
      const places = devices.map(({ backend }, i) =>
        createPlace(backend, false, total === 0 ? 1 / free.length : free[i] / total)
      );
      const backend = new Backend(KEY, threads, places, servers);
      owned.move();
      return backend;
    });
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

  /** The bytes of memory of all places together, in use or not. */
  get totalBytes(): number {
    return this.places.reduce((sum, place) => {
      this.checkUsable();
      const device = library().ggml_backend_get_device(nativePlace(place).pointer)!;
      return sum + memoryAt(device).totalBytes;
    }, 0);
  }

  /** Whether a computation may wait for another machine. */
  get usesNetwork(): boolean {
    return this.#servers !== undefined;
  }

  /** Whether a computation is running. */
  get isBusy(): boolean {
    return this.#executor.isRunning;
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
   * Throws if nothing can be computed any more.
   *
   * @throws {TypeError} if it has been disposed of
   * @throws {NativeError} if a server is known to be lost
   */
  checkUsable(): void {
    if (this.#disposed) throw new DisposedError(`use ${this.#owner}`);
    this.checkConnected();
  }

  /**
   * Runs `action`, which frees native memory, now or right after the computation that is running; never if a server was
   * lost, since ggml would end the process when it asks that to free its part.
   */
  whenIdle(action: () => void): void {
    if (!this.#servers?.isAnyLost) this.#executor.whenIdle(action);
  }

  /** Frees the backend and its threads, after the computation that is running. A second call does nothing. */
  [Symbol.dispose](): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.whenIdle(() => {
      for (const place of this.places) {
        if (!place.isHost) library().ggml_backend_free(nativePlace(place).pointer);
      }
      this.#executor.free();
    });
    this.#servers?.[Symbol.dispose]();
  }
}

showFields(Backend, ({ name, threads }) => ({ name, threads }));

function threadsOf(options: CpuOptions): number {
  const { threads } = checkOptions("use the CPU", options, { threads: integer(1, MAX_THREADS) });
  return threads ?? maxUsefulThreads();
}

/**
 * A number of threads.
 *
 * @throws {RangeError} if it is not an integer from 1 to `most`
 */
export function checkThreads(threads: number, most: number): number {
  if (!Number.isInteger(threads) || threads < 1 || threads > most) {
    throw new InvalidArgumentError(
      `Cannot use the CPU: threads must be an integer from 1 to ${most}: received ${threads}`,
    );
  }
  return threads;
}

function freeingIfItFails<T>(backends: readonly Pointer[], create: () => T): T {
  try {
    return create();
  } catch (error) {
    for (const backend of backends) library().ggml_backend_free(backend);
    throw error;
  }
}

/** One thread for each processor, 16 at most. */
export function maxUsefulThreads(): number {
  return Math.min(navigator.hardwareConcurrency, MAX_USEFUL_THREADS);
}
