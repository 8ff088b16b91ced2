/**
 * How a caller changes what a model computes.
 *
 * @module
 */
import { describe } from "../base/describe.ts";
import { InvalidArgumentError } from "../base/errors.ts";
import type { GPT2Config } from "../model/config.ts";
import type { Shape } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** Where in which text a row of an activation stands. */
export interface ActivationPlace {
  /** Which of the texts of the call, from 0: for `generate()`, which prompt. */
  readonly text: number;
  /** The position in that text, from 0. */
  readonly position: number;
  /** The same, counted from the end of what was given: -1 at its last token, 0 at the first that the model has written. */
  readonly fromEnd: number;
  /** Whether the token there was given, not written by the model. */
  readonly isPrompt: boolean;
  /** Which head, where the activation has an axis of them. */
  readonly head: number | undefined;
}

/** What an intervention can use beside the operations of `@allformers/gpt2/ops`. */
export interface InterventionContext {
  /** Which activation is changed. */
  readonly name: string;
  /** Its axes: `batch heads seq head_dim`. */
  readonly axes: string;
  /** The index of its block, if it is in one. */
  readonly layer: number | undefined;
  /** The sizes of the model. */
  readonly config: GPT2Config;
  /** How many texts the call has. */
  readonly numTexts: number;
  /** How many tokens of each of them were given, at most. */
  readonly promptLength: number;
  /** How many tokens each of them has in the end, at most. */
  readonly length: number;
  /**
   * An f32 tensor whose values may change from one step to the next, without the graph being built again.
   *
   * @param shape outermost axis first
   * @param values is called before each step
   */
  input(shape: Shape, values: () => ArrayLike<number>): Tensor;
  /**
   * Takes one of two activations at some places, and the other at all others.
   *
   * Both have to be finite everywhere: each is multiplied with 0 where the other is taken.
   *
   * @param chosen where `isChosen` says so; in the shape of the activation that is changed, and so `otherwise`
   * @param isChosen is called before each step, once for each row
   */
  choose(chosen: Tensor, otherwise: Tensor, isChosen: (place: ActivationPlace) => boolean): Tensor;
  /**
   * Writes rows of an activation.
   *
   * @param x the activation
   * @param write is called before each step for each row, which is all zeros; it stays what it is unless `write` returns true.
   * Rows lie along the last axis. Of `seq_k` there may be more than positions up to the row's own; they do not count.
   */
  writeRows(x: Tensor, write: (place: ActivationPlace, row: Float32Array) => boolean): Tensor;
}

/**
 * Built into the graph where an activation is computed; what it returns is used in its place, and has to have its shape. It is
 * called when the graph is built, which is not before each step. The batch may hold the new tokens of several texts one
 * after another.
 */
export type InterventionFunction = (x: Tensor, context: InterventionContext) => Tensor;

/** An intervention that is only made at some places. What is left out restricts nothing. */
export interface Intervention {
  /** What is done. Not named `apply`: functions have a method of that name, and a type checker would not know which is meant. */
  readonly change: InterventionFunction;
  /** In which texts of the call: for `generate()`, after which prompts. */
  readonly texts?: readonly number[];
  /** At which positions; below 0 they are counted from the end of what was given: -1 is its last token. */
  readonly positions?: readonly number[];
  /** At tokens that were given, or at those that the model has written. */
  readonly during?: "prompt" | "continuation";
}

/** By the name of an activation, in which `*` stands for any characters: what is done to it, one after another. */
export type Interventions = Readonly<
  Record<
    string,
    | InterventionFunction
    | Intervention
    | readonly (InterventionFunction | Intervention)[]
  >
>;

/** The function of an intervention, restricted to the places where it is to be made. */
export function restricted(
  { change, texts, positions, during }: Intervention,
): InterventionFunction {
  if (texts === undefined && positions === undefined && during === undefined) return change;
  const [ofTexts, ofPositions] = [texts, positions].map((list) => list && new Set(list));
  return (x, context) => {
    checkPlaces(context, { texts, positions });
    return context.choose(
      change(x, context),
      x,
      (place) =>
        (ofTexts?.has(place.text) ?? true) && isAtOneOf(ofPositions, place) &&
        (during === undefined || (during === "prompt") === place.isPrompt),
    );
  };
}

/** Whether a place is at one of some positions, or there are none to be at. */
export function isAtOneOf(
  positions: ReadonlySet<number> | undefined,
  { position, fromEnd, isPrompt }: ActivationPlace,
): boolean {
  return positions === undefined || positions.has(position) || (isPrompt && positions.has(fromEnd));
}

/**
 * Checks places of an intervention: one that does not exist would look as if it had no effect.
 *
 * @throws {RangeError} if there is no such text or position
 */
export function checkPlaces(
  { name, numTexts, promptLength, length }: InterventionContext,
  { texts = [], positions = [] }: Pick<Intervention, "texts" | "positions">,
): void {
  const check = (what: string, places: readonly number[], start: number, end: number) => {
    if (places.every((place) => Number.isInteger(place) && place >= start && place < end)) return;
    throw new InvalidArgumentError(
      `Cannot intervene in ${name}: there is no such ${what}: received ${
        describe(places)
      }, where ` +
        `each is from 0 to ${end - 1}` +
        `${start < 0 ? `, or from ${start} to -1, counted from the end of what was given` : ""}.`,
    );
  };
  check("text", texts, 0, numTexts);
  check("position", positions, -promptLength, length);
}
