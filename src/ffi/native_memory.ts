/**
 * Memory that native threads may look at for as long as they want: a worker that is terminated takes its typed arrays along,
 * while calls on other threads still use them.
 *
 * @module
 */
import { createContext } from "./context.ts";
import { library } from "./library.ts";
import type { Pointer } from "./memory.ts";

/** A block of native memory, which somebody has to free. */
export class NativeMemory {
  /** Where it begins. */
  readonly pointer: Pointer;
  /** All of it. */
  readonly buffer: ArrayBuffer;
  readonly #context: Pointer;

  /**
   * A block of zeros.
   *
   * @throws {NativeError} if there is not so much memory
   */
  constructor(byteLength: number) {
    this.#context = createContext(BigInt(byteLength));
    this.pointer = library().ggml_get_mem_buffer(this.#context)!;
    this.buffer = Deno.UnsafePointerView.getArrayBuffer(this.pointer, byteLength);
    new Uint8Array(this.buffer).fill(0);
  }

  /** Frees the memory. Nobody may use it from here on. */
  free(): void {
    library().ggml_free(this.#context);
  }
}
