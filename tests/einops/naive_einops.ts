/** Every function of einops, index by index. It knows nothing of patterns as text, plans or strides. */

/** The axes of a tensor; each is composed of elementary ones, the last of which varies fastest. */
export type Axes = readonly (readonly string[])[];

/** An input: its axes and its elements in row-major order. */
export interface NaiveOperand {
  readonly axes: Axes;
  readonly data: ArrayLike<number>;
}

/** What is made of the elements that fall together. */
export type NaiveReduction = "sum" | "mean" | "max" | "min" | "prod";

/** One number made of several. */
export function naiveReduction(operation: NaiveReduction, values: readonly number[]): number {
  const sum = values.reduce((a, b) => a + b);
  if (operation === "sum") return sum;
  if (operation === "mean") return sum / values.length;
  if (operation === "prod") return values.reduce((a, b) => a * b);
  return Math[operation](...values);
}

/**
 * The product of the operands at each index, reduced over the axes that the output lacks. With one operand and nothing to
 * reduce, that is a rearrangement or a repetition.
 */
export function naiveEinops(
  operands: readonly NaiveOperand[],
  output: Axes,
  sizes: Readonly<Record<string, number>>,
  operation: NaiveReduction = "sum",
): number[] {
  const outputNames = output.flat();
  const names = [...new Set([...outputNames, ...operands.flatMap(({ axes }) => axes.flat())])];
  const found = Array.from({ length: product(outputNames, sizes) }, (): number[] => []);
  const index: Record<string, number> = {};
  const visit = (depth: number) => {
    if (depth === names.length) {
      let value = 1;
      for (const { axes, data } of operands) value *= data[position(axes.flat(), index, sizes)];
      found[position(outputNames, index, sizes)].push(value);
      return;
    }
    for (let i = 0; i < sizes[names[depth]]; i++) {
      index[names[depth]] = i;
      visit(depth + 1);
    }
  };
  visit(0);
  return found.map((values) => naiveReduction(operation, values));
}

/** The sizes of composite axes. */
export function naiveShape(axes: Axes, sizes: Readonly<Record<string, number>>): number[] {
  return axes.length === 0 ? [1] : axes.map((axis) => product(axis, sizes));
}

function product(names: readonly string[], sizes: Readonly<Record<string, number>>): number {
  return names.reduce((size, name) => size * sizes[name], 1);
}

function position(
  names: readonly string[],
  index: Readonly<Record<string, number>>,
  sizes: Readonly<Record<string, number>>,
): number {
  return names.reduce((offset, name) => offset * sizes[name] + index[name], 0);
}
