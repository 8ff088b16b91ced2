/**
 * Graphs of random operations, each also as a function of arrays in double precision: gradients of the graph have to be what
 * differences of the function say.
 */
import { assert } from "@std/assert";
import { reduce } from "../../../src/einops/einops.ts";
import { exactGelu, gelu, silu } from "../../../src/tensor/activations.ts";
import type { Backend } from "../../../src/tensor/backend.ts";
import {
  add,
  divide,
  logarithm,
  multiply,
  scale,
  square,
  squareRoot,
} from "../../../src/tensor/elementwise.ts";
import { flashAttention } from "../../../src/tensor/flash_attention.ts";
import { gradientsOf } from "../../../src/tensor/gradients_of.ts";
import { Graph } from "../../../src/tensor/graph.ts";
import { layerNorm, softmax } from "../../../src/tensor/normalization.ts";
import { broadcastTo, constant, matmul, sumLastAxis } from "../../../src/tensor/ops.ts";
import { lookup, pick, topK } from "../../../src/tensor/tables.ts";
import type { Tensor } from "../../../src/tensor/tensor.ts";
import {
  contiguous,
  copy,
  diagonal,
  mergeAxes,
  permute,
  reshape,
  slice,
  splitAxis,
} from "../../../src/tensor/views.ts";
import type { Random } from "../../einops/random_pattern.ts";
import { CLOSE, einopsStep, MOST_ELEMENTS, productStep, type Step } from "./einops_steps.ts";
import {
  element,
  erf,
  generate,
  map,
  mapRows,
  type NdArray,
  permuted,
  product,
  reshaped,
  sliced,
  softmaxOf,
  zip,
} from "./nd_array.ts";

/** What is compared, and whether it could be. */
export interface GraphComparison {
  /** Names of the operations, as they follow each other. */
  readonly names: readonly string[];
  /** The largest error of a gradient, of its largest element. */
  readonly error: number;
  /** Differences that nobody can tell: where two elements are almost the largest, or numbers run away. */
  readonly isVague: boolean;
}

/** Of central differences in double precision, this step leaves an error of about 1e-9. */
const STEP = 1e-5;

/** Elements of each input whose gradients are compared. */
const NUM_COMPARED = 8;

/** Of the largest element of a gradient: F32 keeps 6e-8 of each number on the way. */
export const GRAPH_TOLERANCE = 2e-4;

const EPSILON = 0.1;

/** As a 16-bit float. */
const MINUS_INFINITY = 0xfc00;

/** A graph of some operations on some inputs. */
export class RandomGraph {
  readonly inputs: readonly NdArray[];
  readonly steps: Step[] = [];
  /** Numbers that say which of the steps is the largest are close to each other. */
  #hasEquals = false;
  /** Where it is built now, and the masks that are to be written there. */
  #graph: Graph | undefined;
  #masks: Tensor[] = [];

