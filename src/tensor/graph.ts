/**
 * A compute graph: built once, run many times.
 *
 * @module
 */
import { library } from "../ffi/library.ts";
import { cString, type Pointer, readCString } from "../ffi/memory.ts";
import { ggmlInitParams } from "../ffi/structs.ts";
import { NativeError } from "../base/errors.ts";
import type { Backend } from "./backend.ts";
import { allocatorFor, type GraphAllocator } from "./graph_allocator.ts";
import { type TensorType, tensorTypeInfo } from "../formats/tensor_type.ts";
import { checkShape, nativeSizes, nativeStrides, numElements, type Shape } from "./shape.ts";
import { readTensor, writeTensor } from "./data.ts";
import { Tensor } from "./tensor.ts";

/**
 * How attention is carried out: `"fused"` in one kernel that never stores the scores (flash attention), `"explicit"` with
 * scores and weights as tensors of their own, as in the paper.
 */
export type AttentionLowering = "fused" | "explicit";

/** Options of {@linkcode Graph}. */
export interface GraphOptions {
  /** How attention is carried out. Default: `"fused"`. */
  attention?: AttentionLowering;
  /** The largest number of operations. Default: 8192. */
  maxNodes?: number;
}

/** A cache line: tensors that begin on one are read and written faster. */
const CACHE_LINE_BYTES = 64;

/**
 * Operations on tensors, recorded once and computed as often as wanted:
 *
 * ```ts ignore
 * using graph = new Graph(backend);
 * const x = graph.input([2, 3], "f32", "x");
 * const y = graph.output(add(x, x));
 * graph.allocate();
 * graph.write(x, new Float32Array(6).fill(1));
 * graph.compute();
 * graph.readF32(y); // six times 2
 * ```
 *
 * Between `allocate()` and disposal nothing allocates native memory.
 */
export class Graph implements Disposable {
  /** Where the graph is computed. */
  readonly backend: Backend;
  /** How attention is carried out. */
  readonly attention: AttentionLowering;
  /** ggml's context, in which the operations record their results. */
  readonly context: Pointer;
  readonly #graph: Pointer;
  readonly #allocator: GraphAllocator;
  #allocated = false;
  #disposed = false;

  /**
   * An empty graph.
   *
   * @param backend where to compute
   * @param options see {@linkcode GraphOptions}
   * @throws {NativeError} if native memory for the records cannot be had
   */
  constructor(backend: Backend, options: GraphOptions = {}) {
    const { maxNodes = 8192, attention = "fused" } = options;
    const ggml = library();
    this.backend = backend;
    this.attention = attention;
    const bytes = ggml.ggml_tensor_overhead() * BigInt(maxNodes) +
      ggml.ggml_graph_overhead_custom(BigInt(maxNodes), false);
    this.context = createContext(bytes);
    this.#graph = ggml.ggml_new_graph_custom(this.context, BigInt(maxNodes), false)!;
    this.#allocator = allocatorFor(backend, maxNodes);
  }

