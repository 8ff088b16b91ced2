import {
  assert,
  assertAlmostEquals,
  assertEquals,
  AssertionError,
  assertThrows,
} from "@std/assert";
import { einsum, rearrange, reduce, repeat, unstack } from "../../src/einops/einops.ts";
import { type Reduction, REDUCTIONS } from "../../src/einops/lower.ts";
import { Backend } from "../../src/tensor/backend.ts";
import { Buffer } from "../../src/tensor/buffer.ts";
import { writeTensor } from "../../src/tensor/data.ts";
import { Graph } from "../../src/tensor/graph.ts";
import { numElements, type Shape } from "../../src/tensor/shape.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { contiguous, permute, slice } from "../../src/tensor/views.ts";
import { type Axes, naiveEinops, naiveShape } from "./naive_einops.ts";
import { Random, type RandomCase, randomProduct, randomUnary } from "./random_pattern.ts";
import { indices } from "./strided_array.ts";

/** Elements are small integers, so sums are exact in f32; a mean is one rounded product, of at most 3 in size. */
const MEAN_TOLERANCE = 1e-6;

const NUM_CASES = 300;

/** What is expected of a tensor once the graph has run. */
interface Expectation {
  readonly result: Tensor;
  readonly shape: Shape;
  readonly data: readonly number[];
  readonly pattern: string;
}

/** A tensor of the graph and its elements in row-major order. */
interface Filled {
  readonly tensor: Tensor;
  readonly data: readonly number[];
}

Deno.test("rearrange() agrees with the reference on tensors", () => {
  runRandomCases(11, (random) => randomUnary(random, {}), (test, [x]) => [
    expectation(
      rearrange(x.tensor, test.pattern, test.given),
      test,
      test.output,
      reference(test, [x]),
    ),
  ]);
});

Deno.test("unstack() agrees with the reference on tensors", () => {
  runRandomCases(12, (random) => randomUnary(random, { stacked: true }), (test, [x]) => {
    const parts = unstack(x.tensor, test.pattern, test.given);
    assertEquals(parts.length, test.sizes[test.stack!]);
    const all = reference(test, [x]);
    const length = all.length / parts.length;
    return parts.map((part, i) =>
      expectation(part, test, test.output.slice(1), all.slice(i * length, (i + 1) * length))
    );
  });
});

for (const operation of REDUCTIONS) {
  Deno.test(`reduce() agrees with the reference on tensors: ${operation}`, () => {
    const generate = (random: Random) => randomUnary(random, { numLeftOnly: random.integer(0, 3) });
    runRandomCases(13, generate, (test, [x]) => {
      const y = reduce(x.tensor, test.pattern, operation, test.given);
      return [expectation(y, test, test.output, reference(test, [x], operation))];
    });
  });
}

Deno.test("repeat() agrees with the reference on tensors", () => {
  const generate = (random: Random) => randomUnary(random, { numRightOnly: random.integer(0, 3) });
  runRandomCases(14, generate, (test, [x]) => [
    expectation(
      repeat(x.tensor, test.pattern, test.given),
      test,
      test.output,
      reference(test, [x]),
    ),
  ]);
});

for (const numInputs of [1, 2, 3, 4]) {
  const tensors = numInputs === 1 ? "tensor" : "tensors";
  Deno.test(`einsum() agrees with the reference on ${numInputs} ${tensors}`, () => {
    const generate = (random: Random) => randomProduct(random, numInputs, random.chance(0.5));
    runRandomCases(15 + numInputs, generate, (test, inputs) => {
      const y = einsum(...inputs.map(({ tensor }) => tensor), test.pattern, test.given);
      return [expectation(y, test, test.output, reference(test, inputs))];
    });
  });
}

