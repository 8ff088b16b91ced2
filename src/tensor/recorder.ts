/**
 * What a graph consists of, and what its tensors belong to.
 *
 * @module
 */
import { DisposedError, OutOfMemoryError } from "../base/errors.ts";
import { createContext } from "../ffi/context.ts";
import { library } from "../ffi/library.ts";
import type { Pointer } from "../ffi/memory.ts";
import type { Backend } from "./backend.ts";
import { setElements } from "./data.ts";
import type { DifferentiableOperand, Tape } from "./tape.ts";
import {
  createTensor,
  recordOf,
  type Tensor,
  type TensorLayout,
  type TensorOwner,
  TensorRecord,
} from "./tensor.ts";

/** Records that fit into one of ggml's contexts, of which there are as many as are needed. */
const RECORDS_PER_CONTEXT = 512;

/** ggml makes one record for an operation, and a second one for some. */
const RECORDS_PER_OPERATION = 2;

/** From the beginning to the end of a graph. */
type State = "recording" | "allocated" | "computing" | "disposed";

/**
 * How exactly a product of F32 matrices is computed: from their elements, or from those rounded to BF16, to the nearest and of
 * two to the even one; sums are F32.
 */
export type Precision = "f32" | "bf16";

/** Makes ggml's record of an operation on these operands. */
export type MakeRecord = (
  context: Pointer,
  a: Pointer,
  b: Pointer,
  c: Pointer,
  d: Pointer,
  e: Pointer,
  f: Pointer,
  g: Pointer,
) => Deno.PointerValue;

/** The operations of one graph, in the order in which they were recorded, and the state in which the graph is. */
export class Recorder implements TensorOwner {
  readonly backend: Backend;
  /** The largest number of records. */
  readonly #maxRecords: number;
  readonly #contexts: Pointer[] = [];
  #room = 0;
  readonly #records: TensorRecord[] = [];
  readonly #readable = new Set<TensorRecord>();
  readonly #writable = new Set<TensorRecord>();
  /** Whose memory operations read or write beside that of the graph. */
  readonly #lenders = new Set<TensorOwner>();
  readonly #initialValues = new Map<TensorRecord, Uint8Array<ArrayBuffer>>();
  /** What can be done with the graph now. */
  state: State = "recording";
  /** How gradients are computed, in a graph that is differentiable. */
  readonly tape: Tape | undefined;
  /** How exactly products are computed there. */
  readonly precision: Precision;

  constructor(
    backend: Backend,
    maxRecords: number,
    tape?: Tape,
    precision: Precision = "f32",
  ) {
    this.backend = backend;
    this.#maxRecords = maxRecords;
    this.tape = tape;
    this.precision = precision;
  }

  /** All operations, inputs included, in the order in which they were recorded. */
  get records(): readonly TensorRecord[] {
    return this.#records;
  }

  /** How many operations there are, inputs included. */
  get numRecords(): number {
    return this.#records.length;
  }

  /** Whether it is being computed on another thread. */
  get isComputing(): boolean {
    return this.state === "computing";
  }

  checkUsable(): void {
    this.backend.checkUsable(); // First: who disposed of all knows of no graph.
    if (this.state === "disposed") throw new DisposedError("use a graph");
  }

  /** Throws unless operations can be added. */
  checkRecording(action: string): void {
    this.checkUsable();
    if (this.state === "recording") return;
    throw new TypeError(
      `Cannot ${action}: the graph has its memory already. Add operations before allocate().`,
    );
  }

  /** Throws unless the graph has its memory, and so has everything that it reads. */
  checkComputable(): void {
    this.checkUsable();
    for (const lender of this.#lenders) lender.checkUsable();
    if (this.state === "recording") {
      throw new TypeError("Cannot compute a graph: it has no memory yet. Call allocate() first.");
    }
    if (this.isComputing) {
      throw new Deno.errors.Busy("Cannot compute: another computation is running. Await it first.");
    }
  }

  checkReadable(x: TensorRecord): void {
    this.#checkAccess("read", x, this.#readable, "Mark it with output() first.");
  }

  checkWritable(x: TensorRecord): void {
    this.#checkAccess("write", x, this.#writable, "Only what input() returned is written.");
  }

  #checkAccess(
    action: string,
    x: TensorRecord,
    allowed: ReadonlySet<TensorRecord>,
    advice: string,
  ): void {
    this.checkUsable();
    if (this.isComputing) {
      throw new Deno.errors.Busy(
        `Cannot ${action} a tensor: its graph is being computed. Await that first.`,
      );
    }
    if (this.state === "recording") {
      throw new TypeError(
        `Cannot ${action} a tensor: its graph has no memory yet. Call allocate() first.`,
      );
    }
    if (!allowed.has(x)) {
      throw new TypeError(
        `Cannot ${action} a tensor: it is no ${action === "read" ? "output" : "input"}. ${advice}`,
      );
    }
  }

