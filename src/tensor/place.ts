/**
 * The memories that a computation is spread over.
 *
 * @module
 */
import { library } from "../ffi/library.ts";
import { type Pointer, readCString } from "../ffi/memory.ts";
import { checkKey, KEY, type Key } from "./illegal_constructor.ts";

/** A kind of memory that a backend can compute in. */
export type BufferType = Pointer;

/** What ggml calls a place. */
export interface NativePlace {
  /** ggml's backend, which the place does not own. */
  readonly pointer: Pointer;
  /** The kind of memory. */
  readonly bufferType: BufferType;
}

/** What a place is to ggml. For this package: to its users a place has no address. */
export let nativePlace: (place: Place) => NativePlace;

/** The place of a backend of ggml's: the memory that it prefers. `share`: see {@linkcode Place.share}. */
export let createPlace: (pointer: Pointer, isHost: boolean, share?: number) => Place;

/** Memory that tensors can lie in, and what computes with it: the processor, a GPU, or a device of a server. */
export class Place {
  /** Whether it is the processor's own memory. */
  readonly isHost: boolean;
  /** The part of the layers that it takes, beside other places: 0 to 1. */
  readonly share: number;
  /** ggml's name of it: `CPU`, `CUDA0`, `Vulkan0`, `RPC0[127.0.0.1:50052]`. */
  readonly name: string;
  readonly #native: NativePlace;

  private constructor(key: Key, pointer: Pointer, isHost: boolean, share: number) {
    checkKey(key, "Place");
    const ggml = library();
    this.isHost = isHost;
    this.share = share;
    this.name = readCString(ggml.ggml_backend_name(pointer));
    const bufferType = ggml.ggml_backend_get_default_buffer_type(pointer)!;
    this.#native = { pointer, bufferType };
  }

  static {
    nativePlace = (place) => place.#native;
    createPlace = (pointer, isHost, share = 1) => new Place(KEY, pointer, isHost, share);
  }
}
