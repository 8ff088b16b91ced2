/**
 * Patterns written anew, with their sides exchanged: how gradients go back through what they describe.
 *
 * @module
 */
import type { AxisGroup } from "./pattern.ts";
import type { AxisSizes, Sizes } from "./sizes.ts";

/** A pattern and the sizes of its axes, as the functions of einops take them. */
export type SizedCall = [pattern: string, axes: AxisSizes];

/**
 * The text of a pattern in which every axis has a name, also those that were a number or `...` where it came from, and the
 * sizes of all of them.
 *
 * @param inputs the axes of each tensor on the left
 * @param output those on the right
 * @param sizes of all elementary axes
 */
export function writePattern(
  inputs: readonly (readonly AxisGroup[])[],
  output: readonly AxisGroup[],
  sizes: Sizes,
): SizedCall {
  const names = new Map<string, string>();
  const nameOf = (axis: string) => {
    if (!names.has(axis)) names.set(axis, `axis${names.size}`);
    return names.get(axis)!;
  };
  const write = (side: readonly AxisGroup[]) =>
    side.map((group) => group.length === 1 ? nameOf(group[0]) : `(${group.map(nameOf).join(" ")})`)
      .join(" ");
  const pattern = `${inputs.map(write).join(", ")} -> ${write(output)}`;
  return [
    pattern,
    Object.fromEntries(names.entries().map(([axis, name]) => [name, sizes.get(axis)!])),
  ];
}

/** The axes of a tensor without any as ggml has it: one of size 1. */
export function atLeastOne(side: readonly AxisGroup[]): readonly AxisGroup[] {
  return side.length === 0 ? [[]] : side;
}
