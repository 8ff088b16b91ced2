/**
 * How a product over named axes becomes matrix multiplications, one for each two operands. Pure: no tensor is needed to
 * plan.
 *
 * @module
 */
import { lower, type Step } from "./lower.ts";
import { type AxisGroup, axisLabel, ELLIPSIS } from "./pattern.ts";
import { reduceAxes } from "./plan.ts";
import { planProduct, type Product, type Term } from "./product_plan.ts";
import { type Call, groupSize, mismatch, sizePattern, type Sizes } from "./sizes.ts";

/** What the planner has to know of an operand besides its shape. */
export type Operand = Omit<Term, "axes">;

/** A product of any number of tensors. */
export interface EinsumPlan {
  /** What is done to each operand first: diagonals, and sums over axes that nothing else has. */
  readonly operandSteps: readonly (readonly Step[])[];
  /** Products of two tensors, one after another. They count on where the operands end: the first is number `operands.length`. */
  readonly products: readonly Product[];
  /** From the last product, or the only operand, to the result. */
  readonly resultSteps: readonly Step[];
}

/** Plans a product of tensors, summed over the axes that the result does not have. */
export function planEinsum(call: Call, operands: readonly Operand[]): EinsumPlan {
  const { inputs, output, sizes: known } = sizePattern(call);
  const sizes = new Map(known);
  const result = output.flat();
  checkAxes(call, inputs.flat(2), result);
  const prepared = inputs.map((axes, i) => {
    const elsewhere = [output, ...inputs.toSpliced(i, 1)].flat(2);
    return prepare(call, { ...operands[i], axes }, elsewhere, sizes);
  });

  const terms = prepared.map(({ term }) => term);
  const products: Product[] = [];
  let open = [...terms.keys()];
  while (open.length > 1) {
    const [first, second] = cheapestPair(terms, open, sizes);
    open = open.filter((i) => i !== first && i !== second);
    const wanted = new Set([...result, ...open.flatMap((i) => terms[i].axes.flat())]);
    const { product, axes } = planProduct(call, terms, [first, second], [...wanted], sizes);
    products.push(product);
    open.push(terms.push({ axes, isContiguous: true, isWeight: false }) - 1);
  }
  return {
    operandSteps: prepared.map(({ steps }) => steps),
    products,
    resultSteps: lower(call, terms[terms.length - 1].axes, output, sizes),
  };
}

/** Takes the diagonal where one tensor has an axis twice, and sums over the axes that nothing else has. */
function prepare(
  call: Call,
  operand: Term,
  elsewhere: AxisGroup,
  sizes: Map<string, number>,
): { steps: Step[]; term: Term } {
  const steps: Step[] = [];
  let { axes, twins } = nameApart(operand.axes, sizes);
  for (const [name, twin] of twins) {
    const rest = axes.flat().filter((other) => other !== name && other !== twin);
    steps.push(...lower(call, axes, [rest, [name], [twin]], sizes), { op: "diagonal" });
    axes = [rest, [name], []];
  }
  const kept = axes.map((group) => group.filter((name) => elsewhere.includes(name)));
  if (kept.flat().length < axes.flat().length) {
    const output = kept.filter((group) => group.length > 0);
    steps.push(...reduceAxes(call, axes, output, "sum", sizes));
    axes = output.length === 0 ? [[]] : output;
  }
  const isContiguous = operand.isContiguous && steps.length === 0;
  return { steps, term: { axes, isContiguous, isWeight: operand.isWeight } };
}

/** A name of its own for each further time that a tensor has an axis. */
function nameApart(
  axes: readonly AxisGroup[],
  sizes: Map<string, number>,
): { axes: readonly AxisGroup[]; twins: [name: string, twin: string][] } {
  const seen = new Set<string>();
  const twins: [string, string][] = [];
  const apart = axes.map((group) =>
    group.map((name) => {
      if (!seen.has(name)) {
        seen.add(name);
        return name;
      }
      const twin = `${name}@twin${twins.length}`;
      sizes.set(twin, sizes.get(name)!);
      twins.push([name, twin]);
      return twin;
    })
  );
  return { axes: apart, twins };
}

/**
 * The two tensors to multiply next: those whose product takes the fewest multiplications, the first such two where
 * several take as many. Two of which neither is f32 have to wait for the product of one of them with another.
 */
function cheapestPair(
  terms: readonly Term[],
  open: readonly number[],
  sizes: Sizes,
): [first: number, second: number] {
  const pairs = open.flatMap((first, i) =>
    open.slice(i + 1).map((second): [number, number] => [first, second])
  );
  const cost = ([first, second]: [number, number]) => {
    const names = new Set([terms[first], terms[second]].flatMap(({ axes }) => axes.flat()));
    const canMultiply = !(terms[first].isWeight && terms[second].isWeight);
    return canMultiply ? groupSize([...names], sizes) : Infinity;
  };
  return pairs.reduce((best, pair) => cost(pair) < cost(best) ? pair : best);
}

function checkAxes(call: Call, names: AxisGroup, result: AxisGroup): void {
  const added = result.find((name) => !names.includes(name));
  if (added !== undefined) {
    const problem = `axis "${axisLabel(added)}" is only on the right`;
    throw mismatch(call, problem, "Write it on the left too, or use repeat() on the result.");
  }
  const hidden = names.find((name) => name.startsWith(ELLIPSIS) && !result.includes(name));
  if (hidden !== undefined) {
    const problem = '"..." is only on the left';
    throw mismatch(call, problem, "Write it on the right too, or name the axes to sum over.");
  }
}
