/** Runs operations of training on small arrays, on several numbers of threads. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { Random } from "../../../src/base/random.ts";
import { Backend } from "../../../src/tensor/backend.ts";
import { Graph } from "../../../src/tensor/graph.ts";
import type { Tensor } from "../../../src/tensor/tensor.ts";
import { hasTrainingKernels } from "../../../src/tensor/training/has_training_kernels.ts";
import { contiguous } from "../../../src/tensor/views.ts";
import type { Input } from "../evaluate.ts";

export const backend = Backend.cpu({ threads: 3 });

/** A few roundings of F32 on values around 1. */
export const F32_ROUNDING = 1e-5;

/**
 * Registers a test of kernels; where the library or the processor has none, one that says so: their absence is tested in
 * has_training_kernels_test.ts.
 */
export function testKernel(name: string, run: () => void): void {
  Deno.test(name, () => {
    if (hasTrainingKernels(backend)) return run();
    assert(!hasTrainingKernels(backend));
  });
}

const random = new Random(12);

/** Normally distributed numbers. */
export function noise(length: number): Float32Array<ArrayBuffer> {
  return Float32Array.from({ length }, () => random.normal());
}

/**
 * What `build` computes from inputs, on one to three threads, which have to agree bit by bit: operations of training do, if
 * nothing else is said.
 */
export function computeAll(
  inputs: readonly Input[],
  build: (...tensors: Tensor[]) => readonly Tensor[],
): number[][] {
  const runs = [1, 2, 3].map((threads) => {
    using graph = new Graph(backend);
    const tensors = inputs.map(({ shape, data }, i) =>
      graph.input(shape, data instanceof Int32Array ? "i32" : "f32", `input_${i}`)
    );
    const results = build(...tensors).map((x) => graph.output(contiguous(x)));
    graph.allocate();
    inputs.forEach(({ data }, i) => graph.write(tensors[i], data));
    graph.compute(threads);
    return results.map((x) => [...graph.readF32(x)]);
  });
  for (const run of runs.slice(1)) assertEquals(run, runs[0], "threads change the result");
  return runs[0];
}

/** The same of one result. */
export function compute(
  inputs: readonly Input[],
  build: (...tensors: Tensor[]) => Tensor,
): number[] {
  return computeAll(inputs, (...tensors) => [build(...tensors)])[0];
}

/** What is refused, with a part of the message. */
export function assertRefused(
  refused: readonly (readonly [string, () => unknown, (typeof RangeError | typeof TypeError)?])[],
): void {
  for (const [message, call, type = TypeError] of refused) assertThrows(call, type, message);
}

/** Numbers rounded to BF16, of two to the even one. */
export function toBF16(x: ArrayLike<number>): number[] {
  const bits = new Uint32Array(Float32Array.from(x).buffer);
  const rounded = bits.map((b) => (b + 0x7fff + ((b >>> 16) & 1)) & 0xffff0000);
  return [...new Float32Array(rounded.buffer)];
}
