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
  /** Places the results of the graph; false if there is not enough memory. */
  allocate(graph: Pointer): boolean;
  /** Frees the working memory. */
  free(): void;
}

/** The allocator for a graph of at most `size` operations, and as many tensors that are not computed. */
export function allocatorFor(backend: Backend, size: number): GraphAllocator {
  return backend.usesDevices ? new Scheduler(backend, 2 * size) : new OneBackend(backend);
}

/** All on the processor. */
class OneBackend implements GraphAllocator {
  readonly #allocator: Pointer;

  constructor({ host }: Backend) {
    this.#allocator = library().ggml_gallocr_new(nativePlace(host).bufferType)!;
  }

  get byteLength(): number {
    return Number(library().ggml_gallocr_get_buffer_size(this.#allocator, 0));
  }

  allocate(graph: Pointer): boolean {
    return library().ggml_gallocr_alloc_graph(this.#allocator, graph);
  }

  free(): void {
    library().ggml_gallocr_free(this.#allocator);
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

  allocate(graph: Pointer): boolean {
    return library().ggml_backend_sched_alloc_graph(this.scheduler, graph);
  }

  free(): void {
    library().ggml_backend_sched_free(this.scheduler);
  }
}
