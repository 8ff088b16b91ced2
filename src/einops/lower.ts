/**
 * Turns "these axes, in this order, grouped so" into the few steps that ggml knows. Pure: steps are data.
 *
 * @module
 */
import { MAX_AXES, sameShape, type Shape } from "../tensor/shape.ts";
import type { AxisGroup } from "./pattern.ts";
import { type Call, groupSize, mismatch, type Sizes } from "./sizes.ts";

/** What can be made of the elements along an axis. */
export type Reduction = "sum" | "mean" | "max" | "min" | "prod";
/** All that {@linkcode Reduction} can be. */
export const REDUCTIONS: readonly Reduction[] = ["sum", "mean", "max", "min", "prod"];

/** One thing to do to a tensor. Applied in turn, steps do what a pattern says. */
export type Step =
  | ReshapeStep
  /** Axis `i` of the result is axis `axes[i]` of the tensor. */
  | { readonly op: "permute"; readonly axes: readonly number[] }
  /** Elements `start` to `end` (excluded) along an axis. */
  | { readonly op: "slice"; readonly axis: number; readonly start: number; readonly end: number }
  /** One number made of all elements along the innermost axis, which stays with size 1. */
  | { readonly op: Reduction }
  /** The diagonal of the two innermost axes, which have one size: of `(..., n, n)` a tensor `(..., n, 1)`. */
  | { readonly op: "diagonal" }
  /** Axes of size 1 become as long as `shape` says, by copying. */
  | { readonly op: "broadcast"; readonly shape: Shape };

/**
 * Other axes over the same elements in the same order. What a tensor that is not contiguous needs: neighbouring axes are
 * merged, each innermost run first, then axes are split; where merging is impossible, the tensor is copied first.
 */
export interface ReshapeStep {
  /** Tells the steps apart. */
  readonly op: "reshape";
  /** The new shape. */
  readonly shape: Shape;
  /** Runs of axes that become one, counted from the innermost so that indices stay valid. */
  readonly merges: readonly { readonly axis: number; readonly count: number }[];
  /** Axes of the merged tensor that become several, counted from the innermost too. */
  readonly splits: readonly { readonly axis: number; readonly sizes: Shape }[];
}

/** The shape of a tensor with these axes. ggml has no tensor without axes: that becomes one axis of size 1. */
export function shapeOf(groups: readonly AxisGroup[], sizes: Sizes): Shape {
  return groups.length === 0 ? [1] : groups.map((group) => groupSize(group, sizes));
}

/** The reshape from one shape to another, or no step if they are the same. */
export function reshapeSteps(from: Shape, to: Shape): Step[] {
  if (sameShape(from, to)) return [];
  const merges: { axis: number; count: number }[] = [];
  const splits: { axis: number; sizes: Shape }[] = [];
  // Walk both shapes in blocks that hold equally many elements: each block is merged to one axis, then split.
  let read = 0;
  let written = 0;
  for (let block = 0; read < from.length || written < to.length; block++) {
    const [firstRead, firstWritten] = [read, written];
    let before = from[read++];
    let after = to[written++];
    while (before !== after) {
      if (before < after) before *= from[read++];
      else after *= to[written++];
    }
    // Axes of size 1 at the end belong to the last block.
    while (read < from.length && from.slice(read).every((size) => size === 1)) read++;
    while (written < to.length && to.slice(written).every((size) => size === 1)) written++;
    if (read - firstRead > 1) merges.unshift({ axis: firstRead, count: read - firstRead });
    if (written - firstWritten > 1) {
      splits.unshift({ axis: block, sizes: to.slice(firstWritten, written) });
    }
  }
  return [{ op: "reshape", shape: to, merges, splits }];
}

/**
 * The steps from a tensor with the axes `from` to one with the axes `to`, which have the same elementary axes.
 *
 * @throws {TypeError} if the result has more than {@linkcode MAX_AXES} axes
 */
export function lower(
  call: Call,
  from: readonly AxisGroup[],
  to: readonly AxisGroup[],
  sizes: Sizes,
): Step[] {
  if (to.length > MAX_AXES) {
    throw mismatch(
      call,
      `the result has ${to.length} axes where a tensor has at most ${MAX_AXES}`,
      "Compose some of them in parentheses, or use unstack() to get several tensors.",
    );
  }
  return tryLower(from, to, sizes) ?? lowerInMoves(from, to, sizes);
}

/**
 * Several permutations one after another, where one would take too many axes: each moves four blocks of neighbouring
 * runs, so that as many runs as possible come to lie where they belong together and travel as one from then on.
 */
function lowerInMoves(from: readonly AxisGroup[], to: readonly AxisGroup[], sizes: Sizes): Step[] {
  const isLong = (name: string) => sizes.get(name) !== 1;
  const target = to.flat();
  const steps: Step[] = [];
  let groups = from;
  for (;;) {
    const runs = findRuns(groups, to, () => true, isLong);
    if (runs.length <= MAX_AXES) return [...steps, ...permuteRuns(runs, groups, to, sizes)];
    const { blocks, axes } = bestMove(runs, target);
    steps.push(...reshapeSteps(shapeOf(groups, sizes), shapeOf(blocks, sizes)));
    steps.push({ op: "permute", axes });
    groups = axes.map((axis) => blocks[axis]);
  }
}