Deno.test("einsum() multiplies with a quantized weight that belongs to no graph", () => {
  using backend = Backend.cpu({ threads: 1 });
  using buffer = new Buffer(backend, [{ shape: [3, 64], dtype: "q8_0" }]);
  const [weight] = buffer.tensors;
  const random = new Random(16);
  const weightData = Array.from({ length: 3 * 64 }, () => random.integer(-127, 127));
  writeTensor(weight, asQ8(weightData));
  // ggml quantizes the other operand too: with 127 in each block of 32 its integers stay what they are.
  const x = Array.from(
    { length: 2 * 5 * 64 },
    (_, i) => i % 32 === 0 ? 127 : random.integer(-9, 9),
  );
  const patterns: [pattern: string, isWeightFirst: boolean][] = [
    ["batch seq embed, hidden embed -> batch seq hidden", false],
    ["hidden embed, batch seq embed -> batch seq hidden", true],
    ["batch seq embed, hidden embed -> hidden batch seq", false],
    ["hidden embed, batch seq embed -> batch hidden seq", true],
  ];
  for (const [pattern, isWeightFirst] of patterns) {
    using graph = new Graph(backend, { maxNodes: 64 });
    const input = graph.input([2, 5, 64], "f32", "x");
    const [a, b] = isWeightFirst ? [weight, input] : [input, weight];
    const y = graph.output(contiguous(einsum(a, b, pattern)));
    graph.allocate();
    graph.write(input, new Float32Array(x));
    graph.compute();
    const [first, second] = isWeightFirst ? [weightData, x] : [x, weightData];
    const sides = pattern.split(/, | -> /).map((side) => side.split(" ").map((name) => [name]));
    const operands = [{ axes: sides[0], data: first }, { axes: sides[1], data: second }];
    const expected = naiveEinops(operands, sides[2], { batch: 2, seq: 5, embed: 64, hidden: 3 });
    assertEquals([...graph.readF32(y)], expected, pattern);
  }
});

Deno.test("einsum() turns a weight that belongs to no graph", () => {
  using backend = Backend.cpu({ threads: 1 });
  using buffer = new Buffer(backend, [{ shape: [2, 3], dtype: "f32" }]);
  const [weight] = buffer.tensors;
  writeTensor(weight, new Float32Array([1, 2, 3, 4, 5, 6]));
  using graph = new Graph(backend, { maxNodes: 16 });
  const x = graph.input([1, 2], "f32", "x");
  const y = graph.output(einsum(x, weight, "seq embed, embed hidden -> seq hidden"));
  graph.allocate();
  graph.write(x, new Float32Array([10, 1]));
  graph.compute();
  assertEquals([...graph.readF32(y)], [14, 25, 36]);
});

Deno.test("einsum() refuses two operands of which none is f32", () => {
  using backend = Backend.cpu({ threads: 1 });
  using graph = new Graph(backend, { maxNodes: 16 });
  const a = graph.input([2, 32], "f16", "a");
  const b = graph.input([3, 32], "q8_0", "b");
  assertThrows(() => einsum(a, b, "m k, n k -> m n"), TypeError, "neither operand is f32");
});

Deno.test("einsum() multiplies several tensors of which some are weights", () => {
  using backend = Backend.cpu({ threads: 1 });
  using buffer = new Buffer(backend, [{ shape: [2, 3], dtype: "f16" }, {
    shape: [4, 2],
    dtype: "f16",
  }]);
  const [down, up] = buffer.tensors;
  writeTensor(down, new Float16Array([1, 2, 3, 4, 5, 6]));
  writeTensor(up, new Float16Array([1, 0, 0, 1, 1, 1, 2, -1]));
  using graph = new Graph(backend, { maxNodes: 16 });
  const x = graph.input([1, 3], "f32", "x");
  const y = graph.output(einsum(up, down, x, "out rank, rank in, seq in -> seq out"));
  graph.allocate();
  graph.write(x, new Float32Array([1, 1, 1]));
  graph.compute();
  assertEquals([...graph.readF32(y)], [6, 15, 21, -3]);
});

Deno.test("einsum() lets axes without a name meet from the innermost on", () => {
  using backend = Backend.cpu({ threads: 1 });
  using graph = new Graph(backend, { maxNodes: 16 });
  const a = graph.input([2, 3, 4], "f32", "a");
  const b = graph.input([5, 4, 3], "f32", "b");
  assertEquals(einsum(a, "... k -> k ...").shape, [4, 2, 3]);
  assertEquals(einsum(a, b, "... k, out k ... -> ... out").shape, [2, 3, 5]);
});

