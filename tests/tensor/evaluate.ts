/** Runs a few operations on small arrays. */
import type { Backend } from "../../src/tensor/backend.ts";
import { Graph, type GraphOptions } from "../../src/tensor/graph.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { contiguous } from "../../src/tensor/views.ts";

/** An array with a shape, F32 unless its data are integers. */
export interface Input {
  readonly shape: readonly number[];
  readonly data: Float32Array<ArrayBuffer> | Int32Array<ArrayBuffer> | Uint16Array<ArrayBuffer>;
}

/** An F32 input with the given values, or 0, 1, 2, ... */
export function f32(shape: readonly number[], values?: ArrayLike<number>): Input {
  const size = shape.reduce((product, n) => product * n, 1);
  return { shape, data: Float32Array.from(values ?? { length: size }, (v, i) => values ? v : i) };
}

/** An I32 input. */
export function i32(shape: readonly number[], values: ArrayLike<number>): Input {
  return { shape, data: Int32Array.from(values) };
}

/** What `build` computes from the inputs, with its shape. */
export function evaluate(
  backend: Backend,
  inputs: readonly Input[],
  build: (...tensors: Tensor[]) => Tensor,
  options: GraphOptions = {},
): { shape: readonly number[]; data: number[] } {
  using graph = new Graph(backend, options);
  const tensors = inputs.map(({ shape, data }, i) =>
    graph.input(
      shape,
      data instanceof Int32Array ? "i32" : data instanceof Uint16Array ? "f16" : "f32",
      `input_${i}`,
    )
  );
  const result = graph.output(contiguous(build(...tensors)));
  graph.allocate();
  inputs.forEach(({ data }, i) => graph.write(tensors[i], data));
  graph.compute();
  const data = result.dtype === "i32" ? new Int32Array(result.size) : new Float32Array(result.size);
  graph.read(result, data);
  return { shape: result.shape, data: [...data] };
}
