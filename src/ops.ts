/**
 * Operations on tensors, for graphs of one's own and for what is built into the graph of a model.
 *
 * ```ts
 * import { Backend, Graph } from "@allformers/gpt2";
 * import { constant, multiply, softmax } from "@allformers/gpt2/ops";
 *
 * using backend = Backend.cpu();
 * using graph = new Graph(backend);
 * const scores = graph.input([2, 3], "f32", "scores");
 * const weights = softmax(multiply(scores, constant([1, 2, 3], [3], scores)));
 * graph.output(weights);
 * graph.allocate();
 * graph.write(scores, Float32Array.of(0, 0, 0, 3, 2, 1));
 * graph.compute();
 * console.log(graph.readF32(weights)); // two rows that sum to 1
 * ```
 *
 * An operation computes nothing: it checks its operands, records itself in the graph that they belong to, and returns the
 * tensor that will hold the result. Whatever cannot be done is a `TypeError` (wrong type or shape, tensors of different
 * graphs, a graph that has been disposed of) or a `RangeError` (a value out of range). The notation with named axes is here as
 * well as in the main module.
 *
 * @module
 */
export { gelu, silu } from "./tensor/activations.ts";
export {
  add,
  divide,
  logarithm,
  multiply,
  scale,
  square,
  squareRoot,
} from "./tensor/elementwise.ts";
export { layerNorm, softmax } from "./tensor/normalization.ts";
export { flashAttention } from "./tensor/flash_attention.ts";
export { broadcastTo, constant, matmul, sumLastAxis } from "./tensor/ops.ts";
export { lookup, pick, topK } from "./tensor/tables.ts";
export { gradientsOf } from "./tensor/gradients_of.ts";
export { exactGelu } from "./tensor/activations.ts";
export {
  contiguous,
  copy,
  diagonal,
  mergeAxes,
  permute,
  reshape,
  slice,
  splitAxis,
} from "./tensor/views.ts";
export {
  type AxisSizes,
  einsum,
  rearrange,
  reduce,
  type Reduction,
  repeat,
  unstack,
} from "./einops/einops.ts";
export type { Tensor } from "./tensor/tensor.ts";
export type { Shape } from "./tensor/shape.ts";
export type { TensorType } from "./formats/tensor_type.ts";
