/**
 * Memory for tensors that outlive a graph: weights and caches.
 *
 * @module
 */
import { library } from "../ffi/library.ts";
import type { MappedFile } from "../ffi/mapped_file.ts";
import type { Pointer } from "../ffi/memory.ts";
import { NativeError } from "../base/errors.ts";
import type { Backend, BufferType } from "./backend.ts";
import { rowBytes, type TensorType, tensorTypeInfo } from "../formats/tensor_type.ts";
import { createContext } from "./graph.ts";
import { checkShape, formatShape, nativeSizes, type Shape } from "./shape.ts";
import { Tensor } from "./tensor.ts";

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
 * A block of native memory with one tensor for each spec, in the same order. The tensors borrow from it: they must not
 * be used after it has been disposed of.
 */
export class Buffer implements Disposable {
  /** The tensors, in the order of their specs. */
  readonly tensors: readonly Tensor[];
  readonly #backend: Backend;
  readonly #context: Pointer;
  readonly #buffer: Pointer;
  #disposed = false;

  /**
   * @param backend whose memory it is
   * @param specs shapes and types of the tensors
   * @param memory a kind of memory other than the backend's plain one, see `Backend.repackedBufferTypes`; or a mapped
   * file that holds the tensors, which may then be read only. The file must outlive the buffer.
   * @throws {NativeError} if the memory cannot be had
   */
  constructor(
    backend: Backend,
    specs: readonly TensorSpec[],
    memory: BufferType | FileLayout = backend.host.bufferType,
  ) {
    const ggml = library();
    this.#backend = backend;
    this.#context = createContext(ggml.ggml_tensor_overhead() * BigInt(specs.length + 1));
    this.tensors = specs.map(({ shape, dtype }) => {
      checkShape("create a tensor", shape);
      rowBytes(dtype, shape[shape.length - 1]);
      const { id } = tensorTypeInfo(dtype);
      const pointer = ggml.ggml_new_tensor_4d(this.#context, id, ...nativeSizes(shape))!;
      return new Tensor({ shape, dtype, pointer });
    });
    this.#buffer = "file" in memory ? this.#place(memory) : this.#allocate(memory);
  }

  #allocate(type: BufferType): Pointer {
    const ggml = library();
    const buffer = ggml.ggml_backend_alloc_ctx_tensors_from_buft(this.#context, type);
    if (buffer === null) {
      ggml.ggml_free(this.#context);
      throw new NativeError(
        `Cannot allocate ${this.tensors.length} tensors: not enough memory: the first is ${
          formatShape(this.tensors[0]?.shape ?? [])
        }`,
      );
    }
    if (!this.#backend.isDeviceMemory(type)) {
      ggml.gpt2_use_huge_pages(
        ggml.ggml_backend_buffer_get_base(buffer),
        ggml.ggml_backend_buffer_get_size(buffer),
      );
    }
    return buffer;
  }

  /** Lets the tensors lie where they are in the file. */
  #place({ file, offsets }: FileLayout): Pointer {
    const ggml = library();
    const size = BigInt(file.byteLength);
    const buffer = ggml.ggml_backend_cpu_buffer_from_ptr(file.pointer, size)!;
    this.tensors.forEach((tensor, index) => {
      const address = file.address(offsets[index], tensor.byteLength);
      ggml.ggml_backend_tensor_alloc(buffer, tensor.pointer, address);
    });
    return buffer;
  }

  /** Tells ggml that the tensors are weights: they are not written during a computation. */
  markAsWeights(): void {
    library().ggml_backend_buffer_set_usage(this.#buffer, USAGE_WEIGHTS);
  }

  /** Sets every byte to `value`. */
  fill(value: number): void {
    library().ggml_backend_buffer_clear(this.#buffer, value);
  }

  /** The bytes allocated. */
  get byteLength(): number {
    return Number(library().ggml_backend_buffer_get_size(this.#buffer));
  }

  /** Frees the memory, after the computation that is running. A second call does nothing. */
  [Symbol.dispose](): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#backend.whenIdle(() => {
      library().ggml_backend_buffer_free(this.#buffer);
      library().ggml_free(this.#context);
    });
  }
}
