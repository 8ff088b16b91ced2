/**
 * How a product over named axes becomes one matrix multiplication. Pure: no tensor is needed to plan.
 *
 * @module
 */
import { lower, type Step } from "./lower.ts";
import { type AxisGroup, axisLabel } from "./pattern.ts";
import { type Call, mismatch, sizePattern, type Sizes } from "./sizes.ts";

/** What the planner has to know of an operand besides its shape. */
export interface Operand {
  /** Whether its elements lie side by side, so that neighbouring axes can be merged without a copy. */
  readonly isContiguous: boolean;
  /** Whether it can only be the weight of a matrix multiplication: everything but f32 can. */
  readonly isWeight: boolean;
}

/** A product as one matrix multiplication. */
export interface EinsumPlan {
  /** Which operand is the weight: 0 or 1. */
  readonly weight: 0 | 1;
  /** From the weight to `(outer..., rows, inner)`. */
  readonly weightSteps: readonly Step[];
  /** From the other operand to `(outer..., columns, inner)`. */
  readonly otherSteps: readonly Step[];
  /** From the product, `(outer..., columns, rows)`, to the result. */
  readonly resultSteps: readonly Step[];
}

/** Plans a product of two tensors, summed over the axes that the result does not have. */
export function planEinsum(call: Call, operands: readonly Operand[]): EinsumPlan {
  const { inputs, output, sizes } = sizePattern(call);
  const [first, second] = inputs.map((side) => side.flat());
  const result = output.flat();
  checkAxes(call, first, second, result);

  const weight = chooseWeight(call, operands, first, second, result);
  const [weightNames, otherNames] = weight === 0 ? [first, second] : [second, first];
  const inner = weightNames.filter((name) => !result.includes(name));
  const rows = weightNames.filter((name) => result.includes(name) && !otherNames.includes(name));
  const shared = result.filter((name) => first.includes(name) && second.includes(name));
  const free = otherNames.filter((name) => result.includes(name) && !weightNames.includes(name));

  const canMerge = operands[1 - weight].isContiguous && areNeighbours(free, otherNames);
  const { outer, columns } = placeColumns(free, shared, result, canMerge, sizes);
  // ggml repeats the weight over outer axes that only the other operand has.
  const weightOuter = outer.map((group) => group.filter((name) => weightNames.includes(name)));
  while (weightOuter[0]?.length === 0) weightOuter.shift();
  return {
    weight,
    weightSteps: lower(call, inputs[weight], [...weightOuter, rows, inner], sizes),
    otherSteps: lower(call, inputs[1 - weight], [...outer, columns, inner], sizes),
    resultSteps: lower(call, [...outer, columns, rows], output, sizes),
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
  operands: readonly Operand[],
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

function checkAxes(call: Call, first: AxisGroup, second: AxisGroup, result: AxisGroup): void {
  const added = result.find((name) => !first.includes(name) && !second.includes(name));
  if (added !== undefined) {
    const problem = `axis "${axisLabel(added)}" is only on the right`;
    throw mismatch(call, problem, "Write it on the left too, or use repeat() on the result.");
  }
  const summed = [...first, ...second].filter((name) => !result.includes(name));
  const alone = summed.find((name) => !first.includes(name) || !second.includes(name));
  if (alone !== undefined) {
    const problem = `axis "${axisLabel(alone)}" is in one tensor only`;
    throw mismatch(
      call,
      problem,
      "Write it on the right too, or use reduce() on that tensor first.",
    );
  }
}
