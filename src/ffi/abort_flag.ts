/**
 * The memory that ggml's threads look at between the nodes of a graph, to see whether to go on.
 *
 * @module
 */
import type { Pointer } from "./memory.ts";
import { NativeMemory } from "./native_memory.ts";
import { ggmlTensor } from "./structs.ts";

/** Where `gpt2_abort_if_set()` reads. In a tensor its type is there, which `ggml_is_empty()` does not look at. */
const FLAG = 0;
const NUM_SIZES = 4;

/**
 * A number that stops a computation when it is set.
 *
 * It is laid out for two readers, because native threads can only call C: `gpt2_abort_if_set()`, which reads an int32,
 * and in a library without it `ggml_is_empty()`, which takes the memory for a tensor and asks whether one of its four
 * sizes is 0.
 */
export class AbortFlag {
  readonly #memory = new NativeMemory(ggmlTensor.byteLength);
  readonly #view = new DataView(this.#memory.buffer);

  /**
   * A flag that is not set.
   *
   * @throws {NativeError} if the memory cannot be had
   */
  constructor() {
    for (let axis = 0; axis < NUM_SIZES; axis++) this.#setSize(axis, 1n);
  }

  /** Its address, valid until {@linkcode free}. */
  get pointer(): Pointer {
    return this.#memory.pointer;
  }

  /** Stops the computation that looks at it. */
  set(): void {
    this.#view.setInt32(FLAG, 1, true);
    this.#setSize(0, 0n);
  }

  /** Lets computations run. */
  clear(): void {
    this.#view.setInt32(FLAG, 0, true);
    this.#setSize(0, 1n);
  }

  /** Frees the memory, which nobody may look at any more. */
  free(): void {
    this.#memory.free();
  }

  #setSize(axis: number, size: bigint): void {
    this.#view.setBigInt64(ggmlTensor.offsets.ne + 8 * axis, size, true);
  }
}
