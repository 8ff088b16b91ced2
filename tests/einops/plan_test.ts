import {
  assert,
  assertAlmostEquals,
  assertEquals,
  AssertionError,
  assertThrows,
} from "@std/assert";
import { applyEinsum, applySteps, applyUnstack } from "../../src/einops/apply.ts";
import { planEinsum } from "../../src/einops/einsum_plan.ts";
import { type Reduction, REDUCTIONS } from "../../src/einops/lower.ts";
import { planRearrange, planReduce, planRepeat, planUnstack } from "../../src/einops/plan.ts";
import type { Call } from "../../src/einops/sizes.ts";
import { MAX_AXES, type Shape } from "../../src/tensor/shape.ts";
import { type Axes, naiveEinops, naiveShape } from "./naive_einops.ts";
import { Random, type RandomCase, randomProduct, randomUnary } from "./random_pattern.ts";
import { countedOperations, randomArray, type StridedArray } from "./strided_array.ts";

/** Elements are small integers, so sums are exact; a mean is a quotient of two, taken in another order. */
const MEAN_TOLERANCE = 1e-9;

const NUM_CASES = 1000;

Deno.test("rearrange() agrees with the reference on random patterns", () => {
  forRandomCases(1, (random) => randomUnary(random, {}), (test, x) => {
    const plan = planRearrange(callOf("rearrange", test, x));
    const { ops, cost } = countedOperations();
    assertSameArray(applySteps(plan, x, ops), test, reference(test, [x]));
    // One permutation moves four runs of axes and joins up to three of them; there are seven at most.
    const numMoves = numMoved(test) > MAX_AXES ? 2 : 1;
    assert(plan.length <= 2 * numMoves + 1, `${test.pattern} takes ${plan.length} steps`);
    if (x.isContiguous) assert(cost.copies <= numMoves, `${test.pattern}: ${cost.copies} copies`);
  });
});

Deno.test("unstack() agrees with the reference on random patterns", () => {
  forRandomCases(2, (random) => randomUnary(random, { stacked: true }), (test, x) => {
    const plan = planUnstack(callOf("unstack", test, x));
    const parts = applyUnstack(plan, x, countedOperations().ops);
    const [[name], ...output] = test.output;
    assertEquals(parts.length, test.sizes[name]);
    const all = reference(test, [x]);
    const length = all.length / parts.length;
    parts.forEach((part, i) => {
      const expected = all.slice(i * length, (i + 1) * length);
      assertSameArray(part, { ...test, output }, expected);
    });
  });
});

for (const operation of REDUCTIONS) {
  Deno.test(`reduce() agrees with the reference on random patterns: ${operation}`, () => {
    const generate = (random: Random) => randomUnary(random, { numLeftOnly: random.integer(0, 3) });
    forRandomCases(3, generate, (test, x) => {
      const plan = planReduce(callOf("reduce", test, x), operation);
      const y = applySteps(plan, x, countedOperations().ops);
      assertSameArray(y, test, reference(test, [x], operation));
    });
  });
}

Deno.test("repeat() agrees with the reference on random patterns", () => {
  const generate = (random: Random) => randomUnary(random, { numRightOnly: random.integer(0, 3) });
  forRandomCases(4, generate, (test, x) => {
    const plan = planRepeat(callOf("repeat", test, x));
    assertSameArray(applySteps(plan, x, countedOperations().ops), test, reference(test, [x]));
  });
});

for (const numInputs of [1, 2, 3, 4]) {
  const tensors = numInputs === 1 ? "tensor" : "tensors";
  Deno.test(`einsum() agrees with the reference on random patterns of ${numInputs} ${tensors}`, () => {
    const random = new Random(5 + numInputs);
    for (let i = 0; i < NUM_CASES; i++) {
      const test = randomProduct(random, numInputs, random.chance(0.5));
      const arrays = test.inputs.map((axes) => randomArray(random, naiveShape(axes, test.sizes)));
      const call = callOf("einsum", test, ...arrays);
      // A quantized operand has to be the weight.
      const forced = random.integer(0, 2 * numInputs);
      const operands = arrays.map(({ isContiguous }, i) => ({
        isContiguous,
        isWeight: i === forced,
      }));
      const plan = planEinsum(call, operands);
      assert(!plan.products.some(({ other }) => other === forced && forced < numInputs));
      const { ops, cost } = countedOperations(random.chance(0.5));
      assertSameArray(applyEinsum(plan, arrays, ops), test, reference(test, arrays));
      assertEquals(cost.matmuls, numInputs - 1);
    }
  });
}

