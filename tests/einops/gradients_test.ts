/** Gradients through einops, against differences: what these functions compute is linear in each of their tensors. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { einsum, rearrange, reduce, repeat, unstack } from "../../src/einops/einops.ts";
import { Backend } from "../../src/tensor/backend.ts";
import { gradientsOf } from "../../src/tensor/gradients_of.ts";
import { Graph } from "../../src/tensor/graph.ts";
import { add, multiply } from "../../src/tensor/elementwise.ts";
import { constant, copyInto } from "../../src/tensor/ops.ts";
import { Buffer } from "../../src/tensor/buffer.ts";
import { numElements } from "../../src/tensor/shape.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { contiguous, slice } from "../../src/tensor/views.ts";
import { naiveEinops, naiveShape } from "./naive_einops.ts";
import { Random, type RandomCase, randomProduct, randomUnary } from "./random_pattern.ts";

/** Elements are small integers, so sums are exact in f32; a mean is one rounded product, of at most 3 in size. */
const MEAN_TOLERANCE = 1e-5;

const NUM_CASES = 150;

/** Elements of each tensor of a case: a reference that goes index by index takes long. */
const NUM_COMPARED = 6;

type Apply = (test: RandomCase, inputs: readonly Tensor[]) => Tensor[];

const unary =
  (operation: (x: Tensor, test: RandomCase) => Tensor | Tensor[]): Apply => (test, [x]) =>
    [operation(x, test)].flat();

const CASES: Record<string, [(random: Random) => RandomCase, Apply, ("sum" | "mean")?]> = {
  "rearrange()": [
    (random) => randomUnary(random, {}),
    unary((x, { pattern, given }) => rearrange(x, pattern, given)),
  ],
  "unstack()": [
    (random) => randomUnary(random, { stacked: true }),
    unary((x, { pattern, given }) => unstack(x, pattern, given)),
  ],
  "reduce() to sums": [
    (random) => randomUnary(random, { numLeftOnly: random.integer(0, 3) }),
    unary((x, { pattern, given }) => reduce(x, pattern, "sum", given)),
  ],
  "reduce() to means": [
    (random) => randomUnary(random, { numLeftOnly: random.integer(0, 3) }),
    unary((x, { pattern, given }) => reduce(x, pattern, "mean", given)),
    "mean",
  ],
  "repeat()": [
    (random) => randomUnary(random, { numRightOnly: random.integer(0, 3) }),
    unary((x, { pattern, given }) => repeat(x, pattern, given)),
  ],
};
for (const numInputs of [1, 2, 3]) {
  CASES[`einsum() of ${numInputs}`] = [
    (random) => randomProduct(random, numInputs, random.chance(0.5)),
    ({ pattern, given }, inputs) => [einsum(...inputs, pattern, given)],
  ];
}

for (const [name, [generate, apply, operation]] of Object.entries(CASES)) {
  Deno.test(`gradientsOf() goes through ${name} as differences say`, () => {
    const random = new Random(31);
    using backend = Backend.cpu({ threads: 1 });
    for (let i = 0; i < NUM_CASES; i++) {
      compare(random, backend, generate(random), apply, operation);
    }
  });
}

Deno.test("gradientsOf() leaves out no part: what has one use more has its gradient added", () => {
  using backend = Backend.cpu({ threads: 1 });
  using graph = new Graph(backend, { lowering: "differentiable" });
  const x = graph.input([2, 3], "f32", "x");
  const [first, second] = unstack(x, "row column -> row column");
  const loss = reduce(add(multiply(first, first), first), "column ->", "sum");
  const [gradient] = gradientsOf(loss, [x]).map((y) => graph.output(contiguous(y)));
  assertEquals(second.shape, [3]);
  graph.allocate();
  graph.write(x, Float32Array.of(1, 2, 3, 4, 5, 6));
  graph.compute();
  assertEquals([...graph.readF32(gradient)], [3, 5, 7, 0, 0, 0]); // 2 x + 1, and nothing for the second row
});

