/**
 * A compute graph: built once, run many times.
 *
 * @module
 */
import { showFields } from "../base/show_fields.ts";
import { checkOptions, integer, oneOf, type OptionRules } from "../base/check_options.ts";
import { describe } from "../base/describe.ts";
import { library } from "../ffi/library.ts";
import { cString, type Pointer, readCString } from "../ffi/memory.ts";
import type { TensorType } from "../formats/tensor_type.ts";
import { Backend, checkThreads, executorOf } from "./backend.ts";
import { readTensor, writeTensor } from "./data.ts";
import { allocatorFor, type GraphAllocator, type WorkingMemory } from "./graph_allocator.ts";
import { createConstant, createInput } from "./inputs.ts";
import { exceedsMemory, WorkingMemoryError } from "./machine_memory.ts";
import { borrowInto, type Precision, Recorder } from "./recorder.ts";
import type { Shape } from "./shape.ts";
import { Tape } from "./tape.ts";
import { recordOf, type Tensor } from "./tensor.ts";

/**
 * How attention is carried out: `"fused"` in one kernel that never stores the scores (flash attention), `"explicit"` with
 * scores and weights as tensors of their own, as in the paper.
 */
export type AttentionLowering = "fused" | "explicit";

/**
 * How operations are made of those that ggml has: `"inference"`, as fast as can be, or `"differentiable"`, so that gradients
 * can be computed. Both compute the same, within rounding.
 */
export type Lowering = "inference" | "differentiable";

/** Options of {@linkcode Graph}. */
export interface GraphOptions {
  /** Whether gradients are wanted. Default: `"inference"`. */
  lowering?: Lowering;
  /**
   * How exactly a differentiable graph multiplies F32 matrices: `"bf16"` rounds their elements to BF16 and sums in F32, as
   * mixed precision does (Micikevicius et al., 2018, arXiv:1710.03740). Default: `"f32"`.
   */
  precision?: Precision;
  /** How attention is carried out. Default: `"fused"`. */
  attention?: AttentionLowering;
  /**
   * The largest number of operations, views and inputs among them: one more is an error. Default: 1,048,576. Memory is
   * taken for those that there are.
   */
  maxNodes?: number;
}

/** Nobody builds a larger graph, unless a loop does not end. */
const MAX_NODES = 2 ** 20;

/** ggml counts operations in 32 bits. */
const LARGEST_MAX_NODES = 2 ** 30;

const RULES: OptionRules<GraphOptions> = {
  maxNodes: integer(1, LARGEST_MAX_NODES),
  attention: oneOf<AttentionLowering>("fused", "explicit"),
  lowering: oneOf<Lowering>("inference", "differentiable"),
  precision: oneOf<Precision>("f32", "bf16"),
};

/** ggml's side of a graph, once it has its memory. */
interface Allocated {
  readonly graph: Pointer;
  readonly context: Pointer;
  readonly allocator: GraphAllocator;
}

/**
 * ggml's records of the operations of a graph that can be computed now, in the order in which that is done. For this
 * package: to its users a graph has no addresses.
 */
export let nodesOf: (graph: Graph) => Pointer[];

/** As `graph.allocate()`, in memory that other graphs had before, and will have afterwards. For this package. */
export let allocateIn: (graph: Graph, memory: WorkingMemory) => void;

/**
 * Operations on tensors, recorded once and computed as often as wanted:
 *
 * ```ts
 * import { Backend, Graph } from "@allformers/gpt2";
 * import { add } from "@allformers/gpt2/ops";
 *
 * using backend = Backend.cpu();
 * using graph = new Graph(backend);
 * const x = graph.input([2, 3], "f32", "x");
 * const y = graph.output(add(x, x));
 * graph.allocate();
 * graph.write(x, new Float32Array(6).fill(1));
 * graph.compute();
 * console.log(graph.readF32(y)); // six times 2
 * ```
 *
 * First operations are recorded, then `allocate()` is called, then inputs are written, all is computed, and outputs are
 * read, in this order and again and again. What is done at the wrong time, or with a tensor of another graph, is an error.
 * Between `allocate()` and disposal nothing allocates native memory.
 */
export class Graph implements Disposable {
  readonly #backend: Backend;
  readonly #attention: AttentionLowering;
  readonly #recorder: Recorder;
  #allocated: Allocated | undefined;

