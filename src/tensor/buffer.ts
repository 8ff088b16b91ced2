/**
 * Memory for tensors that outlive a graph: weights and caches.
 *
 * @module
 */
import { DisposedError, OutOfMemoryError } from "../base/errors.ts";
import { createContext } from "../ffi/context.ts";
import { library } from "../ffi/library.ts";
import type { MappedFile } from "../ffi/mapped_file.ts";
import type { Pointer } from "../ffi/memory.ts";
import { type TensorType, tensorTypeInfo } from "../formats/tensor_type.ts";
import type { Backend } from "./backend.ts";
import { checkedElements } from "./inputs.ts";
import { exceedsMemory, gigabytes, moreThanIsFree } from "./machine_memory.ts";
import { type BufferType, nativePlace, Place } from "./place.ts";
import { formatShape, nativeSizes, type Shape } from "./shape.ts";
import { createTensor, recordOf, type Tensor, type TensorOwner, TensorRecord } from "./tensor.ts";

/** What a tensor in a buffer is to look like. */
export interface TensorSpec {
  /** Sizes of the axes, outermost first. */
  readonly shape: Shape;
  /** Element type. */
  readonly dtype: TensorType;
}

/** Where tensors lie in a mapped file. */
export interface FileLayout {
  /** The file. */
  readonly file: MappedFile;
  /** For each tensor, the offset of its first byte: a multiple of {@linkcode TENSOR_ALIGNMENT}. */
  readonly offsets: readonly number[];
}

/** ggml wants tensors to begin at multiples of this many bytes; GGUF files see to it. */
export const TENSOR_ALIGNMENT = 32;

/** `GGML_BACKEND_BUFFER_USAGE_WEIGHTS`. */
const USAGE_WEIGHTS = 1;

/**
 * Gives an operation that has no memory yet that of a tensor of a buffer, which is of the same size. For this package.
 */
export let placeResult: (buffer: Buffer, result: TensorRecord, target: Tensor) => void;

/** Options of {@linkcode Buffer}. */
export interface BufferOptions {
  /**
   * Whether only some of it will be written, here and there: the memory then comes in small pages, of which those that nobody
   * writes are never there. Otherwise it comes in large ones, which are faster to read. Default: false.
   */
  readonly isSparse?: boolean;
}

/**
 * A block of native memory with one tensor for each spec, in the same order. The tensors borrow from it: using them after
 * it has been disposed of is an error.
 */
export class Buffer implements Disposable, TensorOwner {
  /** The tensors, in the order of their specs. */
  readonly tensors: readonly Tensor[];
  /** Whose memory it is. */
  readonly backend: Backend;
  readonly #context: Pointer;
  readonly #buffer: Pointer;
  readonly #isMapped: boolean;
  /** Whether elements lie in an order in which they can only be multiplied with. */
  readonly isRepacked: boolean;
  #disposed = false;

