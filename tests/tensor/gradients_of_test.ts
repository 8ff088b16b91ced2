/** Gradients through the operations of GPT-2, against central differences of the same functions in double precision. */
import { assert, assertEquals } from "@std/assert";
import { Backend } from "../../src/tensor/backend.ts";
import { gradientsOf } from "../../src/tensor/gradients_of.ts";
import { Graph } from "../../src/tensor/graph.ts";
import { gelu, silu } from "../../src/tensor/activations.ts";
import {
  add,
  divide,
  logarithm,
  multiply,
  scale,
  square,
  squareRoot,
} from "../../src/tensor/elementwise.ts";
import { layerNorm, softmax } from "../../src/tensor/normalization.ts";
import { broadcastTo, constant, sumLastAxis } from "../../src/tensor/ops.ts";
import { lookup } from "../../src/tensor/tables.ts";
import { reduce } from "../../src/einops/einops.ts";
import { numElements, type Shape } from "../../src/tensor/shape.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { disableTrainingKernels } from "../../src/tensor/training/has_training_kernels.ts";
import { contiguous } from "../../src/tensor/views.ts";

/** Of the largest element of a gradient: F32 keeps 6e-8 of each of a few hundred numbers that are added. */
const TOLERANCE = 3e-6;

/** Of central differences in double precision, this step leaves an error of about 1e-9. */
const STEP = 1e-5;

type Rows = readonly (readonly number[])[];

interface Case {
  /** Shapes of the operands: (rows, columns), or (columns) that are the same in every row. */
  readonly shapes: readonly Shape[];
  readonly apply: (...operands: Tensor[]) => Tensor;
  /** The same in JavaScript, row by row. */
  readonly reference: (row: number, ...operands: readonly (readonly number[])[]) => number[];
  /** What the numbers from -1 to 1 become first. */
  readonly prepare?: (x: number) => number;
}

const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);
const zip = (f: (a: number, b: number) => number): Case["reference"] => (_row, a, b) =>
  a.map((x, i) => f(x, b[b.length === 1 ? 0 : i]));
const each = (f: (x: number) => number): Case["reference"] => (_row, x) => x.map(f);
const positive = (x: number) => 1.5 + x;
const geluOf = (x: number) =>
  0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));
const EPSILON = 1e-2;
const MASKED = -Infinity;
const MASK = [[0, 0, MASKED], [0, MASKED, 0], [0, 0, 0]];