Deno.test("einsum() multiplies first what takes the fewest multiplications", () => {
  const operand = { isContiguous: true, isWeight: false };
  const orderOf = (pattern: string, shapes: Shape[], weights: number[] = []) =>
    planEinsum(
      { caller: "einsum", pattern, shapes, axes: {} },
      shapes.map((_, i) => ({ ...operand, isWeight: weights.includes(i) })),
    ).products.map(({ weight, other }) => [weight, other].toSorted());
  const down = "seq in, rank in, out rank -> seq out";
  assertEquals(orderOf(down, [[8, 64], [2, 64], [64, 2]]), [[0, 1], [2, 3]]);
  assertEquals(orderOf("a b, b c, c d -> a d", [[9, 8], [8, 2], [2, 3]]), [[1, 2], [0, 3]]);
  assertEquals(orderOf("a, a, a -> a", [[4], [4], [4]]), [[0, 1], [2, 3]]);
  // Two weights cannot be multiplied with each other.
  assertEquals(orderOf("a b, b c, c d -> a d", [[9, 8], [8, 2], [2, 3]], [1, 2]), [[0, 1], [2, 3]]);
});

Deno.test("the comparison with the reference notices one wrong element", () => {
  const random = new Random(6);
  const test = randomUnary(random, {});
  const x = randomArray(random, naiveShape(test.inputs[0], test.sizes));
  const expected = reference(test, [x]);
  const y = applySteps(planRearrange(callOf("rearrange", test, x)), x, countedOperations().ops);
  assertSameArray(y, test, expected);
  const wrong = expected.with(-1, expected.at(-1)! + 1e-6);
  assertThrows(() => assertSameArray(y, test, wrong), AssertionError, "to be close to");
});

function forRandomCases(
  seed: number,
  generate: (random: Random) => RandomCase,
  check: (test: RandomCase, x: StridedArray) => void,
): void {
  const random = new Random(seed);
  for (let i = 0; i < NUM_CASES; i++) {
    const test = generate(random);
    check(test, randomArray(random, naiveShape(test.inputs[0], test.sizes)));
  }
}

/** How many runs of elementary axes change places, apart from those of size 1, which need not be moved. */
function numMoved({ inputs: [input], output, sizes }: RandomCase): number {
  const isMoved = (name: string) =>
    sizes[name] > 1 && input.flat().includes(name) &&
    output.flat().includes(name);
  const target = output.flat().filter(isMoved);
  const source = input.flat().filter(isMoved);
  return source.filter((name, i) =>
    i === 0 || target.indexOf(name) !== target.indexOf(source[i - 1]) + 1
  )
    .length;
}

function callOf(caller: string, test: RandomCase, ...operands: StridedArray[]): Call {
  const shapes = operands.map(({ shape }) => shape);
  return { caller, pattern: test.pattern, shapes, axes: test.given };
}

function reference(
  test: RandomCase,
  arrays: readonly StridedArray[],
  operation?: Reduction,
): number[] {
  const operands = arrays.map((x, i) => ({ axes: test.inputs[i], data: x.toArray() }));
  return naiveEinops(operands, test.output, test.sizes, operation);
}

function assertSameArray(
  y: StridedArray,
  test: { pattern: string; output: Axes; sizes: RandomCase["sizes"] },
  expected: number[],
): void {
  assertEquals(y.shape, naiveShape(test.output, test.sizes), test.pattern);
  y.toArray().forEach((value, i) =>
    assertAlmostEquals(value, expected[i], MEAN_TOLERANCE, test.pattern)
  );
}
