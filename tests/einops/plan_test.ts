import {
  assert,
  assertAlmostEquals,
  assertEquals,
  AssertionError,
  assertThrows,
} from "@std/assert";
import { applyEinsum, applySteps, applyUnstack } from "../../src/einops/apply.ts";
import { planEinsum } from "../../src/einops/einsum_plan.ts";
import { planRearrange, planReduce, planRepeat, planUnstack } from "../../src/einops/plan.ts";
import type { Call } from "../../src/einops/sizes.ts";
import { MAX_AXES } from "../../src/tensor/shape.ts";
import { type Axes, naiveEinops, naiveShape } from "./naive_einops.ts";
import { Random, randomBinary, type RandomCase, randomUnary } from "./random_pattern.ts";
import { countedOperations, randomArray, type StridedArray } from "./strided_array.ts";

/** Elements are small integers, so sums are exact; a mean is a quotient of two, taken in another order. */
const MEAN_TOLERANCE = 1e-9;

const NUM_CASES = 1000;

Deno.test("rearrange() agrees with the reference on random patterns", () => {
  forRandomCases(1, (random) => randomUnary(random, {}), (test, x) => {
    const plan = planRearrange(callOf("rearrange", test, x));
    const { ops, cost } = countedOperations();
    assertSameArray(applySteps(plan, x, ops), test, reference(test, [x]));
    assert(plan.length <= 3, `${test.pattern} takes ${plan.length} steps`);
    if (x.isContiguous) assert(cost.copies <= 1, `${test.pattern} copies ${cost.copies} times`);
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

for (const operation of ["sum", "mean"] as const) {
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

for (const composite of [false, true]) {
  const kind = composite ? "with composite axes" : "of plain axes";
  Deno.test(`einsum() agrees with the reference on random patterns ${kind}`, () => {
    const random = new Random(5);
    let numPlanned = 0;
    for (let i = 0; i < NUM_CASES; i++) {
      const test = randomBinary(random, composite);
      const [a, b] = test.inputs.map((axes) => randomArray(random, naiveShape(axes, test.sizes)));
      const call = callOf("einsum", test, a, b);
      // A quantized operand has to be the weight.
      const forced = random.integer(0, 4);
      const operands = [a, b].map(({ isContiguous }, i) => ({
        isContiguous,
        isWeight: i === forced,
      }));
      if ([...test.inputs, test.output].some((side) => side.flat().length > MAX_AXES)) {
        if (!succeedsOrNeedsMoreAxes(() => planEinsum(call, operands))) continue;
      }
      numPlanned++;
      const plan = planEinsum(call, operands);
      if (forced < 2) assertEquals(plan.weight, forced);
      const { ops, cost } = countedOperations();
      assertSameArray(applyEinsum(plan, [a, b], ops), test, reference(test, [a, b]));
      assertEquals(cost.matmuls, 1);
    }
    assert(numPlanned > NUM_CASES * 0.9, `only ${numPlanned} could be planned`);
  });
}

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

/** Runs `check` on random cases; where a pattern moves too many axes for a tensor, it has to say so. */
function forRandomCases(
  seed: number,
  generate: (random: Random) => RandomCase,
  check: (test: RandomCase, x: StridedArray) => void,
): void {
  const random = new Random(seed);
  let numChecked = 0;
  for (let i = 0; i < NUM_CASES; i++) {
    const test = generate(random);
    const x = randomArray(random, naiveShape(test.inputs[0], test.sizes));
    if (numMoved(test) > MAX_AXES) {
      assertThrows(() => check(test, x), TypeError, "moves more than 4 axes", test.pattern);
    } else {
      check(test, x);
      numChecked++;
    }
  }
  assert(numChecked > NUM_CASES * 0.9, `only ${numChecked} could be checked`);
}

/** How many runs of elementary axes change places, apart from those of size 1, which need not be moved. */
function numMoved({ inputs: [input], output, sizes, stack }: RandomCase): number {
  const isMoved = (name: string) =>
    sizes[name] > 1 && name !== stack && input.flat().includes(name) &&
    output.flat().includes(name);
  const target = output.flat().filter(isMoved);
  const source = input.flat().filter(isMoved);
  return source.filter((name, i) =>
    i === 0 || target.indexOf(name) !== target.indexOf(source[i - 1]) + 1
  )
    .length;
}

function succeedsOrNeedsMoreAxes(plan: () => unknown): boolean {
  try {
    plan();
    return true;
  } catch (error) {
    assert(
      error instanceof TypeError && error.message.includes("moves more than 4 axes"),
      `${error}`,
    );
    return false;
  }
}

function callOf(caller: string, test: RandomCase, ...operands: StridedArray[]): Call {
  const shapes = operands.map(({ shape }) => shape);
  return { caller, pattern: test.pattern, shapes, axes: test.given };
}

function reference(
  test: RandomCase,
  arrays: readonly StridedArray[],
  operation?: "sum" | "mean",
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
