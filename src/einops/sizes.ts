/**
 * Finds the size of each axis of a pattern from the shapes it is applied to.
 *
 * @module
 */
import { formatShape, type Shape } from "../tensor/shape.ts";
import {
  type AxisGroup,
  axisLabel,
  ELLIPSIS,
  parsePattern,
  type Pattern,
  type Side,
} from "./pattern.ts";

/** Sizes of axes that the shapes alone do not tell: `{ heads: 12 }`. */
export type AxisSizes = Readonly<Record<string, number>>;

/** The sizes of elementary axes, by name. */
export type Sizes = ReadonlyMap<string, number>;

/** One use of a pattern; what a plan depends on, and what messages show. */
export interface Call {
  /** The function that was called. */
  readonly caller: string;
  /** The pattern as the user wrote it. */
  readonly pattern: string;
  /** The shapes of the tensors. */
  readonly shapes: readonly Shape[];
  /** The sizes that the user gave. */
  readonly axes: AxisSizes;
}

/** A pattern whose ellipses are expanded and whose axes have sizes. */
export interface SizedPattern {
  /** The axes of each input. */
  readonly inputs: readonly (readonly AxisGroup[])[];
  /** The axes of the result. */
  readonly output: readonly AxisGroup[];
  /** The size of every elementary axis, except those that only the output has and nobody gave a size for. */
  readonly sizes: Sizes;
}

/** The error of a pattern that does not fit: it shows the pattern, the shapes and the sizes. */
export function mismatch(call: Call, problem: string, advice: string): TypeError {
  const shapes = call.shapes.map(formatShape).join(" and ");
  const sizes = Object.entries(call.axes).map(([name, size]) => `${name}: ${size}`).join(", ");
  return new TypeError(
    `Cannot ${call.caller} "${call.pattern}": ${problem}: received shape ${shapes}` +
      `${sizes === "" ? "" : `, sizes { ${sizes} }`}. ${advice}`,
  );
}

/** The number of elements along a composite axis. */
export function groupSize(group: AxisGroup, sizes: Sizes): number {
  let product = 1;
  for (const name of group) product *= sizes.get(name)!;
  return product;
}

/**
 * Reads the pattern of a call and finds the sizes of its axes.
 *
 * @throws {SyntaxError} if the pattern does not parse
 * @throws {TypeError} if the pattern does not fit the shapes or the sizes
 * @throws {RangeError} if a given size is not a positive integer
 */
export function sizePattern(call: Call): SizedPattern {
  const pattern = parsePattern(call.caller, call.pattern);
  checkNumInputs(call, pattern.inputs.length);
  const numHidden = pattern.inputs.map((side, input) => numHiddenAxes(call, side, input));
  const inputs = pattern.inputs.map((side, input) => expandEllipsis(side, numHidden[input]));
  checkEllipses(call, pattern);
  const output = expandEllipsis(
    pattern.output,
    numHidden.reduce((most, each) => Math.max(most, each)),
  );
  // In an einsum an axis that one tensor has twice is its diagonal.
  const sides = call.caller === "einsum" ? [output] : [...inputs, output];
  for (const side of sides) checkNoRepetition(call, side);

  const names = new Set([...inputs, output].flat(2));
  const sizes = new Map([...pattern.numbers, ...checkedSizes(call, names)]);
  const axes = inputs.flatMap((side, input) =>
    side.map((group, axis) => ({ group, length: call.shapes[input][axis] }))
  );
  // Plain axes first: in an einsum they may tell what a composite axis of the other operand leaves open.
  axes.sort((a, b) => a.group.length - b.group.length);
  for (const { group, length } of axes) inferSizes(call, group, length, sizes);
  return { inputs, output, sizes };
}

function checkNumInputs(call: Call, numInputs: number): void {
  if (numInputs === call.shapes.length) return;
  throw mismatch(
    call,
    `the left side describes ${counted(numInputs, "tensor", "tensors")} where ` +
      `${call.caller}() takes ${counted(call.shapes.length, "tensor", "tensors")}`,
    "Describe each tensor once and put a comma between two of them.",
  );
}

