/** Random patterns with what they mean, for comparison with a reference. */
import type { Axes } from "./naive_einops.ts";

/** One random use of a function of einops. */
export interface RandomCase {
  /** The pattern as text. */
  readonly pattern: string;
  /** What the text means. */
  readonly inputs: readonly Axes[];
  readonly output: Axes;
  /** Every size. */
  readonly sizes: Readonly<Record<string, number>>;
  /** Those that are passed. */
  readonly given: Readonly<Record<string, number>>;
  /** The axis along which the tensor is taken apart. */
  readonly stack?: string;
}

/** A generator of numbers that only depend on the seed (mulberry32). */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  /** At least 0, less than 1. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  /** An integer from `low` to `high`, both included. */
  integer(low: number, high: number): number {
    return low + Math.floor(this.next() * (high - low + 1));
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  shuffle<T>(items: readonly T[]): T[] {
    const result = [...items];
    for (let i = result.length - 1; i > 0; i--) {
      const j = this.integer(0, i);
      [result[i], result[j]] = [result[j], result[i]];
    }
    return result;
  }
}

const NAMES = ["batch", "seq", "heads", "head_dim", "embed", "three", "x2", "ß_é"];
const ELLIPSIS = "...";
const MAX_AXES = 4;

/** What a random pattern with one input is to contain. */
export interface UnaryOptions {
  /** Axes that only the left side has. */
  readonly numLeftOnly?: number;
  /** Axes that only the right side has. */
  readonly numRightOnly?: number;
  /** Whether the right side begins with an axis of its own, besides the four that a tensor can have. */
  readonly stacked?: boolean;
}

/** A random pattern with one input. */
export function randomUnary(random: Random, options: UnaryOptions): RandomCase {
  const { numLeftOnly = 0, numRightOnly = 0, stacked = false } = options;
  const names = random.shuffle(NAMES);
  const shared = names.splice(0, random.integer(stacked ? 1 : 0, 5));
  const leftOnly = names.splice(0, numLeftOnly);
  const rightOnly = names.splice(0, numRightOnly);
  const [stack] = shared;
  const numHidden = random.chance(0.2) ? random.integer(0, 2) : undefined;
  if (numHidden !== undefined) shared.push(ELLIPSIS);

  const left = random.shuffle([...shared, ...leftOnly]);
  // Most axes keep their order half of the time: otherwise too many travel on their own.
  let right = left.filter((name) => shared.includes(name));
  right = random.chance(0.5) ? rotate(random, right) : random.shuffle(right);
  if (stacked) right.splice(right.indexOf(stack), 1);
  for (const name of rightOnly) right.splice(random.integer(0, right.length), 0, name);

  const input = group(random, left, { numHidden, ellipsisAlone: true });
  const output = group(random, right, { numHidden, ellipsisAlone: random.chance(0.5) });
  const hasNoAxis = input.every((axis) => axis[0] === ELLIPSIS && numHidden === 0);
  if (hasNoAxis) input.push([]);
  if (!stacked) return makeCase(random, [input], output, { rightOnly, leftOnly, numHidden });
  return { ...makeCase(random, [input], [[stack], ...output], { numHidden }), stack };
}

/**
 * A random product of some tensors: an axis may be in one of them, in several or in all, twice in one, and in the result or
 * not. Composite axes only if asked for.
 */
export function randomProduct(random: Random, numInputs: number, composite: boolean): RandomCase {
  const names = random.shuffle([...NAMES, "_"]).slice(0, random.integer(1, 5));
  const sides = Array.from({ length: numInputs }, () => names.filter(() => random.chance(0.5)));
  for (const side of sides) if (side.length === 0) side.push(names[0]);
  const used = names.filter((name) => sides.some((side) => side.includes(name)));
  const output = random.shuffle(used).filter(() => random.chance(0.6));
  for (const side of sides) if (random.chance(0.15)) side.push(side[0]);
  const compose = (all: string[]) =>
    composite || all.length > MAX_AXES
      ? group(random, all, { hasUnits: false })
      : all.map((name) => [name]);
  const inputs = sides.map((side) => compose(random.shuffle(side)));
  return makeCase(random, inputs, compose(output), {});
}

