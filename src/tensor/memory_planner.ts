/**
 * Which tensor goes into which kind of memory.
 *
 * @module
 */
import { library } from "../ffi/library.ts";
import { type Backend, executorOf } from "./backend.ts";
import { repackedBufferTypes } from "./buffer_types.ts";
import type { MappedFile } from "../ffi/mapped_file.ts";
import { Buffer, type FileLayout, TENSOR_ALIGNMENT, type TensorSpec } from "./buffer.ts";
import { readCString } from "../ffi/memory.ts";
import { type BufferType, nativePlace, type Place } from "./place.ts";
import { Graph } from "./graph.ts";
import { matmul } from "./ops.ts";
import { recordOf, type Tensor } from "./tensor.ts";

/** The row counts that every repacked layout accepts are multiples of this; GPT-2's 50257 tokens are not. */
const ROW_ALIGNMENT = 32;

/** The place of one tensor. */
export interface Slot {
  /** The tensor; call it after `allocate()`. */
  readonly tensor: () => Tensor;
  /** The kind of its memory. */
  readonly memory: SlotMemory;
}

/**
 * `plain`: as ggml describes it. `mapped`: the same, in the file, from which it has its values. `packed`: in this
 * package's own order. `repacked`: in an order of ggml's. From the last two elements cannot be read back. `device`: in that
 * of a device.
 */
export type SlotMemory = "plain" | "mapped" | "packed" | "repacked" | "device";

/** Collects tensors by kind of memory, then allocates one buffer for each kind that is used. */
export class MemoryPlanner {
  readonly #backend: Backend;
  readonly #repacked: readonly BufferType[];
  /** The kinds of memory: that of the host, its repacked ones, those of the devices. */
  readonly #types: readonly BufferType[];
  readonly #groups: TensorSpec[][];
  readonly #accepted = new Map<string, number>();
  readonly #file: MappedFile | undefined;
  readonly #mapped: { spec: TensorSpec; offset: number }[] = [];
  #buffers: (Buffer | undefined)[] = [];
  #fileBuffer: Buffer | undefined;

  /**
   * @param backend whose memory is used
   * @param options `file`: what tensors may stay in, which must outlive the buffers; `plain`: whether none is repacked
   */
  constructor(
    backend: Backend,
    { file, plain = false }: { readonly file?: MappedFile; readonly plain?: boolean } = {},
  ) {
    this.#backend = backend;
    this.#file = file;
    this.#repacked = plain ? [] : repackedBufferTypes(backend);
    const places = [backend.host, ...(backend.usesDevices ? backend.places : [])];
    const [host, ...devices] = places.map((place) => nativePlace(place).bufferType);
    this.#types = [host, ...this.#repacked, ...devices];
    this.#groups = this.#types.map(() => []);
  }

  /**
   * Plans a tensor in plain memory.
   *
   * @param spec what it looks like
   * @param offset where it is in the file, if it is there: then it stays there, if it may
   */
  addPlain(spec: TensorSpec, offset?: number): Slot {
    if (this.#file === undefined || offset === undefined || offset % TENSOR_ALIGNMENT !== 0) {
      return this.#add(0, spec);
    }
    const index = this.#mapped.push({ spec, offset }) - 1;
    return { tensor: () => this.#fileBuffer!.tensors[index], memory: "mapped" };
  }

  /**
   * Plans a matrix, (rows columns), that will only be multiplied with.
   *
   * @param spec what it looks like
   * @param offset where it is in the file, if it is there: then it stays there, if nothing is gained by moving it
   */
  addMatrix(spec: TensorSpec, offset?: number): Slot {
    const group = this.#groupFor(spec);
    return group === 0 ? this.addPlain(spec, offset) : this.#add(group, spec);
  }

  /** Plans a tensor in the memory of a device. */
  addOnDevice(spec: TensorSpec, place: Place): Slot {
    return this.#add(1 + this.#repacked.length + this.#backend.places.indexOf(place), spec);
  }

  /**
   * Plans a copy of a matrix of the host, to be multiplied with: on a device, or with rows added as repacked memory needs
   * them; none if it would gain nothing.
   */
  addCopy(spec: TensorSpec, place: Place): Slot | undefined {
    if (!place.isHost) return this.addOnDevice(spec, place);
    const { shape, dtype } = spec;
    const rows = Math.ceil(shape[0] / ROW_ALIGNMENT) * ROW_ALIGNMENT;
    const padded = { shape: [rows, shape[1]], dtype };
    const group = this.#groupFor(padded);
    return group === 0 ? undefined : this.#add(group, padded);
  }

  /**
   * Allocates everything planned so far.
   *
   * @throws {NativeError} if there is not enough memory; then nothing is allocated
   */
  allocate(): Buffer[] {
    using allocated = new DisposableStack();
    const allocate = (specs: readonly TensorSpec[], memory: BufferType | FileLayout) => {
      const buffer = allocated.use(new Buffer(this.#backend, specs, memory));
      buffer.markAsWeights();
      return buffer;
    };
    this.#buffers = this.#groups.map((specs, group) =>
      specs.length === 0 ? undefined : allocate(specs, this.#types[group])
    );
    if (this.#mapped.length > 0) {
      const offsets = this.#mapped.map(({ offset }) => offset);
      const specs = this.#mapped.map(({ spec }) => spec);
      this.#fileBuffer = allocate(specs, { file: this.#file!, offsets });
    }
    allocated.move();
    return [...this.#buffers, this.#fileBuffer].filter((buffer) => buffer !== undefined);
  }

  #add(group: number, spec: TensorSpec): Slot {
    const index = this.#groups[group].push(spec) - 1;
    return {
      tensor: () => this.#buffers[group]!.tensors[index],
      memory: this.#memoryOf(group),
    };
  }

  #memoryOf(group: number): SlotMemory {
    if (group === 0) return "plain";
    if (group > this.#repacked.length) return "device";
    const name = readCString(library().ggml_backend_buft_name(this.#types[group]));
    return name === "PACKED" ? "packed" : "repacked";
  }

  /** The first kind of repacked memory that accepts a matrix like this, or the plain kind. */
  #groupFor(spec: TensorSpec): number {
    const key = `${spec.dtype} ${spec.shape}`;
    let group = this.#accepted.get(key);
    if (group === undefined) {
      group = 1 + this.#repacked.findIndex((type) => canMultiplyFrom(this.#backend, spec, type));
      this.#accepted.set(key, group);
    }
    return group;
  }
}

/** Whether this backend multiplies with a matrix of this shape and type that lies in this kind of memory. */
function canMultiplyFrom(backend: Backend, spec: TensorSpec, type: BufferType): boolean {
  using weights = new Buffer(backend, [spec], type);
  using graph = new Graph(backend);
  const x = graph.input([1, spec.shape[1]], "f32", "x");
  const product = matmul(weights.tensors[0], x);
  return library().ggml_backend_supports_op(executorOf(backend).pointer, recordOf(product).pointer);
}