  /**
   * Adds an operation.
   *
   * @param operands what it reads: tensors of this graph, or of buffers
   * @param make calls ggml
   * @param layout of the result
   * @param details see {@linkcode TensorRecord}
   * @throws {NativeError} if native memory cannot be had
   * @throws {RangeError} if the graph has as many operations as it may have
   */
  record(
    operands: readonly Tensor[],
    make: MakeRecord,
    layout: TensorLayout,
    details: TensorRecord["details"] = {},
  ): Tensor {
    const sources = operands.map((x) => recordOf(x));
    // Once more: between the checks and here a caller's own code may have run, in a list that computes its elements.
    this.checkRecording("record an operation");
    for (const { owner } of sources) {
      if (owner === this) continue;
      owner.checkUsable();
      this.#lenders.add(owner);
    }
    const [a, b, c, d, e, f, g] = sources.map(({ pointer }) => pointer);
    const pointer = make(this.#contextWithRoom(), a, b, c, d, e, f, g);
    if (pointer === null) {
      throw new OutOfMemoryError("Cannot record an operation: ggml has no memory for it.");
    }
    const record = new TensorRecord(pointer, this, sources, details);
    this.#records.push(record);
    return createTensor(record, layout);
  }

  /** A tensor of a buffer as a part of this graph, so that operations on it alone know where to go. */
  borrow(x: Tensor): Tensor {
    const source = recordOf(x);
    this.#lenders.add(source.owner);
    const { ids } = source.details;
    const borrowed = createTensor(
      new TensorRecord(source.pointer, this, [source], { ids, isBorrowed: true }),
      x,
    );
    this.tape?.note([borrowed], [{ x, rule: ([gradient]) => gradient! }]);
    return borrowed;
  }

  /** Records an operation that consists of others; `differentiable()` then says the gradients of the whole. */
  asOne<T>(record: () => T): T {
    return this.tape === undefined ? record() : this.tape.without(record);
  }

  /** Has `x` computed. */
  require(x: TensorRecord): void {
    x.isRequired = true;
  }

  /** Has `x` computed, and kept to be read. */
  keep(x: TensorRecord): void {
    x.isRequired = true;
    this.#readable.add(x);
    // A view has the memory of another tensor, which then has to be kept.
    let at: TensorRecord | undefined = x;
    while (at !== undefined && at.owner === this && !at.details.isBorrowed) {
      library().ggml_set_output(at.pointer);
      at = at.details.viewOf;
    }
  }

  /** Has an input kept, with its values from the beginning, if there are any, and those that are written into it. */
  keepInput(
    x: TensorRecord,
    isWritable: boolean,
    initialValues?: Uint8Array<ArrayBuffer>,
  ): void {
    this.keep(x);
    if (isWritable) this.#writable.add(x);
    if (initialValues !== undefined) this.#initialValues.set(x, initialValues);
  }

  /** To be called when the graph has its memory. */
  startUse(): void {
    this.state = "allocated";
    for (const [x, bytes] of this.#initialValues) setElements(x, bytes);
    this.#initialValues.clear();
  }

  /** What has to be computed, each after what it is computed from; inputs are among it. */
  get required(): TensorRecord[] {
    for (let i = this.#records.length - 1; i >= 0; i--) {
      const { isRequired, sources } = this.#records[i];
      if (isRequired) { for (const source of sources) source.isRequired = true; }
    }
    return this.#records.filter(({ isRequired }) => isRequired);
  }

  /** ggml's graph of all that is required, in a context of its own. */
  build(): { graph: Pointer; context: Pointer; size: number } {
    const ggml = library();
    const { required } = this;
    // ggml counts the operations, and apart from them what is not computed: inputs, and what is read of buffers.
    const size = required.reduce((sum, { sources }) => sum + 1 + sources.length, 1);
    const context = createContext(ggml.ggml_graph_overhead_custom(BigInt(size), false));
    const graph = ggml.ggml_new_graph_custom(context, BigInt(size), false)!;
    // One after another: from the last to the first ggml would go by recursion, for which no stack is deep enough.
    for (const { pointer } of required) ggml.ggml_build_forward_expand(graph, pointer);
    return { graph, context, size };
  }

  /** Waits for a computation, during which nobody may change or read what it works on. */
  async during(running: Promise<void>): Promise<void> {
    this.state = "computing";
    try {
      await running;
    } finally {
      // Disposing does not wait.
      if (this.isComputing) this.state = "allocated";
    }
  }

  /** Frees all records. */
  free(): void {
    for (const context of this.#contexts) library().ggml_free(context);
  }

  #contextWithRoom(): Pointer {
    if (this.#records.length >= this.#maxRecords) {
      throw new RangeError(
        `Cannot record an operation: the graph has ${this.#maxRecords} already. Raise maxNodes.`,
      );
    }
    if (this.#room < RECORDS_PER_OPERATION) {
      const bytes = library().ggml_tensor_overhead() * BigInt(RECORDS_PER_CONTEXT);
      this.#contexts.push(createContext(bytes));
      this.#room = RECORDS_PER_CONTEXT;
    }
    this.#room -= RECORDS_PER_OPERATION;
    return this.#contexts[this.#contexts.length - 1];
  }
}

/**
 * The graph that an operation on these tensors belongs to: that of those which are part of one.
 *
 * @param action what cannot be done otherwise
 * @throws {TypeError} if one is no tensor or not usable any more, if they belong to different graphs or backends, or if the
 *   graph takes no more operations
 */
export function recorderFor(action: string, ...operands: readonly Tensor[]): Recorder {
  let recorder: Recorder | undefined;
  let isAlone = true;
  for (const x of operands) {
    const { owner } = recordOf(x, action);
    if (owner === recorder) continue;
    if (!(owner instanceof Recorder)) {
      isAlone = false;
      continue;
    }
    if (recorder !== undefined) {
      throw new TypeError(
        `Cannot ${action} ${
          operands.join(" and ")
        }: they belong to different graphs. A tensor is of use ` +
          "only in the graph that it was made in, and each call has a new one: constant(values, shape, x) " +
          "makes one in the graph of x.",
      );
    }
    recorder = owner;
  }
  if (recorder === undefined) {
    throw new TypeError(
      `Cannot ${action} ${operands.join(" and ")}: none of them is part of a graph. ` +
        "Bring a weight into one with borrow().",
    );
  }
  recorder.checkRecording(action);
  if (!isAlone) { for (const x of operands) checkLender(action, x, recorder); }
  return recorder;
}

/** An operand and the rule for its gradient; see {@linkcode differentiable}. */
export type OperandRule = readonly [x: Tensor, rule: (gradient: Tensor) => Tensor];

/**
 * Says how the gradients of operands follow from that of the result, and returns the result. In a graph that is not
 * differentiable it does nothing else.
 */
export function differentiable(result: Tensor, ...operands: readonly OperandRule[]): Tensor {
  const { tape } = recorderOf(result)!;
  if (tape === undefined) return result;
  tape.note([result], operands.map(([x, rule]) => ({ x, rule: ([gradient]) => rule(gradient!) })));
  return result;
}

/** The same for an operation with several results, or a rule that adds up gradients. */
export function differentiableAll(
  results: readonly Tensor[],
  ...operands: readonly DifferentiableOperand[]
): void {
  recorderOf(results[0])!.tape?.note(results, operands);
}

/** {@linkcode Recorder.asOne} of the graph of `x`. */
export function asOne<T>(x: Tensor, record: () => T): T {
  const recorder = recorderOf(x);
  return recorder === undefined ? record() : recorder.asOne(record);
}

/** A tensor of a buffer as a part of a graph. */
export function borrowInto(recorder: Recorder, x: Tensor): Tensor {
  recordOf(x, "borrow");
  checkLender("borrow", x, recorder);
  const own = recorderOf(x);
  if (own === undefined) return recorder.borrow(x);
  if (own === recorder) return x;
  throw new TypeError(`Cannot borrow ${x}: it belongs to another graph.`);
}

/** Throws unless a graph may read the memory of `x`. */
function checkLender(action: string, x: Tensor, recorder: Recorder): void {
  const { owner } = recordOf(x);
  if (owner === recorder) return;
  owner.checkUsable();
  if (owner.backend !== recorder.backend) {
    throw new TypeError(`Cannot ${action} ${x}: its memory belongs to another backend.`);
  }
}

/** The graph that `x` is part of; nothing for a tensor of a buffer. */
export function recorderOf(x: Tensor): Recorder | undefined {
  const { owner } = recordOf(x);
  return owner instanceof Recorder ? owner : undefined;
}