Deno.test("gradientsOf() refuses what it has no rule for, rather than leave it out", () => {
  using backend = Backend.cpu({ threads: 1 });
  using graph = new Graph(backend, { lowering: "differentiable" });
  const x = graph.input([2, 3], "f32", "x");
  const other = graph.input([1], "f32", "other");
  assertThrows(() => gradientsOf(other, [x]), TypeError, "does not depend on it");
  using buffer = new Buffer(backend, [{ shape: [2, 3], dtype: "f32" }]);
  const copied = copyInto(graph.borrow(buffer.tensors[0]), x);
  const loss = reduce(copied, "row column ->", "sum");
  assertThrows(() => gradientsOf(loss, [x]), TypeError, "there is no rule for the operation CPY");
  const single = copyInto(graph.borrow(buffer.tensors[0]), x);
  const part = slice(slice(single, 0, 0, 1), 1, 0, 1);
  assertThrows(() => gradientsOf(part, [x]), TypeError, "there is no rule for the operation CPY");
  const ids = graph.input([2], "i32", "ids");
  assertThrows(() => gradientsOf(other, [ids]), TypeError, "a 16-bit or a quantized type");
  assertThrows(() => gradientsOf(x, [x]), TypeError, "a loss is one f32 element");
  using inference = new Graph(backend);
  const y = inference.input([1], "f32", "y");
  assertThrows(() => gradientsOf(add(y, y), [y]), TypeError, "the graph is for inference");
});

/** Compares the gradients of a random case. */
function compare(
  random: Random,
  backend: Backend,
  test: RandomCase,
  apply: Apply,
  operation?: "sum" | "mean",
): void {
  using graph = new Graph(backend, { lowering: "differentiable" });
  const shapes = test.inputs.map((axes) => naiveShape(axes, test.sizes));
  const integers = (length: number) => Array.from({ length }, () => random.integer(-3, 3));
  const data = shapes.map((shape) => integers(numElements(shape)));
  const inputs = shapes.map((shape, i) => graph.input(shape, "f32", `input_${i}`));
  const results = apply(test, inputs);
  // The loss weighs each element of the results with a number of its own.
  const weights = results.map((result) => integers(result.size));
  const losses = results.map((result, i) => {
    const flat = reshapedBy(result);
    return reduce(multiply(flat, constant(weights[i], [result.size], flat)), "all ->", "sum");
  });
  const gradients = gradientsOf(losses.reduce(add), inputs);
  const outputs = gradients.map((gradient) => graph.output(contiguous(gradient)));
  graph.allocate();
  inputs.forEach((input, i) => graph.write(input, Float32Array.from(data[i])));
  graph.compute();
  const lossOf = (data: readonly (readonly number[])[]) => {
    const operands = data.map((data, i) => ({ axes: test.inputs[i], data }));
    const stacked = test.stack === undefined
      ? test.output
      : [[test.stack], ...test.output.slice(1)];
    const values = naiveEinops(operands, stacked, test.sizes, operation);
    const all = weights.flat();
    assertEquals(values.length, all.length);
    return values.reduce((sum, value, i) => sum + value * all[i], 0);
  };
  const before = lossOf(data);
  for (const [i, output] of outputs.entries()) {
    const found = graph.readF32(output);
    const places = random.shuffle([...data[i].keys()]).slice(0, NUM_COMPARED);
    for (const at of places) {
      const difference = lossOf(data.with(i, data[i].with(at, data[i][at] + 1))) - before;
      const close = Math.abs(found[at] - difference) <= MEAN_TOLERANCE;
      assert(
        close,
        `${test.pattern}: element ${at} of operand ${i}: ${found[at]}, not ${difference}`,
      );
    }
  }
}

/** All elements along one axis. */
function reshapedBy(x: Tensor): Tensor {
  const names = x.shape.map((_, axis) => `axis${axis}`).join(" ");
  return rearrange(x, `${names} -> (${names})`);
}
