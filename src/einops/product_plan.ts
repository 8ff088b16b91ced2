/**
 * How the product of two tensors over named axes becomes one matrix multiplication. Pure: no tensor is needed to plan.
 *
 * @module
 */
import { lower, type Step } from "./lower.ts";
import type { AxisGroup } from "./pattern.ts";
import { type Call, mismatch, type Sizes } from "./sizes.ts";

/** A tensor to be multiplied. */
export interface Term {
  /** Its axes. */
  readonly axes: readonly AxisGroup[];
  /** Whether its elements lie side by side, so that neighbouring axes can be merged without a copy. */
  readonly isContiguous: boolean;
  /** Whether it can only be the weight of a matrix multiplication: everything but f32 can. */
  readonly isWeight: boolean;
}

/** One matrix multiplication. */
export interface Product {
  /** Which tensor is the weight. */
  readonly weight: number;
  /** From the weight to `(outer..., rows, inner)`. */
  readonly weightSteps: readonly Step[];
  /** Which tensor is multiplied with it. */
  readonly other: number;
  /** From the other tensor to `(outer..., columns, inner)`. */
  readonly otherSteps: readonly Step[];
}

/**
 * Plans the product of two of the tensors.
 *
 * @param wanted the axes that are needed afterwards, in the order of the result; the others are summed over
 * @returns the product, and its axes: `(outer..., columns, rows)`
 */
export function planProduct(
  call: Call,
  terms: readonly Term[],
  pair: readonly [number, number],
  wanted: AxisGroup,
  sizes: Sizes,
): { product: Product; axes: AxisGroup[] } {
  const [first, second] = pair.map((i) => terms[i].axes.flat());
  const result = wanted.filter((name) => first.includes(name) || second.includes(name));
  const at = chooseWeight(call, pair.map((i) => terms[i]), first, second, result);
  const [weight, other] = [pair[at], pair[1 - at]];
  const [weightNames, otherNames] = at === 0 ? [first, second] : [second, first];
  const inner = weightNames.filter((name) => !result.includes(name));
  const rows = weightNames.filter((name) => result.includes(name) && !otherNames.includes(name));
  const shared = result.filter((name) => first.includes(name) && second.includes(name));
  const free = otherNames.filter((name) => result.includes(name) && !weightNames.includes(name));

  const canMerge = terms[other].isContiguous && areNeighbours(free, otherNames);
  const { outer, columns } = placeColumns(free, shared, result, canMerge, sizes);
  // ggml repeats the weight over outer axes that only the other operand has.
  const weightOuter = outer.map((group) => group.filter((name) => weightNames.includes(name)));
  while (weightOuter[0]?.length === 0) weightOuter.shift();
  return {
    product: {
      weight,
      weightSteps: lower(call, terms[weight].axes, [...weightOuter, rows, inner], sizes),
      other,
      otherSteps: lower(call, terms[other].axes, [...outer, columns, inner], sizes),
    },
    axes: [...outer, columns, rows],
  };
}

/**
 * Which axes of the other operand are the columns of the product, and which stay outside.
 *
 * All of them as columns make one large product, which is faster than many small ones over the same weight. Where
 * merging them would cost a copy, or there is nothing to gain, the axes stay apart and need no reshape.
 */
function placeColumns(
  free: AxisGroup,
  shared: AxisGroup,
  result: AxisGroup,
  canMerge: boolean,
  sizes: Sizes,
): { outer: AxisGroup[]; columns: AxisGroup } {
  const column = result.findLast((name) => free.includes(name));
  const outside = result.filter((name) =>
    name !== column && (free.includes(name) || shared.includes(name))
  );
  const gains = free.some((name) => name !== column && sizes.get(name) !== 1);
  if (column !== undefined && outside.length <= 2 && !(gains && canMerge)) {
    return { outer: outside.map((name) => [name]), columns: [column] };
  }
  const outer = shared.length <= 2
    ? shared.map((name) => [name])
    : [shared.slice(0, 1), shared.slice(1)];
  return { outer, columns: free };
}

function areNeighbours(names: AxisGroup, all: AxisGroup): boolean {
  const start = all.indexOf(names[0]);
  return names.every((name, i) => all[start + i] === name);
}

function chooseWeight(
  call: Call,
  operands: readonly Pick<Term, "isWeight">[],
  first: AxisGroup,
  second: AxisGroup,
  result: AxisGroup,
): 0 | 1 {
  if (operands[0].isWeight && operands[1].isWeight) {
    throw mismatch(
      call,
      "neither operand is f32",
      "ggml multiplies a weight of any type with f32.",
    );
  }
  if (operands[0].isWeight || operands[1].isWeight) return operands[0].isWeight ? 0 : 1;
  // The rows of the weight become the innermost axis of the product.
  const innermost = result.findLast((name) => !(first.includes(name) && second.includes(name)));
  return innermost !== undefined && first.includes(innermost) ? 0 : 1;
}