for (const operation of ["max", "min"] as const) {
  Deno.test(`reduce() takes the ${operation} of infinities, equals and zeros exactly`, () => {
    using backend = Backend.cpu({ threads: 1 });
    using graph = new Graph(backend, { maxNodes: 16 });
    const rows = [
      [-Infinity, -Infinity, -Infinity],
      [Infinity, 1, -Infinity],
      [3.4028234663852886e38, -3.4028234663852886e38, 0],
      [0.1, 0.1, 0.1],
      [-1e-45, 1e-45, 0],
    ].map((row) => [...new Float32Array(row)]);
    const x = graph.input([5, 3], "f32", "x");
    const y = graph.output(reduce(x, "row column -> row", operation));
    graph.allocate();
    graph.write(x, new Float32Array(rows.flat()));
    graph.compute();
    assertEquals([...graph.readF32(y)], rows.map((row) => Math[operation](...row)));
  });
}

Deno.test("rearrange() and unstack() move more than four axes", () => {
  using backend = Backend.cpu({ threads: 1 });
  using graph = new Graph(backend, { maxNodes: 64 });
  const x = graph.input([2, 12, 3, 5], "f32", "x");
  const pixelShuffle = "batch (channels dy dx) y x -> batch channels (y dy) (x dx)";
  const steps = { dy: 2, dx: 2 };
  const image = graph.output(contiguous(rearrange(x, pixelShuffle, steps)));
  const parts = unstack(
    x,
    "batch (channels dy dx) y x -> batch (y dy) (x dx) channels",
    steps,
  );
  graph.allocate();
  const data = Float32Array.from({ length: 2 * 12 * 3 * 5 }, (_, i) => i);
  graph.write(x, data);
  graph.compute();
  const sides: Axes[] = [
    [["batch"], ["channels", "dy", "dx"], ["y"], ["x"]],
    [["batch"], ["channels"], ["y", "dy"], ["x", "dx"]],
  ];
  const sizes = { batch: 2, channels: 3, y: 3, x: 5, ...steps };
  assertEquals(image.shape, [2, 3, 6, 10]);
  assertEquals([...graph.readF32(image)], naiveEinops([{ axes: sides[0], data }], sides[1], sizes));
  assertEquals(parts.map((part) => part.shape), [[6, 10, 3], [6, 10, 3]]);
});

Deno.test("every function refuses arguments of another type", () => {
  using backend = Backend.cpu({ threads: 1 });
  using graph = new Graph(backend, { maxNodes: 16 });
  const x = graph.input([2, 3], "f32", "x");
  // deno-lint-ignore no-explicit-any
  const functions: Record<string, (...args: any[]) => unknown> = {
    rearrange,
    unstack,
    repeat,
    reduce: (x, pattern, axes) => reduce(x, pattern, "sum", axes),
    einsum,
  };
  for (const [caller, call] of Object.entries(functions)) {
    const refuses = (problem: string, ...args: unknown[]) => {
      const { message } = assertThrows(() => call(...args), TypeError, problem);
      assert(message.startsWith(`Cannot ${caller}: `), message);
    };
    for (const pattern of [undefined, null, 3, ["a b -> b a"]]) {
      refuses("the pattern is not a string: received", x, pattern);
    }
    for (const tensor of [undefined, null, 3, [x], { shape: [2, 3] }, new Float32Array(6)]) {
      refuses("this is not a Tensor: received", tensor, "a b -> b a");
    }
    for (const axes of [null, 3, [2]]) {
      refuses("the sizes are not an object", x, "a b -> b a", axes);
    }
    call(x, "a b -> a b", { a: 2 });
    for (const size of ["2", 2n, null, undefined]) {
      refuses('the size of "a" is not a number', x, "a b -> a b", { a: size });
    }
  }
  assertThrows(() => functions.einsum("a -> a"), TypeError, "there is no tensor");
  assertThrows(() => functions.einsum(x, "a b -> a", {}, x), TypeError, "nothing comes after");
});

