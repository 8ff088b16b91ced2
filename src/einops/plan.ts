/**
 * What each function of einops does, as steps. Pure: no tensor and no native library is needed to plan.
 *
 * @module
 */
import { MAX_AXES, sameShape } from "../tensor/shape.ts";
import { lower, type Reduction, shapeOf, type Step, tryLower } from "./lower.ts";
import { type AxisGroup, axisLabel } from "./pattern.ts";
import { type Call, groupSize, mismatch, sizePattern, type Sizes } from "./sizes.ts";

/** How to take a tensor apart along one of its axes. */
export interface UnstackPlan {
  /** What is done once, before. */
  readonly before: readonly Step[];
  /** Where each part is cut out; part `i` is `length * i` to `length * (i + 1)` along `axis`. */
  readonly parts: readonly Step[];
  /** What is done to each part. */
  readonly after: readonly Step[];
}

/** The steps of a rearrangement: the same elements, other axes. */
export function planRearrange(call: Call): Step[] {
  const { inputs: [input], output, sizes } = sizePattern(call);
  checkAllKept(call, input, output);
  checkNoneNew(call, input, output);
  return lower(call, input, output, sizes);
}

/** The steps of a rearrangement whose outermost axis becomes an array of tensors. */
export function planUnstack(call: Call): UnstackPlan {
  const { inputs: [input], output, sizes } = sizePattern(call);
  checkAllKept(call, input, output);
  checkNoneNew(call, input, output);
  if (output[0]?.length !== 1) {
    throw mismatch(
      call,
      "the first axis on the right is not a single named axis",
      'Start the right side with the axis to take apart: "(three embed) -> three embed".',
    );
  }
  const [[name], ...partOutput] = output;
  const { axis, before, stacked } = isolate(call, input, name, sizes);
  const inner = stacked[axis].slice(1);
  const length = groupSize(inner, sizes);
  const parts = Array.from({ length: sizes.get(name)! }, (_, i): Step => (
    { op: "slice", axis, start: length * i, end: length * (i + 1) }
  ));
  const part = stacked.with(axis, inner);
  return { before, parts, after: lower(call, part, partOutput, sizes) };
}

/** Brings the elementary axis `name` to the front of an axis, so that a slice of that axis has one value of it. */
function isolate(
  call: Call,
  input: readonly AxisGroup[],
  name: string,
  sizes: Sizes,
): { axis: number; before: Step[]; stacked: readonly AxisGroup[] } {
  const axis = input.findIndex((group) => group.includes(name));
  const outer = input[axis].slice(0, input[axis].indexOf(name));
  const inner = input[axis].slice(outer.length);
  if (outer.length === 0) return { axis, before: [], stacked: input };
  const split = [...input.slice(0, axis), outer, inner, ...input.slice(axis + 1)];
  // No room for one axis more: everything outside becomes one axis, everything inside another.
  const stacked = split.length <= MAX_AXES
    ? split
    : [split.slice(0, axis + 1).flat(), inner, split.slice(axis + 2).flat()];
  return {
    axis: stacked.indexOf(inner),
    before: lower(call, input, stacked, sizes),
    stacked,
  };
}

/** The steps of a reduction over the axes that are only on the left. */
export function planReduce(call: Call, operation: Reduction): Step[] {
  const { inputs: [input], output, sizes } = sizePattern(call);
  checkNoneNew(call, input, output);
  return reduceAxes(call, input, output, operation, sizes);
}