const CASES: Record<string, Case> = {
  "add()": { shapes: [[4, 3], [4, 3]], apply: add, reference: zip((a, b) => a + b) },
  "add() of a bias": { shapes: [[4, 3], [3]], apply: add, reference: zip((a, b) => a + b) },
  "add() of a column": { shapes: [[4, 3], [4, 1]], apply: add, reference: zip((a, b) => a + b) },
  "add() of a tensor to itself": {
    shapes: [[4, 3]],
    apply: (x) => add(x, multiply(x, x)),
    reference: each((x) => x + x * x),
  },
  "multiply()": { shapes: [[4, 3], [4, 3]], apply: multiply, reference: zip((a, b) => a * b) },
  "multiply() with a row": {
    shapes: [[4, 3], [3]],
    apply: multiply,
    reference: zip((a, b) => a * b),
  },
  "divide()": {
    shapes: [[4, 3], [4, 3]],
    apply: divide,
    reference: zip((a, b) => a / b),
    prepare: positive,
  },
  "divide() by a column": {
    shapes: [[4, 3], [4, 1]],
    apply: divide,
    reference: zip((a, b) => a / b),
    prepare: positive,
  },
  "scale()": { shapes: [[4, 3]], apply: (x) => scale(x, -3, 7), reference: each((x) => 7 - 3 * x) },
  "square()": { shapes: [[4, 3]], apply: square, reference: each((x) => x * x) },
  "squareRoot()": {
    shapes: [[4, 3]],
    apply: squareRoot,
    reference: each(Math.sqrt),
    prepare: positive,
  },
  "logarithm()": {
    shapes: [[4, 3]],
    apply: logarithm,
    reference: each(Math.log),
    prepare: positive,
  },
  "silu()": {
    shapes: [[4, 3]],
    apply: silu,
    reference: each((x) => x / (1 + Math.exp(-x))),
    prepare: (x) => 3 * x,
  },
  "gelu()": { shapes: [[4, 3]], apply: gelu, reference: each(geluOf), prepare: (x) => 3 * x },
  "sumLastAxis()": { shapes: [[4, 3]], apply: sumLastAxis, reference: (_row, x) => [sum(x)] },
  "broadcastTo()": {
    shapes: [[4, 1]],
    apply: (x) => broadcastTo(x, [4, 3]),
    reference: (_row, [x]) => [x, x, x],
  },
  "softmax()": {
    shapes: [[4, 3]],
    apply: (x) => softmax(x, undefined, 2),
    reference: (_row, x) => {
      const powers = x.map((value) => Math.exp(2 * value));
      return powers.map((power) => power / sum(powers));
    },
  },
  "layerNorm()": {
    shapes: [[4, 3], [3], [3]],
    apply: (x, weight, bias) => layerNorm(x, weight, bias, EPSILON),
    reference: (_row, x, weight, bias) => {
      const mean = sum(x) / x.length;
      const variance = sum(x.map((value) => (value - mean) ** 2)) / x.length;
      return x.map((value, i) =>
        (value - mean) / Math.sqrt(variance + EPSILON) * weight[i] + bias[i]
      );
    },
  },
};

/** What is computed of ggml's operations where there are no kernels of this package's own. */
const COMPOSED = ["add() of a bias", "layerNorm()", "gelu()", "softmax()"];

const cases = [
  ...Object.entries(CASES).map(([name, test]) => ({ name, test, isComposed: false })),
  ...COMPOSED.map((name) => ({ name, test: CASES[name], isComposed: true })),
];

for (const { name, test, isComposed } of cases) {
  const how = isComposed ? ", without kernels of our own" : "";
  Deno.test(`gradientsOf() goes through ${name} as differences say${how}`, () => {
    using _disabled = isComposed ? disableTrainingKernels() : undefined;
    const inputs = test.shapes.map((shape, i) => numbers(shape, i, test.prepare));
    const found = gradients(test.shapes, inputs, test.apply);
    const loss = (inputs: readonly Float64Array[]) => referenceLoss(test, inputs);
    inputs.forEach((input, i) => {
      const expected = differences(input, (changed) => loss(inputs.with(i, changed)));
      assertClose(found[i], expected, name);
    });
  });
}

Deno.test("gradientsOf() goes through softmax() with a mask as differences say", () => {
  const scores = numbers([1, 1, 3, 3], 0);
  const apply = (x: Tensor, mask: Tensor) => softmax(x, mask);
  const mask = Uint16Array.from(MASK.flat(), (value) => value === 0 ? 0 : 0xfc00);
  const [found] = gradients([[1, 1, 3, 3]], [scores], apply, mask);
  const expected = differences(scores, (changed) => {
    const rows = rowsOf(changed, 3).map((row, i) => row.map((x, j) => Math.exp(x + MASK[i][j])));
    return weighted(rows.map((row) => row.map((power) => power / sum(row))));
  });
  assertClose(found, expected, "softmax with a mask");
});

for (const isComposed of [false, true]) {
  Deno.test(`gradientsOf() adds up the rows of lookup() that were taken several times${isComposed ? ", without kernels of our own" : ""}`, () => {
    using _disabled = isComposed ? disableTrainingKernels() : undefined;
    using backend = Backend.cpu({ threads: 2 });
    using graph = new Graph(backend, { lowering: "differentiable" });
    const table = graph.input([5, 2], "f32", "table");
    const ids = graph.input([2, 3], "i32", "ids");
    const rows = lookup(table, ids);
    const weights = constant([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], [2, 3, 2], rows);
    const loss = reduce(multiply(rows, weights), "batch seq embed ->", "sum");
    const [gradient] = gradientsOf(loss, [table]).map((y) => graph.output(y));
    graph.allocate();
    graph.write(ids, Int32Array.of(4, 0, 4, 1, 0, 4));
    graph.compute();
    assertEquals([...graph.readF32(gradient)], [
      3 + 9,
      4 + 10,
      7,
      8,
      0,
      0,
      0,
      0,
      1 + 5 + 11,
      2 + 6 + 12,
    ]);
  });
}