  /**
   * A tensor that is written before each run, and keeps its contents between runs.
   *
   * @param shape outermost axis first
   * @param dtype element type
   * @param name shown by ggml's own tools
   */
  input(shape: Shape, dtype: TensorType, name: string): Tensor {
    checkShape(`create the input "${name}"`, shape);
    const ggml = library();
    // Padded to whole cache lines: otherwise a one-element input misaligns every tensor that is placed after it.
    const elementBytes = tensorTypeInfo(dtype).blockBytes;
    const perLine = CACHE_LINE_BYTES / elementBytes;
    const padded = Math.ceil(numElements(shape) / perLine) * perLine;
    const storage = this.#newTensor(dtype, [padded]);
    ggml.ggml_set_input(storage);
    // Without this the allocator would hand the memory to a later result, and the contents would be gone.
    ggml.ggml_set_output(storage);
    const strides = new Tensor({ shape, dtype, pointer: storage }).strides;
    const pointer = ggml.ggml_view_4d(
      this.context,
      storage,
      ...nativeSizes(shape),
      ...nativeStrides(shape, strides),
      0n,
    )!;
    ggml.ggml_set_name(pointer, cString(name));
    ggml.ggml_build_forward_expand(this.#graph, pointer);
    return new Tensor({ shape, dtype, pointer, graph: this });
  }

  /** Marks `x` as a result that can be read after a run, and returns it. */
  output(x: Tensor, name?: string): Tensor {
    const ggml = library();
    if (name !== undefined) ggml.ggml_set_name(x.pointer, cString(name));
    ggml.ggml_set_output(x.pointer);
    ggml.ggml_build_forward_expand(this.#graph, x.pointer);
    return x;
  }

  /** Makes `x` part of the graph without keeping its value: for operations that write into a cache. */
  expand(x: Tensor): void {
    library().ggml_build_forward_expand(this.#graph, x.pointer);
  }

  /** The number of operations recorded so far. */
  get numNodes(): number {
    return library().ggml_graph_n_nodes(this.#graph);
  }

  /** The operations in the order in which they are computed, by their ggml names: `["GET_ROWS", "ADD", ...]`. */
  get operations(): string[] {
    const ggml = library();
    return this.nodes.map((node) => readCString(ggml.ggml_op_desc(node)));
  }

  /** ggml's records of the operations, in the order in which they are computed. */
  get nodes(): Pointer[] {
    const ggml = library();
    return Array.from(
      { length: this.numNodes },
      (_, i) => ggml.ggml_graph_node(this.#graph, i)!,
    );
  }

  /** The bytes of working memory that the results of this graph take. */
  get workingBytes(): number {
    return this.#allocator.byteLength;
  }

  /** Places every result in working memory. Call it once, after the last operation and before the first run. */
  allocate(): void {
    this.#checkUsable();
    if (!this.#allocator.allocate(this.#graph)) {
      throw new NativeError(
        "Cannot allocate the compute graph: not enough memory: use a shorter sequence or a smaller batch",
      );
    }
    this.#allocated = true;
  }

  /**
   * Computes all results. Blocks the calling thread until they are there.
   *
   * @param threads how many threads the processor uses. Default: all of the backend's.
   */
  compute(threads?: number): void {
    this.#checkComputable();
    this.backend.compute(this.#graph, this.#allocator.scheduler, threads);
  }

  /** Like `compute()`, on another thread: the event loop stays free. One computation at a time per backend. */
  computeAsync(signal?: AbortSignal, threads?: number): Promise<void> {
    this.#checkComputable();
    return this.backend.computeAsync(this.#graph, signal, this.#allocator.scheduler, threads);
  }

  /** Writes the elements of an input. */
  write(x: Tensor, data: ArrayBufferView<ArrayBuffer>, byteOffset = 0): void {
    writeTensor(x, data, byteOffset);
  }

  /** Reads `count` elements of an F32 result, from element `start` on; all of them by default. */
  readF32(x: Tensor, into?: Float32Array<ArrayBuffer>, start = 0): Float32Array<ArrayBuffer> {
    const target = into ?? new Float32Array(x.size);
    readTensor(x, target, start * Float32Array.BYTES_PER_ELEMENT);
    return target;
  }

  /** Frees the native memory of all results. A second call does nothing. */
  [Symbol.dispose](): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.backend.whenIdle(() => {
      this.#allocator.free();
      library().ggml_free(this.context);
    });
  }

  #newTensor(dtype: TensorType, shape: Shape): Pointer {
    const { id } = tensorTypeInfo(dtype);
    const pointer = library().ggml_new_tensor_4d(this.context, id, ...nativeSizes(shape));
    if (pointer === null) {
      throw new NativeError("Cannot record a tensor: the graph is full: raise maxNodes");
    }
    return pointer;
  }

  #checkUsable(): void {
    if (this.#disposed) throw new TypeError("Cannot use a graph: it has been disposed of");
  }

  #checkComputable(): void {
    this.#checkUsable();
    if (!this.#allocated) {
      throw new TypeError("Cannot compute a graph: it has no memory yet: call allocate() first");
    }
  }
}

/**
 * A ggml context without room for data, only for records of tensors.
 *
 * @throws {NativeError} if the memory cannot be had
 */
export function createContext(bytes: bigint): Pointer {
  const { byteLength, offsets } = ggmlInitParams;
  const parameters = new Uint8Array(byteLength);
  const view = new DataView(parameters.buffer);
  view.setBigUint64(offsets.mem_size, bytes, true);
  view.setUint8(offsets.no_alloc, 1);
  const context = library().ggml_init(parameters);
  if (context === null) {
    throw new NativeError(`Cannot create a ggml context: out of memory: received ${bytes} bytes`);
  }
  return context;
}
