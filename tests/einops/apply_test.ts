import { assertEquals } from "@std/assert";
import { applyEinsum, applySteps, applyUnstack } from "../../src/einops/apply.ts";
import { planEinsum } from "../../src/einops/einsum_plan.ts";
import { planRearrange, planReduce, planRepeat, planUnstack } from "../../src/einops/plan.ts";
import type { AxisSizes } from "../../src/einops/sizes.ts";
import { numElements, type Shape } from "../../src/tensor/shape.ts";
import { type Cost, countedOperations, StridedArray } from "./strided_array.ts";

const SPLIT_HEADS = "batch seq (heads head_dim) -> batch heads seq head_dim";
const MERGE_HEADS = "batch heads seq head_dim -> batch seq (heads head_dim)";
const SPLIT_QKV = "batch seq (three heads head_dim) -> three batch heads seq head_dim";
const PROJECT = "batch seq embed, hidden embed -> batch seq hidden";
const SCORE = "batch heads seq_q head_dim, batch heads seq_k head_dim -> batch heads seq_q seq_k";

Deno.test("rearrange() without a change costs nothing", () => {
  assertEquals(costOfRearrange(filled([2, 3, 4]), "a b c -> a b c"), cost({}));
  assertEquals(costOfRearrange(filled([2, 6]), "a (b c) -> a (b c)", { b: 2 }), cost({}));
});

Deno.test("rearrange() composes and decomposes neighbours with one view", () => {
  assertEquals(costOfRearrange(filled([2, 3, 4]), "a b c -> (a b) c"), cost({ views: 1 }));
  assertEquals(
    costOfRearrange(filled([2, 12]), "a (b c) -> (a b) 1 c", { b: 3 }),
    cost({ views: 1 }),
  );
});

Deno.test("rearrange() splits heads with two views and no copy", () => {
  assertEquals(costOfRearrange(filled([2, 5, 12]), SPLIT_HEADS, { heads: 3 }), cost({ views: 2 }));
});

Deno.test("rearrange() splits the heads of a single position with one view", () => {
  assertEquals(costOfRearrange(filled([2, 1, 12]), SPLIT_HEADS, { heads: 3 }), cost({ views: 1 }));
});

Deno.test("rearrange() splits the heads of a batch of one with two views", () => {
  assertEquals(costOfRearrange(filled([1, 5, 12]), SPLIT_HEADS, { heads: 3 }), cost({ views: 2 }));
});

Deno.test("rearrange() splits before or after the permutation, whichever saves a view", () => {
  const before = costOfRearrange(filled([6, 12]), "(a b) (c d) -> a c d b", { a: 2, c: 3 });
  assertEquals(before, cost({ views: 2 }));
  const after = costOfRearrange(filled([2, 3, 12]), "a b (c d) -> (b a) c d", { c: 3 });
  assertEquals(after, cost({ views: 2, copies: 1 }));
});

Deno.test("rearrange() merges heads with one copy, and without one where they lie side by side", () => {
  assertEquals(costOfRearrange(filled([2, 3, 5, 4]), MERGE_HEADS), cost({ views: 2, copies: 1 }));
  const fromAttention = permuted(filled([2, 5, 3, 4]), [0, 2, 1, 3]);
  assertEquals(costOfRearrange(fromAttention, MERGE_HEADS), cost({ views: 2 }));
});

Deno.test("rearrange() splits a part of a tensor without a copy", () => {
  const part = sliced(filled([2, 5, 36]), 2, 12, 24);
  assertEquals(costOfRearrange(part, SPLIT_HEADS, { heads: 3 }), cost({ views: 2 }));
});

Deno.test("unstack() makes query, key and value with three views each and no copy", () => {
  const { ops, cost: spent } = countedOperations();
  const qkv = filled([2, 5, 36]);
  const call = {
    caller: "unstack",
    pattern: SPLIT_QKV,
    shapes: [qkv.shape],
    axes: { three: 3, heads: 3 },
  };
  assertEquals(applyUnstack(planUnstack(call), qkv, ops).length, 3);
  assertEquals(spent, cost({ views: 9 }));
});

Deno.test("unstack() takes a part of a tensor apart without a copy", () => {
  const { ops, cost: spent } = countedOperations();
  const part = sliced(filled([2, 5, 12]), 1, 0, 4);
  const pattern = "batch seq (heads two head_dim) -> two batch seq heads head_dim";
  const call = { caller: "unstack", pattern, shapes: [part.shape], axes: { heads: 3, two: 2 } };
  applyUnstack(planUnstack(call), part, ops);
  assertEquals(spent, cost({ views: 3 })); // one split, two slices
});

Deno.test("reduce() over the innermost axis copies nothing", () => {
  const { ops, cost: spent } = countedOperations();
  const call = { caller: "reduce", pattern: "a b c -> a b", shapes: [[2, 3, 4]], axes: {} };
  applySteps(planReduce(call, "sum"), filled([2, 3, 4]), ops);
  assertEquals(spent, cost({ views: 1 }));
});

Deno.test("repeat() along a new axis takes one view", () => {
  const { ops, cost: spent } = countedOperations();
  const call = { caller: "repeat", pattern: "a b -> c a b", shapes: [[2, 3]], axes: { c: 4 } };
  applySteps(planRepeat(call), filled([2, 3]), ops);
  assertEquals(spent, cost({ views: 1 }));
});