/** The steps of a reduction over the axes of `input` that `output` does not have. */
export function reduceAxes(
  call: Call,
  input: readonly AxisGroup[],
  output: readonly AxisGroup[],
  operation: Reduction,
  sizes: Sizes,
): Step[] {
  const isKept = (name: string) => output.flat().includes(name);
  const kept = input.map((group) => group.filter(isKept)).filter((group) => group.length > 0);
  const reduced = input.flat().filter((name) => !isKept(name));
  if (groupSize(reduced, sizes) === 1) {
    return lower(call, input.map((group) => group.filter(isKept)), output, sizes);
  }
  // ggml reduces the innermost axis: all that goes becomes that axis.
  const wanted = kept.length < MAX_AXES ? [...kept, reduced] : [kept.flat(), reduced];
  const together = tryLower(input, wanted, sizes);
  if (together !== undefined) {
    const rest = lower(call, wanted.with(-1, []), output, sizes);
    return [...together, { op: operation }, ...rest];
  }
  // That moves too many axes at once: one run of neighbours after another, the innermost first.
  const names = input.flat();
  const steps: Step[] = [];
  let groups: readonly AxisGroup[] = input;
  for (const run of runsOfOneKind(names, isKept).filter(([name]) => !isKept(name)).reverse()) {
    const at = names.indexOf(run[0]);
    const outside = names.slice(0, at);
    const inside = names.slice(at + run.length).filter(isKept);
    steps.push(...lower(call, groups, [outside, inside, run], sizes), { op: operation });
    groups = [outside, inside, []];
  }
  return [...steps, ...lower(call, groups, output, sizes)];
}

/** The steps of a repetition along the axes that are only on the right. */
export function planRepeat(call: Call): Step[] {
  const { inputs: [input], output, sizes } = sizePattern(call);
  checkAllKept(call, input, output);
  const unknown = output.flat().find((name) => !sizes.has(name));
  if (unknown !== undefined) {
    const problem = `the size of the new axis "${unknown}" is not known`;
    throw mismatch(call, problem, `Pass it: { ${unknown}: ... }.`);
  }
  const isNew = (name: string) => !input.flat().includes(name);
  const runs = output.flatMap((group) => runsOfOneKind(group, isNew));
  if (runs.length <= MAX_AXES) {
    return [...insertAxes(call, input, runs, sizes), ...lower(call, runs, output, sizes)];
  }
  // That is too many axes at once: one run of neighbours after another, the innermost first.
  const names = output.flat();
  const steps: Step[] = [];
  let groups: readonly AxisGroup[] = input;
  for (const run of runsOfOneKind(names, isNew).filter(([name]) => isNew(name)).reverse()) {
    const at = names.indexOf(run[0]);
    const outside = names.slice(0, at).filter((name) => !isNew(name));
    const inside = names.slice(at + run.length);
    steps.push(...insertAxes(call, groups, [outside, run, inside], sizes));
    groups = [outside, run, inside];
  }
  return [...steps, ...lower(call, groups, output, sizes)];
}

/** The steps to the axes `to`, of which those that `from` lacks start with size 1 and are then made longer. */
function insertAxes(
  call: Call,
  from: readonly AxisGroup[],
  to: readonly AxisGroup[],
  sizes: Sizes,
): Step[] {
  const narrow = to.map((group) => group.filter((name) => from.flat().includes(name)));
  const steps = lower(call, from, narrow, sizes);
  const shape = shapeOf(to, sizes);
  return sameShape(shapeOf(narrow, sizes), shape) ? steps : [...steps, { op: "broadcast", shape }];
}

/** Cuts a list of names where the answer of `isKind` changes. */
function runsOfOneKind(names: readonly string[], isKind: (name: string) => boolean): string[][] {
  const runs: string[][] = [];
  for (const name of names) {
    const run = runs.at(-1);
    if (run !== undefined && isKind(run[0]) === isKind(name)) run.push(name);
    else runs.push([name]);
  }
  return runs;
}

function checkAllKept(
  call: Call,
  input: readonly AxisGroup[],
  output: readonly AxisGroup[],
): void {
  const lost = input.flat().find((name) => !output.flat().includes(name));
  if (lost === undefined) return;
  throw mismatch(
    call,
    `axis "${axisLabel(lost)}" is only on the left`,
    "Write it on the right too, or use reduce() to sum over it.",
  );
}

function checkNoneNew(
  call: Call,
  input: readonly AxisGroup[],
  output: readonly AxisGroup[],
): void {
  const added = output.flat().find((name) => !input.flat().includes(name));
  if (added === undefined) return;
  throw mismatch(
    call,
    `axis "${axisLabel(added)}" is only on the right`,
    "Write it on the left too, or use repeat() to add it.",
  );
}
