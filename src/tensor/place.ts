/**
 * The memories that a computation is spread over.
 *
 * @module
 */
import { library } from "../ffi/library.ts";
import { type Pointer, readCString } from "../ffi/memory.ts";

/** A kind of memory that a backend can compute in. */
export type BufferType = Pointer;

/** Memory that tensors can lie in, and what computes with it: the processor, a GPU, or a device of a server. */
export class Place {
  /** ggml's backend. */
  readonly pointer: Pointer;
  /** The kind of memory. */
  readonly bufferType: BufferType;
  /** Whether it is the processor's own memory. */
  readonly isHost: boolean;
  /** The part of the layers that it takes, beside other places: 0 to 1. */
  readonly share: number;

  /**
   * The memory that a backend prefers.
   *
   * @param pointer ggml's backend; the place does not own it
   * @param isHost see {@linkcode Place.isHost}
   * @param share see {@linkcode Place.share}
   */
  constructor(pointer: Pointer, isHost: boolean, share = 1) {
    this.pointer = pointer;
    this.isHost = isHost;
    this.bufferType = library().ggml_backend_get_default_buffer_type(pointer)!;
    this.share = share;
  }

  /** ggml's name of it: `CPU`, `CUDA0`, `Vulkan0`, `RPC0[127.0.0.1:50052]`. */
  get name(): string {
    return readCString(library().ggml_backend_name(this.pointer));
  }
}
