/**
 * Dropout whose mask is computed where it is needed, from a hash: nothing is stored between the ways forward and back.
 *
 * @module
 */
import { describe } from "../../base/describe.ts";
import { library } from "../../ffi/library.ts";
import { checkF32 } from "../check_operands.ts";
import type { Tensor } from "../tensor.ts";
import { dense } from "../views.ts";
import { checkIntegers } from "./check_training.ts";
import { trainingRecorder } from "./has_training_kernels.ts";

/** What is dropped. */
export interface Dropout {
  /** Of each number to be dropped: 0 or more, less than 1. */
  readonly probability: number;
  /** (2), i32: an input, so that every step has another mask. */
  readonly seed: Tensor;
  /** Tells the masks of one step apart: another for each place in the model, from 0 to 2^32 - 1. */
  readonly stream: number;
}

/**
 * `x`, of which each number is 0 with a probability and otherwise divided by 1 minus it (Srivastava et al., 2014, JMLR 15).
 * The gradient is the same operation on the gradient.
 *
 * @param x any shape, f32
 * @param probability see {@linkcode Dropout}
 * @param seed see {@linkcode Dropout}
 * @param stream see {@linkcode Dropout}
 * @returns the shape of `x`, f32
 * @throws {TypeError} if a shape or type does not fit, or the backend has no kernel for it: ask `hasTrainingKernels()`
 * @throws {RangeError} if the probability or the stream is out of range
 */
export function dropout(x: Tensor, probability: number, seed: Tensor, stream: number): Tensor {
  const action = "drop numbers of";
  const recorder = trainingRecorder(action, x, seed);
  checkF32(action, x);
  checkDropout(action, { probability, seed, stream });
  return recorder.record(
    [dense(x), dense(seed)],
    (context, x, seed) => library().gpt2_dropout(context, x, seed, probability, stream),
    { shape: x.shape, dtype: "f32" },
  );
}

/** Throws unless the settings are in range and the seed has its shape. */
export function checkDropout(action: string, { probability, seed, stream }: Dropout): void {
  checkIntegers(action, seed, [2], "the seed");
  // Compared as f32, as the kernel has it: 1 - 1e-9 is 1 there.
  if (!(probability >= 0 && Math.fround(probability) < 1)) {
    throw new RangeError(
      `Cannot ${action} a tensor: a probability is 0 or more and less than 1: received ${
        describe(probability)
      }`,
    );
  }
  if (!(Number.isInteger(stream) && stream >= 0 && stream < 2 ** 32)) {
    throw new RangeError(
      `Cannot ${action} a tensor: a stream is a number from 0 to 2^32 - 1: received ${
        describe(stream)
      }`,
    );
  }
}

/**
 * What numbers are multiplied with by `dropout()`, bit for bit as its kernel has it (`native/training/dropout.h`): for
 * backends without one, and for tests. Places are counted modulo 2^32.
 *
 * @param settings the seed as two integers
 * @param count of how many numbers, from the first on
 */
export function dropoutFactors(
  settings: { probability: number; seed: readonly [number, number]; stream: number },
  count: number,
): Float32Array<ArrayBuffer> {
  const { probability, seed, stream } = settings;
  const key = mix(mix(mix(seed[0]) + seed[1]) + stream);
  const threshold = Math.floor(Math.fround(probability) * 2 ** 32);
  const factor = 1 / Math.fround(1 - Math.fround(probability));
  return Float32Array.from({ length: count }, (_, place) => {
    const hash = mix(mix(place ^ key) + key);
    return hash < threshold ? 0 : factor;
  });
}

/** The finalizer of MurmurHash3, on the lower 32 bits. */
function mix(x: number): number {
  let h = x | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
