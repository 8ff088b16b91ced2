/**
 * Placing the results of a graph in working memory.
 *
 * @module
 */
import { library } from "../ffi/library.ts";
import type { Pointer } from "../ffi/memory.ts";
import type { Backend } from "./backend.ts";
import { nativePlace } from "./place.ts";

/** Gives each result of one graph its place. */
export interface GraphAllocator {
  /** What computes the graph on several backends; without one, the backend itself does. */
  readonly scheduler?: Pointer;
  /** The bytes of working memory, once a graph has been allocated. */
  readonly byteLength: number;
  /** The bytes that it takes to place the results of the graph; nothing if that cannot be known before. */
  bytesFor(graph: Pointer): number | undefined;
  /** Places the results of the graph; false if there is not enough memory. */
  allocate(graph: Pointer): boolean;
  /** Frees the working memory. */
  free(): void;
}

/**
 * Working memory on the processor that large graphs take over from one another. To have it from the system takes longer than
 * it looks: each page comes when it is first written to, and is cleared before.
 */
export class WorkingMemory implements Disposable {
  #spare: Pointer | undefined;
  #disposed = false;

  /** What a graph before has left, if there is some. */
  take(): Pointer | undefined {
    const spare = this.#spare;
    this.#spare = undefined;
    return spare;
  }

  /** Keeps an allocator with its memory for the next graph. */
  giveBack(allocator: Pointer): void {
    this.clear();
    if (this.#disposed) library().ggml_gallocr_free(allocator);
    else this.#spare = allocator;
  }

  /** Frees what no graph uses. */
  clear(): void {
    const spare = this.take();
    if (spare !== undefined) library().ggml_gallocr_free(spare);
  }

  /** The same, and nothing is kept any more. */
  [Symbol.dispose](): void {
    this.#disposed = true;
    this.clear();
  }
}

/**
 * The allocator for a graph of at most `size` operations, and as many tensors that are not computed.
 *
 * @param memory what the graph may take over, and leaves behind
 */
export function allocatorFor(
  backend: Backend,
  size: number,
  memory?: WorkingMemory,
): GraphAllocator {
  return backend.usesDevices ? new Scheduler(backend, 2 * size) : new OneBackend(backend, memory);
}

/** All on the processor. */
class OneBackend implements GraphAllocator {
  readonly #allocator: Pointer;
  readonly #memory: WorkingMemory | undefined;

  constructor({ host }: Backend, memory: WorkingMemory | undefined) {
    this.#memory = memory;
    this.#allocator = memory?.take() ??
      library().ggml_gallocr_new(nativePlace(host).bufferType)!;
  }

  get byteLength(): number {
    return Number(library().ggml_gallocr_get_buffer_size(this.#allocator, 0));
  }

  bytesFor(graph: Pointer): number {
    const sizes = new BigUint64Array(1);
    library().ggml_gallocr_reserve_n_size(this.#allocator, graph, null, null, sizes);
    return Number(sizes[0]);
  }

  allocate(graph: Pointer): boolean {
    // Planned anew: what it has planned before would do for any graph whose results have the same sizes, to ggml, though
    // they may be needed for longer in this one.
    return library().ggml_gallocr_reserve(this.#allocator, graph) &&
      library().ggml_gallocr_alloc_graph(this.#allocator, graph);
  }

  free(): void {
    if (this.#memory === undefined) library().ggml_gallocr_free(this.#allocator);
    else this.#memory.giveBack(this.#allocator);
  }
}

/**
 * Each operation where the weights lie that it reads, and on the processor where a device cannot carry it out. What is
 * needed in another place is copied there during the computation.
 */
class Scheduler implements GraphAllocator {
  readonly scheduler: Pointer;
  readonly #backends: readonly Pointer[];

  constructor({ places, host }: Backend, size: number) {
    // ggml wants the processor last: it prefers those before.
    this.#backends = [...places, host].map((place) => nativePlace(place).pointer);
    const addresses = this.#backends.map((pointer) => Deno.UnsafePointer.value(pointer));
    this.scheduler = library().ggml_backend_sched_new(
      BigUint64Array.from(addresses),
      null,
      addresses.length,
      BigInt(size),
      false,
      false,
    )!;
  }

  get byteLength(): number {
    const ggml = library();
    return this.#backends.reduce(
      (sum, pointer) =>
        sum + Number(ggml.ggml_backend_sched_get_buffer_size(this.scheduler, pointer)),
      0,
    );
  }

  bytesFor(): undefined {
    return undefined;
  }

  allocate(graph: Pointer): boolean {
    return library().ggml_backend_sched_alloc_graph(this.scheduler, graph);
  }

  free(): void {
    library().ggml_backend_sched_free(this.scheduler);
  }
}
