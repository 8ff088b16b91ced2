/** Random steps of a graph that are written in einops notation. */
import { einsum, rearrange, reduce, repeat, unstack } from "../../../src/einops/einops.ts";
import { broadcastTo } from "../../../src/tensor/ops.ts";
import type { Tensor } from "../../../src/tensor/tensor.ts";
import { contiguous, reshape, slice } from "../../../src/tensor/views.ts";
import { naiveEinops, type NaiveReduction, naiveShape } from "../../einops/naive_einops.ts";
import {
  type Random,
  type RandomCase,
  randomProduct,
  randomUnary,
} from "../../einops/random_pattern.ts";
import { type NdArray, sizeOf } from "./nd_array.ts";

/** One operation. */
export interface Step {
  readonly name: string;
  readonly operands: readonly number[];
  readonly tensor: (...operands: Tensor[]) => Tensor;
  readonly array: (...operands: NdArray[]) => NdArray;
}

/** The most elements of a result. */
export const MOST_ELEMENTS = 300;

/** Elements that are closer than this are equals for F32. */
export const CLOSE = 1e-3;

/**
 * A random use of a function of einops.
 *
 * @param noteEquals is called where the largest elements are too close to each other to tell which it is
 */
export function einopsStep(
  random: Random,
  at: number,
  noteEquals: () => void,
): Step | undefined {
  const kind = ["rearrange", "unstack", "repeat", "sum", "mean", "max", "min", "prod"][
    random.integer(0, 7)
  ];
  const isReduction = !["rearrange", "unstack", "repeat"].includes(kind);
  const test = randomUnary(random, {
    stacked: kind === "unstack",
    numLeftOnly: isReduction ? random.integer(1, 2) : 0,
    numRightOnly: kind === "repeat" ? random.integer(1, 2) : 0,
  });
  const [input] = test.inputs;
  const from = naiveShape(input, test.sizes);
  // Any tensor is given the shape by repeating or cutting its elements.
  if (sizeOf(from) > MOST_ELEMENTS) return undefined;
  const { pattern, given } = test;
  const operation = isReduction ? kind as NaiveReduction : "sum";
  const output = test.stack === undefined ? test.output : [[test.stack], ...test.output.slice(1)];
  const to = naiveShape(output, test.sizes);
  const applied = (y: Tensor): Tensor => {
    if (kind === "rearrange") return rearrange(y, pattern, given);
    if (kind === "repeat") return repeat(y, pattern, given);
    if (kind !== "unstack") return reduce(y, pattern, operation, given);
    // Of some parts, so that others have no gradient.
    return unstack(y, pattern, given)[0];
  };
  return {
    name: `${kind} ${pattern}`,
    operands: [at],
    tensor: (x) => applied(shapedAs(x, from)),
    array: (x) => {
      const data = shapedArray(x, from).data;
      if ((kind === "max" || kind === "min") && hasEquals(test, data, kind)) noteEquals();
      const all = naiveEinops([{ axes: input, data }], output, test.sizes, operation);
      const part = kind === "unstack" ? all.slice(0, all.length / to[0]) : all;
      return {
        shape: kind === "unstack" ? part.length === 1 && to.length === 1 ? [1] : to.slice(1) : to,
        data: Float64Array.from(part),
      };
    },
  };
}

/** Whether several elements are almost the largest of those that become one. */
function hasEquals(test: RandomCase, data: Float64Array, kind: "max" | "min"): boolean {
  const sign = kind === "max" ? 1 : -1;
  const values = data.map((v) => sign * v);
  const [axes] = test.inputs;
  const largest = naiveEinops([{ axes, data: values }], test.output, test.sizes, "max");
  const names = axes.flat();
  const outer = test.output.flat();
  const index: Record<string, number> = {};
  const counts = new Map<number, number>();
  for (let i = 0; i < values.length; i++) {
    let rest = i;
    for (const name of names.toReversed()) {
      index[name] = rest % test.sizes[name];
      rest = Math.floor(rest / test.sizes[name]);
    }
    const group = outer.reduce((at, name) => at * test.sizes[name] + index[name], 0);
    if (largest[group] - values[i] < CLOSE) counts.set(group, (counts.get(group) ?? 0) + 1);
  }
  return counts.values().some((count) => count > 1);
}

/** A random product of values. */
export function productStep(random: Random, values: readonly NdArray[]): Step | undefined {
  const test = randomProduct(random, random.integer(1, 3), random.chance(0.5));
  const shapes = test.inputs.map((axes) => naiveShape(axes, test.sizes));
  if (shapes.some((shape) => sizeOf(shape) > MOST_ELEMENTS)) return undefined;
  const operands = shapes.map(() => random.integer(0, values.length - 1));
  const shape = naiveShape(test.output, test.sizes);
  return {
    name: `einsum ${test.pattern}`,
    operands,
    tensor: (...x) => einsum(...x.map((x, i) => shapedAs(x, shapes[i])), test.pattern, test.given),
    array: (...x) => {
      const inputs = x.map((x, i) => ({
        axes: test.inputs[i],
        data: shapedArray(x, shapes[i]).data,
      }));
      const data = naiveEinops(inputs, test.output, test.sizes);
      return { shape, data: Float64Array.from(data) };
    },
  };
}
/** Elements of a tensor, again and again, under a shape. */
function shapedAs(x: Tensor, shape: readonly number[]): Tensor {
  if (x.shape.join() === shape.join()) return x;
  const flat = reshape(contiguous(x), [x.size]);
  const size = sizeOf(shape);
  const times = Math.ceil(size / x.size);
  const long = times === 1 ? flat : broadcastTo(flat, [times * x.size]);
  return reshape(contiguous(slice(long, 0, 0, size)), [...shape]);
}

function shapedArray({ shape, data }: NdArray, to: readonly number[]): NdArray {
  if (shape.join() === to.join()) return { shape, data };
  return {
    shape: to,
    data: Float64Array.from({ length: sizeOf(to) }, (_, i) => data[i % data.length]),
  };
}