  /**
   * @param backend whose memory it is
   * @param specs shapes and types of the tensors
   * @param memory a place of the backend, by default its host; a kind of memory, see `repackedBufferTypes()`; or a mapped
   *   file that holds the tensors, which may then be read only. The file must outlive the buffer.
   * @throws {NativeError} if the memory cannot be had
   */
  constructor(
    backend: Backend,
    specs: readonly TensorSpec[],
    memory: Place | BufferType | FileLayout = backend.host,
    { isSparse = false }: BufferOptions = {},
  ) {
    backend.checkUsable();
    for (const { shape, dtype } of specs) checkedElements("create a tensor", shape, dtype);
    const ggml = library();
    this.backend = backend;
    this.#isMapped = "file" in memory;
    this.isRepacked = !(memory instanceof Place) && !("file" in memory) &&
      ![backend.host, ...backend.places].some((place) => isMemoryOf(place, memory));
    this.#context = createContext(ggml.ggml_tensor_overhead() * BigInt(specs.length + 1));
    try {
      this.tensors = specs.map((spec) => this.#create(spec));
      this.#buffer = memory instanceof Place
        ? this.#allocate(nativePlace(memory).bufferType, isSparse)
        : "file" in memory
        ? this.#place(memory)
        : this.#allocate(memory, isSparse);
    } catch (error) {
      ggml.ggml_free(this.#context);
      throw error;
    }
  }

  #create({ shape, dtype }: TensorSpec): Tensor {
    const { id } = tensorTypeInfo(dtype);
    const pointer = library().ggml_new_tensor_4d(this.#context, id, ...nativeSizes(shape))!;
    return createTensor(new TensorRecord(pointer, this), { shape: shape.slice(), dtype });
  }

  #allocate(type: BufferType, isSparse: boolean): Pointer {
    const ggml = library();
    const isOnDevice = isDeviceMemory(this.backend, type);
    const bytes = this.tensors.reduce((sum, { byteLength }) => sum + byteLength, 0);
    // Where that is known before, ggml need not try, and report it in its own words.
    const buffer = !isOnDevice && exceedsMemory(bytes)
      ? null
      : ggml.ggml_backend_alloc_ctx_tensors_from_buft(this.#context, type);
    if (buffer === null) {
      const [first] = this.tensors;
      throw new OutOfMemoryError(
        `Cannot allocate ${this.tensors.length} tensors, the first one ${
          formatShape(first.shape)
        }: they take ${gigabytes(bytes)}, ${
          isOnDevice ? "more memory than the device has" : moreThanIsFree()
        }. Choose a smaller model, fewer texts, or a smaller type.`,
      );
    }
    if (!isOnDevice) {
      const start = ggml.ggml_backend_buffer_get_base(buffer);
      const size = ggml.ggml_backend_buffer_get_size(buffer);
      if (isSparse) ggml.gpt2_use_small_pages(start, size);
      else ggml.gpt2_use_huge_pages(start, size);
    }
    return buffer;
  }

  /** Lets the tensors lie where they are in the file. */
  #place({ file, offsets }: FileLayout): Pointer {
    const ggml = library();
    const addresses = this.tensors.map(({ byteLength }, i) => file.address(offsets[i], byteLength));
    const size = BigInt(file.byteLength);
    const buffer = ggml.ggml_backend_cpu_buffer_from_ptr(file.pointer, size)!;
    this.tensors.forEach((tensor, i) => {
      ggml.ggml_backend_tensor_alloc(buffer, recordOf(tensor).pointer, addresses[i]);
    });
    return buffer;
  }

  static {
    placeResult = (buffer, result, target) => {
      const ggml = library();
      const address = ggml.ggml_get_data(recordOf(target).pointer);
      ggml.ggml_backend_tensor_alloc(buffer.#buffer, result.pointer, address);
    };
  }

  /** Tells ggml that the tensors are weights: they are not written during a computation. */
  markAsWeights(): void {
    this.checkUsable();
    library().ggml_backend_buffer_set_usage(this.#buffer, USAGE_WEIGHTS);
  }

  /** Sets every byte to `value`. */
  fill(value: number): void {
    this.checkWritable();
    library().ggml_backend_buffer_clear(this.#buffer, value);
  }

  /** The bytes allocated. */
  get byteLength(): number {
    this.checkUsable();
    return Number(library().ggml_backend_buffer_get_size(this.#buffer));
  }

  /** Throws if the memory is gone. */
  checkUsable(): void {
    this.backend.checkUsable(); // First: who disposed of all knows of no buffer.
    if (this.#disposed) throw new DisposedError("use a buffer");
  }

  /** Throws if the memory is gone. */
  checkReadable(): void {
    this.checkUsable();
  }

  /** Throws if the memory is gone, or that of a file. */
  checkWritable(): void {
    this.checkUsable();
    if (this.#isMapped) throw new TypeError("Cannot write a tensor: it lies in a mapped file.");
  }

  /** Frees the memory, after the computation that is running. A second call does nothing. */
  [Symbol.dispose](): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.backend.whenIdle(() => {
      library().ggml_backend_buffer_free(this.#buffer);
      library().ggml_free(this.#context);
    });
  }
}

/** Whether memory of this kind belongs to a device, where this process cannot read it. */
function isDeviceMemory({ places }: Backend, type: BufferType): boolean {
  return places.some((place) => !place.isHost && isMemoryOf(place, type));
}

function isMemoryOf(place: Place, type: BufferType): boolean {
  return Deno.UnsafePointer.equals(nativePlace(place).bufferType, type);
}
