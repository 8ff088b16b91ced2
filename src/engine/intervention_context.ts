/**
 * What interventions are given to work with.
 *
 * @module
 */
import { callback } from "../base/check_options.ts";
import { describe } from "../base/describe.ts";
import type { ActivationSite } from "../model/activation_sites.ts";
import { checkedNumbers } from "../tensor/inputs.ts";
import { add, multiply } from "../tensor/elementwise.ts";
import { numElements, sameShape, type Shape } from "../tensor/shape.ts";
import { isTensor, type Tensor } from "../tensor/tensor.ts";
import { eachRow, type Rows, rowsOf, type TokenPlace } from "./activation_rows.ts";
import type { ActivationPlace, InterventionContext } from "./intervention.ts";

/** Makes an input of the graph that is written before each run. */
type MakeInput = (
  shape: Shape,
  values: (places: readonly TokenPlace[]) => Float32Array<ArrayBuffer>,
) => Tensor;

/**
 * The context of the interventions in one activation.
 *
 * @param shape of the activation
 * @param call what there is to know of the call
 * @param makeInput see {@linkcode MakeInput}
 */
export function interventionContext(
  { name, axes, layer }: ActivationSite,
  shape: Shape,
  call: Pick<InterventionContext, "config" | "numTexts" | "promptLength" | "length">,
  makeInput: MakeInput,
): InterventionContext {
  const rows = rowsOf(shape);
  const action = `intervene in ${name}`;
  const choose = (chosen: Tensor, otherwise: Tensor, isChosen: IsChosen) => {
    const maskShape = shape.with(-1, 1);
    let mask = new Float32Array();
    const taken = makeInput(maskShape, (places) => mask = maskOf(rows, places, isChosen));
    // The same answers, and not asked for again: they may be drawn at random.
    const kept = makeInput(maskShape, () => mask.map((value) => 1 - value));
    return add(multiply(otherwise, kept), multiply(chosen, taken));
  };
  return {
    name,
    axes,
    layer,
    ...call,
    input(shape, values) {
      checkFunction(action, "values", values);
      const x: Tensor = makeInput(
        shape,
        () => checkedNumbers(`${action} with what values returned`, values(), x.size),
      );
      return x;
    },
    choose(chosen, otherwise, isChosen) {
      checkFunction(action, "isChosen", isChosen);
      checkShape(action, "chosen", chosen, shape);
      checkShape(action, "otherwise", otherwise, shape);
      return choose(
        chosen,
        otherwise,
        (place) => checkedAnswer(action, "isChosen", isChosen(place)),
      );
    },
    writeRows(x, write) {
      checkFunction(action, "write", write);
      checkShape(action, "x", x, shape);
      const width = shape.at(-1)!;
      const written = new Set<number>();
      const values = makeInput(shape, (places) => {
        written.clear();
        const values = new Float32Array(numElements(shape));
        eachRow(rows, places, (place, row) => {
          const own = values.subarray(row * width, (row + 1) * width);
          if (checkedAnswer(action, "write", write(place, own))) written.add(row);
          else own.fill(0);
        });
        return values;
      });
      return choose(values, x, (_, row) => written.has(row));
    },
  };
}

/** Whether a row is one of those that are meant. */
type IsChosen = (place: ActivationPlace, row: number) => boolean;

/** 1 where a row is chosen, and 0 elsewhere. */
function maskOf(
  rows: Rows,
  places: readonly TokenPlace[],
  isChosen: IsChosen,
): Float32Array<ArrayBuffer> {
  const mask = new Float32Array(rows.batch * rows.heads * rows.seq);
  eachRow(rows, places, (place, row) => mask[row] = isChosen(place, row) ? 1 : 0);
  return mask;
}

function checkFunction(action: string, name: string, given: unknown): void {
  if (callback.isType(given)) return;
  throw new TypeError(
    `Cannot ${action}: ${name} must be a function: received ${describe(given)}.`,
  );
}

/** A promise would count as yes. */
function checkedAnswer(action: string, name: string, answer: unknown): boolean {
  if (typeof answer === "boolean") return answer;
  throw new TypeError(
    `Cannot ${action}: ${name} must return true or false: received ${
      describe(answer)
    }. It is asked ` +
      "before each step, and cannot wait for anything.",
  );
}

function checkShape(action: string, name: string, x: unknown, shape: Shape): void {
  if (isTensor(x) && sameShape(x.shape, shape)) return;
  throw new TypeError(
    `Cannot ${action}: ${name} must be a tensor in the shape of the activation, (${
      shape.join(", ")
    }): received ${isTensor(x) ? x : describe(x)}.`,
  );
}