Deno.test("the comparison of gradients notices one that is wrong", () => {
  let noticed = false;
  try {
    assertClose(Float32Array.of(1, 2, 3.0001), [1, 2, 3], "wrong");
  } catch {
    noticed = true;
  }
  assert(noticed);
});

/** The gradients of a loss that weighs each element of the result with a number of its own. */
function gradients(
  shapes: readonly Shape[],
  inputs: readonly Float64Array[],
  apply: (...operands: Tensor[]) => Tensor,
  mask?: Uint16Array<ArrayBuffer>,
): Float32Array[] {
  using backend = Backend.cpu({ threads: 2 });
  using graph = new Graph(backend, { lowering: "differentiable" });
  const operands = shapes.map((shape, i) => graph.input(shape, "f32", `operand_${i}`));
  const masks = mask === undefined ? [] : [graph.input([1, 1, 3, 3], "f16", "mask")];
  const result = apply(...operands, ...masks);
  const weights = constant(
    Array.from({ length: result.size }, (_, i) => weightOf(i)),
    result.shape,
    result,
  );
  const axes = result.shape.map((_, axis) => `axis${axis}`).join(" ");
  const loss = reduce(multiply(result, weights), `${axes} ->`, "sum");
  const outputs = gradientsOf(loss, operands).map((y) => graph.output(contiguous(y)));
  graph.allocate();
  operands.forEach((operand, i) => graph.write(operand, Float32Array.from(inputs[i])));
  if (mask !== undefined) graph.write(masks[0], mask);
  graph.compute();
  return outputs.map((output) => graph.readF32(output));
}

function referenceLoss({ shapes, reference }: Case, inputs: readonly Float64Array[]): number {
  const operands = inputs.map((input, i) => rowsOf(input, shapes[i].at(-1)!));
  const result = operands[0].map((_, row) =>
    reference(row, ...operands.map((rows) => rows[rows.length === 1 ? 0 : row]))
  );
  return weighted(result);
}

function weighted(rows: Rows): number {
  return sum(rows.flat().map((value, i) => value * weightOf(i)));
}

/** A number of its own for each element, near 1. */
function weightOf(i: number): number {
  return Math.fround(1 + Math.sin(7 * i + 1) / 2);
}

/** Numbers from -1 to 1 that F32 has. */
function numbers(shape: Shape, seed: number, prepare = (x: number) => x): Float64Array {
  return Float64Array.from(
    { length: numElements(shape) },
    (_, i) => Math.fround(prepare(Math.sin(12.9898 * (i + 1) + 78.233 * (seed + 1)))),
  );
}

function rowsOf(values: Float64Array, width: number): number[][] {
  return Array.from(
    { length: values.length / width },
    (_, row) => [...values.subarray(row * width, (row + 1) * width)],
  );
}

function differences(x: Float64Array, loss: (x: Float64Array) => number): number[] {
  return [...x].map((value, i) =>
    (loss(x.with(i, value + STEP)) - loss(x.with(i, value - STEP))) / (2 * STEP)
  );
}

function assertClose(found: Float32Array, expected: readonly number[], what: string): void {
  assertEquals(found.length, expected.length);
  const largest = Math.max(...expected.map(Math.abs));
  found.forEach((value, i) =>
    assert(
      Math.abs(value - expected[i]) <= TOLERANCE * largest,
      `${what}: element ${i}: ${value}, not ${expected[i]}`,
    )
  );
}
