import { assert, assertEquals, assertMatch, assertStringIncludes, assertThrows } from "@std/assert";
import { planEinsum } from "../../src/einops/einsum_plan.ts";
import { planRearrange, planReduce, planRepeat, planUnstack } from "../../src/einops/plan.ts";
import { type AxisSizes, type Call, sizePattern } from "../../src/einops/sizes.ts";
import { formatShape, type Shape } from "../../src/tensor/shape.ts";

Deno.test("sizePattern() finds the size that a composite axis leaves open", () => {
  const call = callOf("rearrange", "(three heads head_dim) seq -> seq", [[36, 5]], {
    three: 3,
    heads: 4,
  });
  const { sizes } = sizePattern(call);
  assertEquals(Object.fromEntries(sizes), { three: 3, heads: 4, head_dim: 3, seq: 5 });
});

Deno.test("sizePattern() expands an ellipsis to as many axes as are left, also none", () => {
  for (const hidden of [[], [5], [5, 6]]) {
    const call = callOf("rearrange", "a ... b -> b (... a)", [[2, ...hidden, 3]], {});
    const { inputs: [input], output, sizes } = sizePattern(call);
    assertEquals(input.map((group) => sizes.get(group[0])), [2, ...hidden, 3]);
    assertEquals(output.map((group) => group.length), [1, hidden.length + 1]);
  }
});

Deno.test("sizePattern() finds a size in the other operand", () => {
  const call = callOf("einsum", "(a b) c, a c -> b", [[6, 4], [2, 4]], {});
  assertEquals(sizePattern(call).sizes.get("b"), 3);
});

const plans: Record<string, (call: Call) => unknown> = {
  rearrange: planRearrange,
  unstack: planUnstack,
  reduce: (call) => planReduce(call, "sum"),
  repeat: planRepeat,
  einsum: (call) =>
    planEinsum(call, call.shapes.map(() => ({ isContiguous: true, isWeight: false }))),
};

type ErrorCase = [
  caller: string,
  pattern: string,
  shapes: Shape[],
  axes: AxisSizes,
  problem: string,
];

