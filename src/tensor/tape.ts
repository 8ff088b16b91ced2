/**
 * Gradients, by going through what was computed from its end to its beginning: reverse accumulation (Rumelhart, Hinton and
 * Williams, 1986, "Learning representations by back-propagating errors").
 *
 * An operation of a differentiable graph notes, beside what it computes, how a change of each operand changes the result.
 * From these notes `gradientsOf()` adds the operations that compute gradients to the same graph: they are ordinary ones, so
 * memory, threads and devices are those of the forward pass.
 *
 * @module
 */
import { library } from "../ffi/library.ts";
import { readCString } from "../ffi/memory.ts";
import { sameShape } from "./shape.ts";
import { recordOf, type Tensor, type TensorRecord } from "./tensor.ts";

/** An operand of an operation, and the gradient of it that follows from that of the result. */
export interface DifferentiableOperand {
  /** The operand. */
  readonly x: Tensor;
  /**
   * Records the operations that compute the gradient of the operand.
   *
   * @param gradients those of the results; nothing for a result that the loss does not depend on
   * @param soFar the gradient of the operand that comes from other operations, to be changed in place: what is returned has it
   *   added. Only for rules that say so with `addsUp`, and only if nothing else needs it
   * @returns of the shape of the operand
   */
  readonly rule: (gradients: readonly (Tensor | undefined)[], soFar?: Tensor) => Tensor;
  /** Whether the rule adds to what there is, and does it better than an addition afterwards. */
  readonly addsUp?: boolean;
}

/** What was computed from what. */
interface Entry {
  readonly results: readonly Tensor[];
  readonly operands: readonly DifferentiableOperand[];
}

/** Adds two gradients of one tensor. */
type Add = (a: Tensor, b: Tensor) => Tensor;

/** What was recorded in a differentiable graph, in its order. */
export class Tape {
  readonly #entries: Entry[] = [];
  #depth = 0;

  /** Notes an operation, unless it is a part of another one that is noted as a whole. */
  note(results: readonly Tensor[], operands: readonly DifferentiableOperand[]): void {
    if (this.#depth > 0) return;
    // What returns its operand as it is computes nothing.
    if (operands.some(({ x }) => results.includes(x))) return;
    this.#entries.push({ results, operands });
  }

  /** Records operations that are not noted one by one. */
  without<T>(record: () => T): T {
    this.#depth++;
    try {
      return record();
    } finally {
      this.#depth--;
    }
  }

  /**
   * Records the gradients of `loss` with respect to tensors.
   *
   * @param loss (1)
   * @param seed its own gradient: 1
   * @param of what it depends on
   * @param records all that was recorded in the graph
   * @param add adds gradients
   * @returns one for each of `of`, of its shape; nothing where the loss does not depend on it
   */
  gradients(
    loss: Tensor,
    seed: Tensor,
    of: readonly Tensor[],
    records: readonly TensorRecord[],
    add: Add,
  ): (Tensor | undefined)[] {
    const needed = this.#neededFor(of);
    const dependent = dependentOn(of, records);
    const isMissing = (x: Tensor) => !needed.has(x) && dependent.has(recordOf(x));
    if (isMissing(loss)) throw this.#noRule(loss, isMissing);
    const gradients = new Map<Tensor, Tensor>([[loss, seed]]);
    // Gradients that go on to other tensors as they are must not be added to in place.
    const shared = new Set<TensorRecord>();
    this.without(() => {
      for (const { results, operands } of this.#entries.toReversed()) {
        const ofResults = results.map((result) => gradients.get(result));
        if (ofResults.every((gradient) => gradient === undefined)) continue;
        for (const gradient of ofResults) if (gradient) shared.add(recordOf(gradient));
        for (const { x, rule, addsUp } of operands) {
          if (!needed.has(x)) {
            // Its gradient would be left out in silence.
            if (isMissing(x)) throw this.#noRule(x, isMissing);
            continue;
          }
          const soFar = gradients.get(x);
          const isOwn = addsUp && soFar !== undefined && isAlone(soFar, shared);
          const found = checkedGradient(x, rule(ofResults, isOwn ? soFar : undefined));
          gradients.set(x, soFar === undefined || isOwn ? found : add(soFar, found));
        }
      }
    });
    return of.map((x) => gradients.get(x));
  }

  /** The tensors whose gradients those of `of` are computed from. */
  #neededFor(of: readonly Tensor[]): ReadonlySet<Tensor> {
    const needed = new Set(of);
    for (const { results, operands } of this.#entries) {
      if (operands.some(({ x }) => needed.has(x))) results.forEach((result) => needed.add(result));
    }
    return needed;
  }

  /** What to say where a gradient ends at `x`: the operation may be one that it was computed from. */
  #noRule(x: Tensor, isMissing: (x: Tensor) => boolean): TypeError {
    let last = x;
    for (const { results, operands } of this.#entries.toReversed()) {
      if (results.includes(last)) last = operands.find(({ x }) => isMissing(x))?.x ?? last;
    }
    const operation = readCString(library().ggml_op_desc(recordOf(last).pointer));
    return new TypeError(
      `Cannot compute gradients: there is no rule for the operation ${operation}, which computes ${last}. ` +
        "Write it with operations that have one: all those of einops notation and of @allformers/gpt2/ops, but topK().",
    );
  }
}

/** What was computed from tensors, by whatever operations. */
function dependentOn(
  of: readonly Tensor[],
  records: readonly TensorRecord[],
): ReadonlySet<TensorRecord> {
  const dependent = new Set(of.map((x) => recordOf(x)));
  for (const record of records) {
    if (record.sources.some((source) => dependent.has(source))) dependent.add(record);
  }
  return dependent;
}

/** Whether nothing else has the memory of a gradient, or reads it. */
function isAlone(gradient: Tensor, shared: ReadonlySet<TensorRecord>): boolean {
  const record = recordOf(gradient);
  return record.details.viewOf === undefined && record.sources.length > 0 && !shared.has(record);
}

function checkedGradient(x: Tensor, gradient: Tensor): Tensor {
  if (sameShape(x.shape, gradient.shape)) return gradient;
  throw new TypeError(`Cannot compute the gradient of ${x}: its rule gives ${gradient}`);
}
