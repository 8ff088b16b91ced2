/**
 * Where training has kernels of its own.
 *
 * @module
 */
import { library } from "../../ffi/library.ts";
import type { Backend } from "../backend.ts";
import { type Recorder, recorderFor } from "../recorder.ts";
import { recordOf, type Tensor } from "../tensor.ts";

let numDisabled = 0;

/**
 * Has graphs made of ggml's operations as if there were no kernels for training, until what is returned is disposed of. For tests: that
 * is what machines without these kernels compute.
 */
export function disableTrainingKernels(): Disposable {
  numDisabled++;
  return { [Symbol.dispose]: () => void numDisabled-- };
}

/**
 * Whether the backend can carry out the operations in this folder: only kernels of this package's own do, on a processor
 * that they were made for.
 */
export function hasTrainingKernels(backend: Backend): boolean {
  return numDisabled === 0 && !backend.usesDevices && library().gpt2_has_training_kernels();
}

/** Whether a tensor lies in memory in the order that its shape says. */
export function isPlain(x: Tensor): boolean {
  return library().gpt2_is_plain(recordOf(x).pointer);
}

/**
 * The graph that an operation of training on these tensors belongs to.
 *
 * @throws {TypeError} as `recorderFor()`, and if there are no kernels, or an operand lies in memory that they do not read
 */
export function trainingRecorder(action: string, ...operands: readonly Tensor[]): Recorder {
  const recorder = recorderFor(action, ...operands);
  if (!hasTrainingKernels(recorder.backend)) {
    throw new TypeError(
      `Cannot ${action} ${operands[0]}: there is no kernel for it here. ` +
        "Ask hasTrainingKernels() first.",
    );
  }
  for (const x of operands) {
    if (isPlain(x)) continue;
    throw new TypeError(
      `Cannot ${action} ${x}: its memory is in an order that other operations read. Load it into plain memory.`,
    );
  }
  return recorder;
}