const TYPE_ERRORS: ErrorCase[] = [
  ["rearrange", "a b -> b", [[2, 3]], {}, 'axis "a" is only on the left'],
  ["rearrange", "a b -> b a c", [[2, 3]], {}, 'axis "c" is only on the right'],
  ["rearrange", "a b -> b a 2", [[2, 3]], {}, 'axis "2" is only on the right'],
  ["rearrange", "a 3 -> a", [[2, 3]], {}, 'axis "3" is only on the left'],
  ["rearrange", "a ... -> a", [[2, 3]], {}, 'axis "..." is only on the left'],
  ["rearrange", "a b ... -> a b", [[2, 3]], {}, 'axis "..." is only on the left'],
  ["repeat", "a b ... -> a b", [[2, 3]], {}, 'axis "..." is only on the left'],
  ["rearrange", "a b -> a ... b", [[2, 3]], {}, 'axis "..." is only on the right'],
  ["reduce", "a b -> a ...", [[2, 3]], {}, 'axis "..." is only on the right'],
  ["rearrange", "a (...) -> a ...", [[2, 3]], {}, '"..." is inside parentheses on the left'],
  ["rearrange", "a a -> a", [[2, 2]], {}, 'axis "a" appears twice'],
  ["rearrange", "a b -> a (b a)", [[2, 3]], {}, 'axis "a" appears twice'],
  ["rearrange", "a b -> b a", [[2, 3, 4]], {}, "the pattern has 2 axes where the tensor has 3"],
  ["rearrange", "a b c ... -> a b c ...", [[2, 3]], {}, "at least 3 axes where the tensor has 2"],
  ["rearrange", " -> 1", [[1]], {}, "the pattern has 0 axes where the tensor has 1"],
  ["rearrange", "a b -> b a", [[2, 3]], { c: 3 }, 'the pattern has no axis "c"'],
  ["rearrange", "a b -> b a", [[2, 3]], { constructor: 3 }, 'no axis "constructor"'],
  ["rearrange", "a b -> b a", [[2, 3]], { a: 4 }, "an axis of 2 elements is not a=4"],
  ["rearrange", "a 1 -> a", [[2, 3]], {}, "an axis of 3 elements is not ()"],
  ["rearrange", "a (b c) -> a b c", [[2, 6]], {}, 'sizes of "b" and "c" cannot be told apart'],
  ["rearrange", "a (b c) -> a b c", [[2, 6]], { b: 4 }, "6 elements is not (b=4 c=?)"],
  ["rearrange", "a (b c) -> a b c", [[2, 6]], { b: 2, c: 2 }, "6 elements is not (b=2 c=2)"],
  [
    "rearrange",
    "a (b c d e) -> a b c d e",
    [[2, 16]],
    { b: 2, c: 2, d: 2 },
    "the result has 5 axes",
  ],
  ["rearrange", "a, b -> a b", [[2]], {}, "the left side describes 2 tensors"],
  ["unstack", "a b -> b", [[2, 3]], {}, 'axis "a" is only on the left'],
  ["unstack", "a b -> c a b", [[2, 3]], {}, 'axis "c" is only on the right'],
  ["unstack", "a b -> (a b)", [[2, 3]], {}, "the first axis on the right is not a single"],
  ["unstack", "a b -> 1 a b", [[2, 3]], {}, "the first axis on the right is not a single"],
  [
    "unstack",
    "a (b c d e f) -> a b c d e f",
    [[2, 32]],
    { b: 2, c: 2, d: 2, e: 2 },
    "the result has 5",
  ],
  ["reduce", "a b -> a c", [[2, 3]], {}, 'axis "c" is only on the right'],
  ["repeat", "a b -> a c", [[2, 3]], {}, 'axis "b" is only on the left'],
  ["repeat", "a b -> a b c", [[2, 3]], {}, 'the size of the new axis "c" is not known'],
  ["repeat", "a b c d -> a b c d 2", [[2, 3, 4, 5]], {}, "the result has 5 axes"],
  ["einsum", "a b -> a", [[2, 3], [3, 4]], {}, "the left side describes 1 tensor where"],
  ["einsum", "a b, b c, c d -> a d", [[2, 3], [3, 4]], {}, "the left side describes 3 tensors"],
  ["einsum", "a b, b c -> a c", [[2, 3], [4, 5]], {}, "an axis of 4 elements is not b=3"],
  ["einsum", "a a -> a", [[2, 3]], {}, "an axis of 3 elements is not a=2"],
  ["einsum", "a b -> a a", [[2, 3]], {}, 'axis "a" appears twice'],
  ["einsum", "... a -> a", [[2, 3]], {}, '"..." is only on the left'],
  ["einsum", "... a, a b -> b", [[2, 3], [3, 4]], {}, '"..." is only on the left'],
  ["einsum", "a b, b c -> a d", [[2, 3], [3, 4]], {}, 'axis "d" is only on the right'],
  ["einsum", "a ..., ... b -> a b", [[2, 3], [3, 4, 5]], {}, "an axis of 4 elements is not ...=3"],
  ["einsum", "a b, b c d -> a c d", [[2, 3], [3, 4]], {}, "the pattern has 3 axes where"],
];

for (const [caller, pattern, shapes, axes, problem] of TYPE_ERRORS) {
  Deno.test(`${caller}() refuses "${pattern}" for ${shapes.map(formatShape).join(" and ")}`, () => {
    const call = callOf(caller, pattern, shapes, axes);
    const { message } = assertThrows(() => plans[caller](call), TypeError, problem);
    assert(message.startsWith(`Cannot ${caller} "${pattern}": `), message);
    for (const shape of shapes) assertStringIncludes(message, formatShape(shape));
    for (const [name, size] of Object.entries(axes)) {
      assertStringIncludes(message, `${name}: ${size}`);
    }
    assertMatch(message, /: received shape .+\. [^.].+\.$/); // what to do about it comes last
  });
}

for (const size of [0, -1, 1.5, NaN, Infinity, 2 ** 53]) {
  Deno.test(`rearrange() refuses the size ${size}`, () => {
    const call = callOf("rearrange", "(a b) -> a b", [[6]], { a: size });
    const message = `the size of an axis is a positive integer: received { a: ${size} }`;
    assertThrows(() => planRearrange(call), RangeError, message);
  });
}

Deno.test("einsum() refuses two operands that both have to be the weight", () => {
  const call = callOf("einsum", "a b, c b -> a c", [[2, 32], [3, 32]], {});
  const operand = { isContiguous: true, isWeight: true };
  assertThrows(() => planEinsum(call, [operand, operand]), TypeError, "neither operand is f32");
});

function callOf(caller: string, pattern: string, shapes: Shape[], axes: AxisSizes): Call {
  return { caller, pattern, shapes, axes };
}