for (const operation of ["any", "median", "toString", undefined, Math.max]) {
  Deno.test(`reduce() refuses the operation ${operation}`, () => {
    using backend = Backend.cpu({ threads: 1 });
    using graph = new Graph(backend, { maxNodes: 16 });
    const x = graph.input([2, 3], "f32", "x");
    assertThrows(
      () => reduce(x, "a b -> a", operation as Reduction),
      typeof operation === "string" ? RangeError : TypeError,
      "Choose one of sum, mean, max, min, prod",
    );
  });
}

Deno.test("the rows of a quantized tensor stay whole, its other axes can be moved", () => {
  using backend = Backend.cpu({ threads: 1 });
  using graph = new Graph(backend, { maxNodes: 64 });
  const x = graph.input([5, 64], "f32", "x");
  const weight = graph.input([64, 96], "q8_0", "weight");
  const part = slice(graph.input([4, 8, 64], "q8_0", "part"), 1, 2, 5);
  const refused = "the innermost axis of a quantized tensor stays whole";
  const refusals = [
    () => einsum(x, weight, "seq embed, embed hidden -> seq hidden"),
    () => rearrange(weight, "a b -> b a"),
    () => rearrange(part, "a b (c d) -> a b c d", { c: 2 }),
  ];
  for (const refusal of refusals) assertThrows(refusal, TypeError, refused);
  assertEquals(rearrange(part, "a b c -> b a c").shape, [3, 4, 64]);
  assertEquals(rearrange(weight, "a (b c) -> a b c", { c: 32 }).shape, [64, 3, 32]);
});

Deno.test("rearrange() copies quantized rows that only seem to follow one another", () => {
  using backend = Backend.cpu({ threads: 1 });
  using graph = new Graph(backend, { maxNodes: 16 });
  // From one first row to the next there are as many bytes as 64 blocks have; a row of 64 elements has 2.
  const table = graph.input([4, 32, 64], "q8_0", "table");
  const firstRows = rearrange(slice(table, 1, 0, 1), "group row width -> row (group width)");
  const x = graph.input([1, 256], "f32", "x");
  const y = graph.output(einsum(x, firstRows, "seq embed, row embed -> seq row"));
  graph.allocate();
  const rowValue = (i: number) => i % 32 === 0 ? i / 32 + 1 : 99;
  const values = indices([4 * 32, 64]).map(([row]) => rowValue(row));
  graph.write(table, asQ8(values));
  graph.write(x, new Float32Array(256).map((_, i) => i % 64 === 0 ? 127 : 0));
  graph.compute();
  assertEquals([...graph.readF32(y)], [127 * (1 + 2 + 3 + 4)]);
});

Deno.test("a plan that is remembered is used for the same shapes, sizes and types only", () => {
  using backend = Backend.cpu({ threads: 1 });
  using graph = new Graph(backend, { maxNodes: 64 });
  const x = graph.input([2, 12], "f32", "x");
  const y = graph.input([2, 24], "f32", "y");
  const pattern = "seq (heads head_dim) -> heads seq head_dim";
  assertEquals(rearrange(x, pattern, { heads: 3 }).shape, [3, 2, 4]);
  assertEquals(rearrange(x, pattern, { heads: 4 }).shape, [4, 2, 3]);
  assertEquals(rearrange(x, pattern, { head_dim: 4 }).shape, [3, 2, 4]);
  assertEquals(rearrange(y, pattern, { heads: 3 }).shape, [3, 2, 8]);
  assertEquals(reduce(x, "a b -> a", "sum").shape, reduce(x, "a b -> a", "mean").shape);
  const product = "seq embed, hidden embed -> hidden seq";
  for (const dtype of ["f32", "f16"] as const) {
    const weight = graph.input([3, 12], dtype, "weight");
    assertEquals(einsum(x, weight, product).shape, [3, 2]); // a weight of f16 takes the other side of the product
  }
  assertThrows(() => rearrange(x, pattern, { heads: 5 }), TypeError, "has to be a multiple of 5");
  assertEquals(rearrange(x, pattern, { heads: 3 }).shape, [3, 2, 4]);
});