Deno.test("einsum() is nothing but a product where ggml has the axes already", () => {
  const weight = filled([6, 4]);
  assertEquals(
    costOfEinsum(filled([5, 4]), weight, "seq embed, hidden embed -> seq hidden"),
    cost({ matmuls: 1 }),
  );
  assertEquals(costOfEinsum(filled([1, 5, 4]), weight, PROJECT), cost({ matmuls: 1 }));
  assertEquals(costOfEinsum(filled([1, 1, 4]), weight, PROJECT), cost({ matmuls: 1 }));
  assertEquals(
    costOfEinsum(weight, filled([5, 4]), "hidden embed, seq embed -> seq hidden"),
    cost({ matmuls: 1 }),
  );
});

Deno.test("einsum() makes one large product of a batch, with a view before and after", () => {
  const costs = cost({ views: 2, matmuls: 1 });
  assertEquals(costOfEinsum(filled([2, 5, 4]), filled([6, 4]), PROJECT), costs);
  assertEquals(costOfEinsum(filled([2, 1, 4]), filled([6, 4]), PROJECT), costs);
});

Deno.test("einsum() keeps the batch apart where to merge it would cost a copy", () => {
  const part = sliced(filled([2, 5, 8]), 2, 0, 4);
  const overlong = sliced(filled([2, 7, 4]), 1, 1, 6);
  for (const x of [part, overlong]) {
    assertEquals(costOfEinsum(x, filled([6, 4]), PROJECT), cost({ matmuls: 1 }));
  }
  const batches = sliced(filled([2, 3, 5, 8]), 3, 0, 4);
  const threeAxes = "a b c embed, hidden embed -> a b c hidden";
  assertEquals(costOfEinsum(batches, filled([6, 4]), threeAxes), cost({ matmuls: 1 }));
  const around = "seq heads part in, heads out in -> seq heads part out";
  assertEquals(costOfEinsum(filled([2, 3, 5, 4]), filled([3, 6, 4]), around), cost({ matmuls: 1 }));
});

Deno.test("einsum() scores the views that unstack() makes without a copy", () => {
  const { ops } = countedOperations();
  const qkv = filled([2, 5, 36]);
  const call = {
    caller: "unstack",
    pattern: SPLIT_QKV,
    shapes: [qkv.shape],
    axes: { three: 3, heads: 3 },
  };
  const [query, key] = applyUnstack(planUnstack(call), qkv, ops);
  assertEquals(costOfEinsum(query, key, SCORE), cost({ matmuls: 1 }));
});

Deno.test("einsum() copies an operand whose summed axis is not the innermost", () => {
  const pattern =
    "batch heads seq_q seq_k, batch heads seq_k head_dim -> batch heads seq_q head_dim";
  const costs = cost({ views: 1, copies: 1, matmuls: 1 });
  assertEquals(costOfEinsum(filled([2, 3, 5, 6]), filled([2, 3, 6, 4]), pattern), costs);
});

Deno.test("einsum() turns the product rather than a weight", () => {
  const costs = cost({ views: 1, matmuls: 1 });
  const pattern = "seq embed, hidden embed -> hidden seq";
  assertEquals(costOfEinsum(filled([5, 4]), filled([6, 4]), pattern, 1), costs);
});

Deno.test("einsum() sums over several axes in the order of the weight", () => {
  const costs = cost({ views: 3, copies: 1, matmuls: 1 });
  const pattern = "seq head_dim heads, embed heads head_dim -> seq embed";
  assertEquals(costOfEinsum(filled([5, 4, 3]), filled([6, 3, 4]), pattern, 1), costs);
  const call = { caller: "einsum", pattern, shapes: [[5, 4, 3], [6, 3, 4]], axes: {} };
  const operand = { isContiguous: true, isWeight: false };
  const { products: [{ weight, weightSteps }] } = planEinsum(call, [operand, operand]);
  assertEquals([weight, weightSteps.map(({ op }) => op)], [1, ["reshape"]]);
});

Deno.test("einsum() of rows that lie apart copies nothing where products read any rows", () => {
  // The gradient of a weight: what was read, and what came back, summed over all positions.
  const pattern = "batch seq out, batch seq in -> out in";
  const [gradient, x] = [filled([2, 5, 3]), filled([2, 5, 4])];
  assertEquals(costOfEinsum(gradient, x, pattern, 1).copies, 2);
  const { copies, matmuls } = costOfEinsum(gradient, x, pattern, 1, true);
  assertEquals({ copies, matmuls }, { copies: 0, matmuls: 1 });
});

function cost(part: Partial<Cost>): Cost {
  return { views: 0, copies: 0, matmuls: 0, ...part };
}

function costOfRearrange(x: StridedArray, pattern: string, axes: AxisSizes = {}): Cost {
  const { ops, cost } = countedOperations();
  applySteps(planRearrange({ caller: "rearrange", pattern, shapes: [x.shape], axes }), x, ops);
  return cost;
}

function costOfEinsum(
  a: StridedArray,
  b: StridedArray,
  pattern: string,
  weight?: number,
  multipliesAnyRows = false,
): Cost {
  const { ops, cost } = countedOperations(multipliesAnyRows);
  const call = { caller: "einsum", pattern, shapes: [a.shape, b.shape], axes: {} };
  const operands = [a, b].map(({ isContiguous }, i) => ({ isContiguous, isWeight: i === weight }));
  applyEinsum(planEinsum(call, operands), [a, b], ops);
  return cost;
}

function filled(shape: Shape): StridedArray {
  return new StridedArray(shape, Array.from({ length: numElements(shape) }, (_, i) => i));
}

function permuted(x: StridedArray, axes: number[]): StridedArray {
  return countedOperations().ops.permute(x, axes);
}

function sliced(x: StridedArray, axis: number, start: number, end: number): StridedArray {
  return countedOperations().ops.slice(x, axis, start, end);
}