function makeCase(
  random: Random,
  inputs: string[][][],
  output: string[][],
  options: { rightOnly?: string[]; leftOnly?: string[]; numHidden?: number },
): RandomCase {
  const { rightOnly = [], leftOnly = [], numHidden = 0 } = options;
  const hidden = Array.from({ length: numHidden }, (_, i) => `hidden${i}`);
  const expand = (side: string[][]): Axes =>
    side.flatMap((axis) =>
      axis.length === 1 && axis[0] === ELLIPSIS
        ? hidden.map((name) => [name])
        : [axis.flatMap((name) => name === ELLIPSIS ? hidden : [name])]
    );
  const names = new Set([...inputs, output].flatMap((side) => expand(side).flat()));
  const sizes = Object.fromEntries([...names].map((name) => [name, random.integer(1, 4)]));
  const given: Record<string, number> = {};
  for (const name of rightOnly) given[name] = sizes[name];
  for (const axis of inputs.flat()) {
    // The shape tells one axis of a composite one.
    const open = random.integer(0, axis.length);
    axis.forEach((name, i) => {
      const isTwice = axis.indexOf(name) !== axis.lastIndexOf(name);
      if (axis.length > 1 && (i !== open || isTwice)) given[name] = sizes[name];
    });
  }
  // An axis that only one side has can be written as a number.
  const spelling: Record<string, string> = {};
  for (const name of [...leftOnly, ...rightOnly]) {
    if (random.chance(0.8)) continue;
    spelling[name] = `${sizes[name]}`;
    delete given[name];
  }
  const write = (side: string[][]) => writeSide(random, side, spelling);
  return {
    pattern: `${inputs.map(write).join(",")}->${write(output)}`,
    inputs: inputs.map(expand),
    output: expand(output),
    sizes,
    given,
  };
}

/** Composes neighbours until there are few enough axes, and adds one of size 1 now and then. */
function group(
  random: Random,
  names: readonly string[],
  options: { numHidden?: number; ellipsisAlone?: boolean; hasUnits?: boolean },
): string[][] {
  const { numHidden = 1, ellipsisAlone = false, hasUnits = true } = options;
  const groups = names.map((name) => [name]);
  const isAlone = (axis: string[]) => axis.length === 1 && axis[0] === ELLIPSIS;
  const rank = () => groups.length + (groups.some(isAlone) ? numHidden - 1 : 0);
  const wanted = random.integer(1, MAX_AXES);
  for (;;) {
    const pairs = groups.keys().toArray().filter((i) =>
      i > 0 && !(ellipsisAlone && (isAlone(groups[i - 1]) || isAlone(groups[i])))
    );
    if (rank() <= wanted || pairs.length === 0) break;
    const at = pairs[random.integer(0, pairs.length - 1)];
    groups.splice(at - 1, 2, [...groups[at - 1], ...groups[at]]);
  }
  if (hasUnits && rank() < MAX_AXES && random.chance(0.2)) {
    groups.splice(random.integer(0, groups.length), 0, []);
  }
  return groups;
}

function rotate<T>(random: Random, items: readonly T[]): T[] {
  const at = random.integer(0, items.length);
  return [...items.slice(at), ...items.slice(0, at)];
}

function writeSide(
  random: Random,
  side: readonly (readonly string[])[],
  spelling: Readonly<Record<string, string>>,
): string {
  const space = () => " ".repeat(random.chance(0.1) ? 2 : 1);
  const axes = side.map((axis) => {
    if (axis.length === 0) return random.chance(0.5) ? "1" : "()";
    const names = axis.map((name) => spelling[name] ?? name);
    const isBare = axis[0] === ELLIPSIS || random.chance(0.95);
    return names.length === 1 && isBare ? names[0] : `(${names.join(space())})`;
  });
  return `${space()}${axes.join(space())}${space()}`;
}