  constructor(readonly random: Random, numSteps: number) {
    const numInputs = random.integer(1, 3);
    this.inputs = Array.from({ length: numInputs }, () => this.#numbers(this.#shape()));
    const values = [...this.inputs];
    for (let tries = 0; this.steps.length < numSteps && tries < 20 * numSteps; tries++) {
      const step = this.#propose(values);
      if (step === undefined) continue;
      const value = step.array(...step.operands.map((i) => values[i]));
      const isUsable = value.data.length <= MOST_ELEMENTS &&
        value.data.every((x) => Number.isFinite(x) && Math.abs(x) < 1e3);
      if (!isUsable) continue;
      values.push(value);
      this.steps.push(step);
    }
  }

  /** Computes gradients, and compares them. */
  compare(backend: Backend): GraphComparison {
    using graph = new Graph(backend, { lowering: "differentiable" });
    const inputs = this.inputs.map(({ shape }, i) => graph.input(shape, "f32", `input_${i}`));
    const values = [...inputs];
    [this.#graph, this.#masks] = [graph, []];
    for (const { operands, tensor } of this.steps) {
      values.push(tensor(...operands.map((i) => values[i])));
    }
    const used = new Set(this.steps.flatMap(({ operands }) => operands));
    const ends = values.keys().filter((i) => !used.has(i)).toArray();
    const weights = ends.map((i) => this.#numbers(values[i].shape));
    const loss = ends.map((end, i) => {
      const x = values[end];
      const names = x.shape.map((_, axis) => `axis${axis}`).join(" ");
      const weighted = multiply(x, constant(weights[i].data, x.shape, x));
      return reduce(weighted, `${names} ->`, "sum");
    }).reduce(add);
    const gradients = gradientsOf(loss, inputs).map((x) => graph.output(contiguous(x)));
    graph.allocate();
    inputs.forEach((input, i) => graph.write(input, Float32Array.from(this.inputs[i].data)));
    for (const mask of this.#masks) {
      const seq = mask.shape[3];
      const isHidden = (i: number) => i % seq > Math.floor(i / seq);
      const bits = Array.from({ length: seq * seq }, (_, i) => isHidden(i) ? MINUS_INFINITY : 0);
      graph.write(mask, Uint16Array.from(bits));
    }
    graph.compute();
    this.#hasEquals = false;
    const lossOf = (inputs: readonly NdArray[]) => {
      const values = [...inputs];
      for (const { operands, array } of this.steps) {
        values.push(array(...operands.map((i) => values[i])));
      }
      return ends.reduce(
        (sum, end, i) => sum + values[end].data.reduce((s, x, j) => s + x * weights[i].data[j], 0),
        0,
      );
    };
    let error = 0;
    const size = Math.abs(lossOf(this.inputs));
    gradients.forEach((gradient, i) => {
      const found = graph.readF32(gradient);
      const { shape, data } = this.inputs[i];
      assert(found.length === data.length);
      const places = this.random.shuffle([...data.keys()]).slice(0, NUM_COMPARED);
      const expected = places.map((at) => {
        const changed = (by: number) => {
          const array = { shape, data: data.with(at, data[at] + by) };
          return lossOf(this.inputs.with(i, array));
        };
        return (changed(STEP) - changed(-STEP)) / (2 * STEP);
      });
      // What cancels out is as inexact as what it is made of.
      const largest = Math.max(...expected.map(Math.abs), size, 1e-3);
      places.forEach((at, j) => {
        const off = Math.abs(found[at] - expected[j]) / largest;
        error = Number.isNaN(off) ? Infinity : Math.max(error, off);
      });
    });
    const names = this.steps.map(({ name, operands }) => `${name} of ${operands}`);
    return { names, error, isVague: this.#hasEquals };
  }

  #shape(): number[] {
    return Array.from({ length: this.random.integer(1, 4) }, () => this.random.integer(1, 4));
  }

  #numbers(shape: readonly number[]): NdArray {
    return generate([...shape], () => Math.fround(2 * this.random.next() - 1));
  }

  /** An operation on some of the values; nothing if the one that was chosen does not fit. */
  #propose(values: readonly NdArray[]): Step | undefined {
    const { random } = this;
    const at = random.integer(0, values.length - 1);
    const x = values[at];
    const other = random.integer(0, values.length - 1);
    const y = values[other];
    const { shape } = x;
    const rank = shape.length;
    const last = rank - 1;
    const unary = (
      name: string,
      tensor: (x: Tensor) => Tensor,
      array: (x: NdArray) => NdArray,
    ): Step => ({ name, operands: [at], tensor, array });
    const binary = (
      name: string,
      tensor: (a: Tensor, b: Tensor) => Tensor,
      array: (a: NdArray, b: NdArray) => NdArray,
    ): Step => ({ name, operands: [at, other], tensor, array });
    const isRepeated = y.shape.length <= rank &&
      y.shape.every((size, i) => size === 1 || size === shape[rank - y.shape.length + i]);
    const positive = (x: Tensor) => scale(square(x), 1, 0.5);
    const positiveOf = (x: NdArray) => map(x, (v) => v * v + 0.5);
    const axis = random.integer(0, last);
    const kinds: (() => Step | undefined)[] = [
      () =>
        isRepeated
          ? binary("add", (a, b) => add(a, contiguousRows(b)), (a, b) => zip(a, b, (a, b) => a + b))
          : undefined,
      () =>
        isRepeated
          ? binary(
            "multiply",
            (a, b) => multiply(a, contiguousRows(b)),
            (a, b) => zip(a, b, (a, b) => a * b),
          )
          : undefined,
      () =>
        isRepeated
          ? binary(
            "divide",
            (a, b) => divide(a, positive(b)),
            (a, b) => zip(a, positiveOf(b), (a, b) => a / b),
          )
          : undefined,
      () => unary("scale", (x) => scale(x, -1.5, 0.25), (x) => map(x, (v) => 0.25 - 1.5 * v)),
      () => unary("square", square, (x) => map(x, (v) => v * v)),
      () =>
        unary("squareRoot", (x) => squareRoot(positive(x)), (x) => map(positiveOf(x), Math.sqrt)),
      () => unary("logarithm", (x) => logarithm(positive(x)), (x) => map(positiveOf(x), Math.log)),
      () => unary("silu", silu, (x) => map(x, (v) => v / (1 + Math.exp(-v)))),
      () =>
        unary(
          "gelu",
          gelu,
          (x) =>
            map(
              x,
              (v) => 0.5 * v * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (v + 0.044715 * v ** 3))),
            ),
        ),
      () =>
        unary("exactGelu", exactGelu, (x) => map(x, (v) => 0.5 * v * (1 + erf(v / Math.SQRT2)))),
      () =>
        unary(
          "softmax",
          (x) => softmax(x, undefined, 0.5),
          (x) => mapRows(x, (row) => softmaxOf(row.map((v) => v / 2))),
        ),
      () =>
        unary(
          "sumLastAxis",
          sumLastAxis,
          (x) => mapRows(x, (row) => [row.reduce((a, b) => a + b)]),
        ),
      () => this.#layerNorm(at, x),
      () => {
        const to = shape.map((size) => size * random.integer(1, 2));
        return unary(
          "broadcastTo",
          (x) => broadcastTo(contiguousRows(x), to),
          (x) => generate(to, (index) => element(x, index)),
        );
      },
      () => unary("contiguous", contiguous, (x) => x),
      () => unary("copy", copy, (x) => x),
      () => {
        const axes = random.shuffle([...shape.keys()]);
        return unary(`permute ${axes}`, (x) => permute(x, axes), (x) => permuted(x, axes));
      },
      () => {
        const to = random.shuffle([...shape]);
        return unary("reshape", (x) => reshape(contiguous(x), to), (x) => reshaped(x, to));
      },
      () => {
        const start = random.integer(0, shape[axis] - 1);
        const end = random.integer(start + 1, shape[axis]);
        return unary(
          `slice ${axis} ${start} ${end}`,
          (x) => slice(contiguousRows(x), axis, start, end),
          (x) => sliced(x, axis, start, end),
        );
      },
      () => {
        if (rank === 4 || shape[axis] % 2 !== 0) return undefined;
        const to = shape.toSpliced(axis, 1, 2, shape[axis] / 2);
        return unary(
          "splitAxis",
          (x) => splitAxis(contiguousRows(x), axis, [2, shape[axis] / 2]),
          (x) => reshaped(x, to),
        );
      },
      () => {
        if (axis === last) return undefined;
        const to = shape.toSpliced(axis, 2, shape[axis] * shape[axis + 1]);
        return unary("mergeAxes", (x) => mergeAxes(contiguous(x), axis, 2), (x) => reshaped(x, to));
      },
      () => {
        if (rank < 2 || shape[last] !== shape[last - 1]) return undefined;
        return unary(
          "diagonal",
          (x) => diagonal(contiguous(x)),
          (x) =>
            generate(shape.with(-1, 1), (index) => element(x, index.with(-1, index[last - 1]))),
        );
      },
      () => {
        const fits = rank >= 2 && y.shape.length === rank && y.shape[last] === shape[last] &&
          shape.slice(0, -2).every((size, i) => size % y.shape[i] === 0);
        if (!fits) return undefined;
        return binary(
          "matmul",
          (x, y) => matmul(contiguousRows(y), contiguousRows(x)),
          (x, y) => product(y, x),
        );
      },
      () => this.#attention(at, x),
      () => this.#table(at, x),
      () => einopsStep(random, at, () => this.#hasEquals = true),
      () => einopsStep(random, at, () => this.#hasEquals = true),
      () => productStep(random, values),
    ];
    return kinds[random.integer(0, kinds.length - 1)]();
  }

  #layerNorm(at: number, { shape }: NdArray): Step {
    const width = shape.at(-1)!;
    const [weight, bias] = [this.#numbers([width]), this.#numbers([width])];
    return {
      name: "layerNorm",
      operands: [at],
      tensor: (x) =>
        layerNorm(x, constant(weight.data, [width], x), constant(bias.data, [width], x), EPSILON),
      array: (x) =>
        mapRows(x, (row) => {
          const mean = row.reduce((a, b) => a + b) / width;
          const variance = row.reduce((a, b) => a + (b - mean) ** 2, 0) / width;
          return Array.from(
            row,
            (v, i) => (v - mean) / Math.sqrt(variance + EPSILON) * weight.data[i] + bias.data[i],
          );
        }),
    };
  }

  /** Attention of a tensor to its first axis turned. */
  #attention(at: number, { shape }: NdArray): Step | undefined {
    if (shape.length !== 4) return undefined;
    const [, , seq] = shape;
    const isSeen = (q: number, k: number) => k <= q;
    return {
      name: "flashAttention",
      operands: [at],
      tensor: (x) => {
        const rows = contiguousRows(x);
        const mask = this.#graph!.input([1, 1, seq, seq], "f16", `mask_${this.#masks.length}`);
        this.#masks.push(mask);
        return flashAttention(rows, scale(rows, 2), scale(rows, -1, 1), mask, 0.5);
      },
      array: (x) => {
        const [key, value] = [map(x, (v) => 2 * v), map(x, (v) => 1 - v)];
        const scores = map(product(key, x), (v) => v / 2);
        const weights = mapRows(
          scores,
          (row, i) => softmaxOf(row.map((v, k) => isSeen(i % seq, k) ? v : -Infinity)),
        );
        return generate(shape, ([b, h, q, d]) => {
          let sum = 0;
          for (let k = 0; k < seq; k++) {
            sum += element(weights, [b, h, q, k]) * element(value, [b, h, k, d]);
          }
          return sum;
        });
      },
    };
  }

