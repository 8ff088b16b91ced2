/**
 * The memory that ggml's threads look at between the nodes of a graph, to see whether to go on.
 *
 * @module
 */
import { createContext } from "./context.ts";
import { library } from "./library.ts";
import type { Pointer } from "./memory.ts";
import { ggmlTensor } from "./structs.ts";

/** Where `gpt2_abort_if_set()` reads. In a tensor its type is there, which `ggml_is_empty()` does not look at. */
const FLAG = 0;

/**
 * A number that stops a computation when it is set.
 *
 * It is read by two readers, because native threads can only call C: `gpt2_abort_if_set()`, which reads an int32, and in a
 * library without it `ggml_is_empty()`, which takes the memory for a tensor and asks whether one of its four sizes is 0. So
 * it is a tensor of ggml's. The memory is native for another reason too: a worker that is terminated takes its arrays along,
 * while the threads of its last computation still look at the flag.
 */
export class AbortFlag {
  /** Its address, valid until {@linkcode free}. */
  readonly pointer: Pointer;
  readonly #context: Pointer;
  readonly #memory: DataView;

  /**
   * A flag that is not set.
   *
   * @throws {NativeError} if the memory cannot be had
   */
  constructor() {
    const ggml = library();
    this.#context = createContext(ggml.ggml_tensor_overhead());
    this.pointer = ggml.ggml_new_tensor_4d(this.#context, 0, 1n, 1n, 1n, 1n)!;
    this.#memory = new DataView(
      Deno.UnsafePointerView.getArrayBuffer(this.pointer, ggmlTensor.byteLength),
    );
  }

  /** Stops the computation that looks at it. */
  set(): void {
    this.#write(1, 0n);
  }

  /** Lets computations run. */
  clear(): void {
    this.#write(0, 1n);
  }

  /** Frees the memory, which nobody may look at any more. */
  free(): void {
    library().ggml_free(this.#context);
  }

  #write(flag: number, size: bigint): void {
    this.#memory.setInt32(FLAG, flag, true);
    this.#memory.setBigInt64(ggmlTensor.offsets.ne, size, true);
  }
}