function counted(count: number, one: string, several: string): string {
  return `${count} ${count === 1 ? one : several}`;
}

/** As in einops, a `...` that stands for no axis counts too; in an einsum it does not, as in NumPy. */
function checkEllipses(call: Call, { inputs, output }: Pattern): void {
  const [onLeft, onRight] = [inputs.flat(2), output.flat()].map((all) => all.includes(ELLIPSIS));
  if (call.caller === "einsum" || onLeft === onRight) return;
  if (onLeft && call.caller === "reduce") return;
  const side = onLeft ? "left" : "right";
  throw mismatch(call, `axis "..." is only on the ${side}`, 'Write "..." on both sides.');
}

/** How many axes `...` stands for; 0 if there is none. */
function numHiddenAxes(call: Call, side: Side, input: number): number {
  const rank = call.shapes[input].length;
  const hasEllipsis = side.includes(ELLIPSIS);
  if (side.some((group) => group !== ELLIPSIS && group.includes(ELLIPSIS))) {
    throw mismatch(
      call,
      '"..." is inside parentheses on the left',
      'Write "..." as an axis of its own there.',
    );
  }
  const named = side.length - (hasEllipsis ? 1 : 0);
  if (hasEllipsis ? named > rank : named !== rank) {
    throw mismatch(
      call,
      `the pattern has ${hasEllipsis ? "at least " : ""}${named} axes where the tensor has ${rank}`,
      "Name each axis once; write a composite axis in parentheses.",
    );
  }
  return rank - named;
}

/** The names of axes without one count from the innermost, so that those of several tensors meet as NumPy's do. */
function expandEllipsis(side: Side, hidden: number): AxisGroup[] {
  const names = Array.from({ length: hidden }, (_, i) => `${ELLIPSIS}@${hidden - 1 - i}`);
  return side.flatMap((group): AxisGroup[] =>
    group === ELLIPSIS
      ? names.map((name) => [name])
      : [group.flatMap((name) => name === ELLIPSIS ? names : [name])]
  );
}

function checkNoRepetition(call: Call, side: readonly AxisGroup[]): void {
  const seen = new Set<string>();
  for (const name of side.flat()) {
    if (seen.has(name)) {
      throw mismatch(
        call,
        `axis "${name}" appears twice in one tensor`,
        "Give each axis a name of its own.",
      );
    }
    seen.add(name);
  }
}

function checkedSizes(call: Call, names: ReadonlySet<string>): [string, number][] {
  const entries = Object.entries(call.axes);
  for (const [name, size] of entries) {
    if (!names.has(name)) {
      throw mismatch(
        call,
        `the pattern has no axis "${name}"`,
        `Its axes are ${[...names].map(axisLabel).join(", ")}.`,
      );
    }
    if (!Number.isSafeInteger(size) || size < 1) {
      throw new RangeError(
        `Cannot ${call.caller} "${call.pattern}": the size of an axis is a positive integer: ` +
          `received { ${name}: ${size} }`,
      );
    }
  }
  return entries;
}

/** Finds the one size that an axis leaves open, and checks the axis when none is open. */
function inferSizes(
  call: Call,
  group: AxisGroup,
  length: number,
  sizes: Map<string, number>,
): void {
  const unknown = group.filter((name) => !sizes.has(name));
  const known = groupSize(group.filter((name) => sizes.has(name)), sizes);
  if (unknown.length > 1) {
    throw mismatch(
      call,
      `the sizes of ${unknown.map((name) => `"${name}"`).join(" and ")} cannot be told apart`,
      `Pass all but one of them: { ${unknown[0]}: ... }.`,
    );
  }
  if (unknown.length === 1 && length % known === 0) {
    sizes.set(unknown[0], length / known);
  } else if (unknown.length === 1 || known !== length) {
    const factors = group.map((name) => `${axisLabel(name)}=${sizes.get(name) ?? "?"}`).join(" ");
    throw mismatch(
      call,
      `an axis of ${length} elements is not ${group.length === 1 ? factors : `(${factors})`}`,
      unknown.length === 1
        ? `${length} has to be a multiple of ${known}.`
        : "Both have to be the same size.",
    );
  }
}