  /** Rows of a table that are taken several times, or the elements at chosen places. */
  #table(at: number, { shape }: NdArray): Step | undefined {
    const { random } = this;
    if (shape.length !== 2) return undefined;
    const [rows, columns] = shape;
    const k = random.integer(1, columns);
    const placesOf = (x: NdArray) =>
      Array.from({ length: rows }, (_, row) => {
        const values = [...x.data.subarray(row * columns, (row + 1) * columns)];
        return this.#largest(values, k);
      });
    // In no particular order: the sum of them is what can be compared.
    if (random.chance(0.5)) {
      return {
        name: `pick of topK ${k}`,
        operands: [at],
        tensor: (x) => sumLastAxis(pick(contiguous(x), topK(contiguous(x), k))),
        array: (x) =>
          mapRows(x, (row, i) => [placesOf(x)[i].reduce((sum, place) => sum + row[place], 0)]),
      };
    }
    if (columns > 4) return undefined;
    return {
      name: "lookup of topK",
      operands: [at],
      // Rows of the tensor turned, by the places of its largest elements.
      tensor: (x) =>
        lookup(copy(permute(contiguous(x), [1, 0])), reshape(topK(contiguous(x), 1), [rows])),
      array: (x) => {
        const places = Array.from(
          { length: rows },
          (_, row) => this.#largest([...x.data.subarray(row * columns, (row + 1) * columns)], 1)[0],
        );
        return generate([rows, rows], ([i, j]) => element(x, [j, places[i]]));
      },
    };
  }

  /** The places of the largest elements. */
  #largest(values: readonly number[], k: number): number[] {
    const order = [...values.keys()].sort((a, b) => values[b] - values[a]);
    if (k < values.length && values[order[k - 1]] - values[order[k]] < CLOSE) {
      this.#hasEquals = true;
    }
    return order.slice(0, k);
  }
}

/** What ggml wants of some operands. */
function contiguousRows(x: Tensor): Tensor {
  return x.strides.at(-1) === 4 ? x : copy(x);
}