/** The move of four blocks after which the fewest runs are left; of equals one that leaves the innermost in place. */
function bestMove(
  runs: readonly AxisGroup[],
  target: AxisGroup,
): { blocks: AxisGroup[]; axes: readonly number[] } {
  const last = runs.length - 1;
  const orders = ordersOf([0, 1, 2, 3]);
  const fits = (a: string, b: string) => target.indexOf(a) + 1 === target.indexOf(b);
  let best: { blocks: AxisGroup[]; axes: readonly number[] } | undefined;
  let bestScore = -1;
  for (let first = 1; first < last; first++) {
    for (let second = first + 1; second < last; second++) {
      for (let third = second + 1; third <= last; third++) {
        const bounds = [0, first, second, third, last + 1];
        const blocks = bounds.slice(1).map((end, i) => runs.slice(bounds[i], end).flat());
        for (const axes of orders) {
          const numJoined = axes.slice(1).filter((axis, i) =>
            fits(blocks[axes[i]].at(-1)!, blocks[axis][0])
          )
            .length;
          const score = 2 * numJoined + (axes[3] === 3 ? 1 : 0);
          if (score > bestScore) [best, bestScore] = [{ blocks, axes }, score];
        }
      }
    }
  }
  return best!;
}

/** Every order of these. */
function ordersOf(items: readonly number[]): number[][] {
  if (items.length === 0) return [[]];
  return items.flatMap((item) =>
    ordersOf(items.filter((other) => other !== item)).map((rest) => [item, ...rest])
  );
}

/**
 * {@linkcode lower}, or `undefined` if that takes too many axes.
 *
 * The steps are at most a reshape, a permutation and a reshape. While it is permuted, a tensor can have only
 * {@linkcode MAX_AXES} axes, so elementary axes that stay neighbours in the same order may travel as one, and axes of
 * size 1 may stay behind. The fewest steps win.
 */
export function tryLower(
  from: readonly AxisGroup[],
  to: readonly AxisGroup[],
  sizes: Sizes,
): Step[] | undefined {
  const isLong = (name: string) => sizes.get(name) !== 1;
  // To merge axes before the permutation may cost a copy: the last rule is only for where nothing else fits.
  for (const rules of [[inSameAxis(from, to), inSameAxis(from)], [() => true]]) {
    const candidates = rules
      .flatMap((rule) => [findRuns(from, to, rule), findRuns(from, to, rule, isLong)])
      .filter((runs) => runs.length <= MAX_AXES)
      .map((runs) => permuteRuns(runs, from, to, sizes))
      .sort((a, b) => a.length - b.length);
    if (candidates.length > 0) return candidates[0];
  }
  return undefined;
}

/** Whether two elementary axes are composed into one axis on each of the given sides. */
function inSameAxis(...sides: (readonly AxisGroup[])[]): (a: string, b: string) => boolean {
  return (a, b) =>
    sides.every((side) => side.some((group) => group.includes(a) && group.includes(b)));
}

/** The runs of elementary axes that are permuted as one, in the order of `from`. The axes not kept stay behind. */
function findRuns(
  from: readonly AxisGroup[],
  to: readonly AxisGroup[],
  travelsAsOne: (a: string, b: string) => boolean,
  isKept: (name: string) => boolean = () => true,
): string[][] {
  const target = to.flat().filter(isKept);
  const runs: string[][] = [];
  for (const name of from.flat().filter(isKept)) {
    const previous = runs.at(-1)?.at(-1);
    const staysNext = previous !== undefined &&
      target.indexOf(previous) + 1 === target.indexOf(name);
    if (staysNext && travelsAsOne(previous, name)) runs.at(-1)!.push(name);
    else runs.push([name]);
  }
  return runs;
}

function permuteRuns(
  runs: readonly AxisGroup[],
  from: readonly AxisGroup[],
  to: readonly AxisGroup[],
  sizes: Sizes,
): Step[] {
  const [fromShape, toShape] = [shapeOf(from, sizes), shapeOf(to, sizes)];
  const target = to.flat();
  const place = (run: AxisGroup) => target.indexOf(run[0]);
  const axes = runs.map((_, axis) => axis).sort((a, b) => place(runs[a]) - place(runs[b]));
  if (axes.every((axis, i) => axis === i)) return reshapeSteps(fromShape, toShape);
  const permuted = axes.map((axis) => runs[axis]);
  return [
    ...reshapeSteps(fromShape, shapeOf(runs, sizes)),
    { op: "permute", axes },
    ...reshapeSteps(shapeOf(permuted, sizes), toShape),
  ];
}