  /**
   * An empty graph.
   *
   * @param backend where to compute
   * @param options see {@linkcode GraphOptions}
   * @throws {TypeError} if the backend has been disposed of
   * @throws {RangeError} if an option is out of range
   */
  constructor(backend: Backend, options: GraphOptions = {}) {
    const {
      maxNodes = MAX_NODES,
      attention = "fused",
      lowering = "inference",
      precision,
    } = checkOptions("create a graph", options, RULES);
    if (!(backend instanceof Backend)) {
      throw new TypeError(
        `Cannot create a graph: a backend is needed: received ${describe(backend)}`,
      );
    }
    backend.checkUsable();
    this.#backend = backend;
    this.#attention = attention;
    const tape = lowering === "differentiable" ? new Tape() : undefined;
    this.#recorder = new Recorder(backend, maxNodes, tape, precision);
  }

  static {
    nodesOf = (graph) => {
      graph.#recorder.checkComputable();
      return graph.#nodes;
    };
    allocateIn = (graph, memory) => graph.#allocate(memory);
  }

  /** Where the graph is computed. */
  get backend(): Backend {
    return this.#backend;
  }

  /** How attention is carried out. */
  get attention(): AttentionLowering {
    return this.#attention;
  }

  /**
   * A tensor that is written before each run, and keeps its contents between runs.
   *
   * @param shape outermost axis first
   * @param dtype element type
   * @param name shown by ggml's own tools
   * @throws {TypeError} if there is no such type, or the graph has its memory already
   * @throws {RangeError} if a size is not a positive integer, or a row is not a whole number of blocks of a quantized type
   */
  input(shape: Shape, dtype: TensorType, name: string): Tensor {
    return createInput(this.#recorder, shape, dtype, name);
  }

  /**
   * An f32 tensor that has the same values in every run.
   *
   * @param shape outermost axis first
   * @param values the elements in row-major order, which are copied
   */
  constant(shape: Shape, values: ArrayLike<number>): Tensor {
    return createConstant(this.#recorder, shape, values);
  }

  /**
   * A tensor of a buffer as a part of this graph, so that operations on nothing else know where to go.
   *
   * @throws {TypeError} if the graph has its memory already, or the tensor is of another graph or backend
   */
  borrow(x: Tensor): Tensor {
    this.#recorder.checkRecording(`borrow ${x}`);
    return borrowInto(this.#recorder, x);
  }

  /**
   * Marks `x` as a result that can be read after a run, and returns it.
   *
   * @throws {TypeError} if it is not a tensor of this graph, or the graph has its memory already
   */
  output(x: Tensor, name?: string): Tensor {
    this.#checkOwn("output", x);
    const record = recordOf(x);
    if (name !== undefined && typeof name !== "string") {
      throw new TypeError(`Cannot output ${x}: its name is a text: received ${describe(name)}`);
    }
    if (name !== undefined) library().ggml_set_name(record.pointer, cString(name));
    this.#recorder.keep(record);
    return x;
  }

  /**
   * Makes `x` part of the graph without keeping its value: for operations that write into a cache.
   *
   * @throws {TypeError} if it is not a tensor of this graph, or the graph has its memory already
   */
  expand(x: Tensor): void {
    this.#checkOwn("expand", x);
    this.#recorder.require(recordOf(x));
  }

  /** The number of operations recorded so far, views and inputs among them. */
  get numNodes(): number {
    return this.#recorder.numRecords;
  }

  /**
   * The operations that outputs need, in the order in which they are computed, by their ggml names: `["GET_ROWS", "ADD",
   * ...]`.
   */
  get operations(): string[] {
    this.#recorder.checkUsable();
    return this.#nodes.map((node) => readCString(library().ggml_op_desc(node)));
  }

  /** The bytes of working memory that the results of this graph take; 0 while there is none. */
  get workingBytes(): number {
    return this.#allocated?.allocator.byteLength ?? 0;
  }

  /**
   * Places every result in working memory. Call it after the last operation and before the first run; a second call does
   * nothing.
   *
   * @throws {NativeError} if there is not enough memory
   */
  allocate(): void {
    this.#allocate();
  }

  #allocate(memory?: WorkingMemory): void {
    this.#recorder.checkUsable();
    if (this.#allocated !== undefined) return;
    const { graph, context, size } = this.#recorder.build();
    const allocator = allocatorFor(this.#backend, size, memory);
    // Results that gradients need are kept: there may be far more of them than memory.
    const isLarge = this.#recorder.tape !== undefined;
    const neededBytes = isLarge ? allocator.bytesFor(graph) : undefined;
    if (exceedsMemory(neededBytes) || !allocator.allocate(graph)) {
      allocator.free();
      library().ggml_free(context);
      throw new WorkingMemoryError(neededBytes);
    }
    this.#allocated = { graph, context, allocator };
    this.#recorder.startUse();
  }

  /**
   * Computes all results. Blocks the calling thread until they are there.
   *
   * @param threads how many threads the processor uses, at most the backend's. Default: those
   * @throws {RangeError} if there are not so many threads
   * @throws {Deno.errors.Busy} if another computation is running on the backend
   */
  compute(threads: number = this.#backend.threads): void {
    const toRun = this.#prepare(threads);
    executorOf(this.#backend).compute(toRun, threads);
  }

  /**
   * Like `compute()`, on another thread: the event loop stays free. One computation at a time per backend.
   *
   * @param signal stops the computation
   * @param threads how many threads the processor uses, at most the backend's. Default: those
   * @throws {RangeError} if there are not so many threads
   * @throws {Deno.errors.Busy} if another computation is running on the backend
   * @throws {DOMException} `AbortError` (or the signal's own reason) if `signal` was or is aborted
   */
  async computeAsync(
    signal?: AbortSignal,
    threads: number = this.#backend.threads,
  ): Promise<void> {
    const toRun = this.#prepare(threads);
    const running = executorOf(this.#backend).computeAsync(toRun, threads, signal);
    await this.#recorder.during(running);
  }

  /**
   * Writes the elements of an input.
   *
   * @param x what `input()` returned
   * @param data as many bytes as are written
   * @param byteOffset where the first of them goes
   * @throws {TypeError} if `x` is no input of this graph, or the graph has no memory yet
   * @throws {RangeError} if the bytes do not fit, or are ids of rows that a table does not have
   * @throws {Deno.errors.Busy} if the graph is being computed
   */
  write(x: Tensor, data: ArrayBufferView<ArrayBuffer>, byteOffset = 0): void {
    this.#checkOwner("write", x);
    writeTensor(x, data, byteOffset);
  }

  /**
   * Reads elements of an F32 output or input.
   *
   * @param x what `output()` or `input()` returned
   * @param into takes as many elements as it has; a new array for all of them by default
   * @param start the first element that is read
   * @throws {TypeError} if `x` is not f32, neither output nor input of this graph, or the graph has no memory yet
   * @throws {RangeError} if there are not so many elements
   * @throws {Deno.errors.Busy} if the graph is being computed
   */
  readF32(x: Tensor, into?: Float32Array<ArrayBuffer>, start = 0): Float32Array<ArrayBuffer> {
    this.#checkOwner("read", x);
    if (x.dtype !== "f32") throw new TypeError(`Cannot read ${x}: f32 is needed.`);
    const target = into ?? new Float32Array(x.size);
    readTensor(x, target, start * Float32Array.BYTES_PER_ELEMENT);
    return target;
  }

  /**
   * Reads elements of an output or input of any type.
   *
   * @param x what `output()` or `input()` returned
   * @param into takes as many bytes as it has
   * @param byteOffset where the first of them is
   * @throws {TypeError} if `x` is neither output nor input of this graph, or the graph has no memory yet
   * @throws {RangeError} if there are not so many bytes
   * @throws {Deno.errors.Busy} if the graph is being computed
   */
  read(x: Tensor, into: ArrayBufferView<ArrayBuffer>, byteOffset = 0): void {
    this.#checkOwner("read", x);
    readTensor(x, into, byteOffset);
  }

  /** Frees the native memory of all results, after the computation that is running. A second call does nothing. */
  [Symbol.dispose](): void {
    if (this.#recorder.state === "disposed") return;
    this.#recorder.state = "disposed";
    const allocated = this.#allocated;
    this.#allocated = undefined;
    this.#backend.whenIdle(() => {
      allocated?.allocator.free();
      if (allocated !== undefined) library().ggml_free(allocated.context);
      this.#recorder.free();
    });
  }

  get #nodes(): Pointer[] {
    return this.#recorder.required.filter((record) => record.sources.length > 0).map((
      { pointer },
    ) => pointer);
  }

  #prepare(threads: number): { graph: Pointer; scheduler?: Pointer } {
    this.#recorder.checkComputable();
    checkThreads(threads, this.#backend.threads);
    const { graph, allocator } = this.#allocated!;
    return { graph, scheduler: allocator.scheduler };
  }

  #checkOwn(action: string, x: Tensor): void {
    this.#checkOwner(action, x);
    this.#recorder.checkRecording(`${action} ${x}`);
  }

  #checkOwner(action: string, x: Tensor): void {
    const { owner, details } = recordOf(x, action);
    if (owner === this.#recorder && !details.isBorrowed) return;
    throw new TypeError(`Cannot ${action} ${x}: it is not a tensor of this graph.`);
  }
}

showFields(Graph, ({ backend, numNodes }) => ({ backend: backend.name, numNodes }));