Deno.test("the comparison with the reference notices a wrong element of a tensor", () => {
  const generate = (random: Random) => randomUnary(random, {});
  const compareWithWrong = () =>
    runRandomCases(11, generate, (test, [x]) => {
      const y = rearrange(x.tensor, test.pattern, test.given);
      const data = reference(test, [x]);
      return [expectation(y, test, test.output, data.with(-1, data.at(-1)! + 1e-3))];
    });
  assertThrows(compareWithWrong, AssertionError, "to be close to");
});

/** Records random cases in one graph, computes it, and compares. */
function runRandomCases(
  seed: number,
  generate: (random: Random) => RandomCase,
  record: (test: RandomCase, inputs: Filled[]) => Expectation[],
): void {
  const random = new Random(seed);
  using backend = Backend.cpu({ threads: 1 });
  using graph = new Graph(backend, { maxNodes: NUM_CASES * 64 });
  const writes: (() => void)[] = [];
  const expectations: Expectation[] = [];
  for (let i = 0; i < NUM_CASES; i++) {
    const test = generate(random);
    const inputs = test.inputs.map((axes) =>
      randomTensor(random, graph, naiveShape(axes, test.sizes), writes)
    );
    for (const expected of record(test, inputs)) {
      assertEquals(expected.result.shape, expected.shape, expected.pattern);
      expectations.push({ ...expected, result: graph.output(contiguous(expected.result)) });
    }
  }
  graph.allocate();
  for (const write of writes) write();
  graph.compute();
  for (const { result, data, pattern } of expectations) {
    graph.readF32(result).forEach((value, i) =>
      assertAlmostEquals(value, data[i], MEAN_TOLERANCE, pattern)
    );
  }
}

/** Small integers, side by side or with axes in another order in memory and with gaps (of NaN) between. */
function randomTensor(
  random: Random,
  graph: Graph,
  shape: Shape,
  writes: (() => void)[],
): Filled {
  const data = Array.from({ length: numElements(shape) }, () => random.integer(-3, 3));
  const axes = [...shape.keys()];
  const isStrided = random.chance(0.5);
  const inMemory = isStrided ? random.shuffle(axes) : axes;
  const gaps = shape.map(() => isStrided ? random.integer(0, 1) : 0);
  const stored = inMemory.map((axis) => shape[axis] + gaps[axis]);
  const storage = graph.input(stored, "f32", "x");
  const elements = new Float32Array(numElements(stored)).fill(NaN);
  indices(shape).forEach((index, i) => {
    const position = inMemory.reduce((at, axis, place) => at * stored[place] + index[axis], 0);
    elements[position] = data[i];
  });
  writes.push(() => graph.write(storage, elements));
  let tensor = storage;
  inMemory.forEach((axis, place) => {
    if (gaps[axis] > 0) tensor = slice(tensor, place, 0, shape[axis]);
  });
  const isMoved = inMemory.some((axis, place) => axis !== place);
  if (isMoved) tensor = permute(tensor, axes.map((axis) => inMemory.indexOf(axis)));
  return { tensor, data };
}

function reference(
  test: RandomCase,
  inputs: readonly Filled[],
  operation?: Reduction,
): number[] {
  const operands = inputs.map(({ data }, i) => ({ axes: test.inputs[i], data }));
  return naiveEinops(operands, test.output, test.sizes, operation);
}

function expectation(result: Tensor, test: RandomCase, output: Axes, data: number[]): Expectation {
  return { result, data, shape: naiveShape(output, test.sizes), pattern: test.pattern };
}

/** Integers from -127 to 127 as Q8_0: blocks of a half-precision scale (here 1) and 32 of them. */
function asQ8(integers: readonly number[]): Uint8Array<ArrayBuffer> {
  const bytes: number[] = [];
  for (let start = 0; start < integers.length; start += 32) {
    bytes.push(0x00, 0x3c, ...integers.slice(start, start + 32));
  }
  return new Uint8Array(bytes);
}
