/**
 * Gradients of a loss.
 *
 * @module
 */
import { describe } from "../base/describe.ts";
import { checkReal } from "./check_operands.ts";
import { createConstant } from "./inputs.ts";
import { add } from "./elementwise.ts";
import { recorderFor, recorderOf } from "./recorder.ts";
import { dense } from "./views.ts";
import { recordOf, type Tensor } from "./tensor.ts";

/**
 * How much a loss changes with each element of tensors that it was computed from. The operations that compute that are added to
 * the graph, which has to be a differentiable one:
 *
 * ```ts
 * import { Backend, einsum, Graph } from "@allformers/gpt2";
 * import { gradientsOf, square } from "@allformers/gpt2/ops";
 *
 * using backend = Backend.cpu();
 * using graph = new Graph(backend, { lowering: "differentiable" });
 * const x = graph.input([3], "f32", "x");
 * const loss = einsum(square(x), "i ->");
 * const [gradient] = gradientsOf(loss, [x]);
 * graph.output(gradient);
 * graph.allocate();
 * graph.write(x, Float32Array.of(1, 2, 3));
 * graph.compute();
 * console.log(graph.readF32(gradient)); // 2, 4, 6
 * ```
 *
 * There are rules for all functions of einops, and for all operations of `@allformers/gpt2/ops` but `topK()`, which gives
 * numbers of places. Where several elements are the largest, `reduce()` goes back to one of them.
 *
 * @param loss (1), f32
 * @param of tensors of the graph or of buffers, f32
 * @returns one for each of `of`, of its shape
 * @throws {TypeError} if the graph is not differentiable, the loss does not depend on one of them, one has integers,
 *   or an operation in between has no rule
 */
export function gradientsOf(loss: Tensor, of: readonly Tensor[]): Tensor[] {
  return found(loss, of).map((gradient, i) => {
    if (gradient !== undefined) return gradient;
    throw new TypeError(`Cannot compute the gradient of ${of[i]}: the loss does not depend on it.`);
  });
}

/**
 * The same, for models in which callers change what they like: where the loss does not depend on something any more, its
 * gradient is 0. For this package.
 */
export function gradientsOrZeros(loss: Tensor, of: readonly Tensor[]): Tensor[] {
  return found(loss, of).map((gradient, i) =>
    gradient ??
      createConstant(recorderOf(loss)!, of[i].shape, new Float32Array(of[i].size))
  );
}

function found(loss: Tensor, of: readonly Tensor[]): (Tensor | undefined)[] {
  const recorder = recorderFor("compute gradients of", loss);
  const { tape } = recorder;
  if (tape === undefined) {
    throw new TypeError(
      'Cannot compute gradients: the graph is for inference: create it with { lowering: "differentiable" }',
    );
  }
  if (loss.size !== 1 || loss.dtype !== "f32") {
    throw new TypeError(`Cannot compute gradients of ${loss}: a loss is one f32 element.`);
  }
  if (!Array.isArray(of)) {
    throw new TypeError(
      `Cannot compute gradients: received ${describe(of)}. Pass a list of tensors.`,
    );
  }
  for (const x of of) {
    recordOf(x, "compute the gradient of");
    checkReal("compute the gradient of", x);
  }
  const seed = createConstant(recorder, loss.shape, [1]);
  // What is added second has to have its rows side by side.
  const sum = (a: Tensor, b: Tensor) => add(a, dense(b));
  return tape.gradients(loss, seed, of, recorder.records, sum);
}
