/**
 * Where an intervention is made.
 *
 * @module
 */
import { list, oneOf, type OptionRules } from "../base/check_options.ts";
import { describe } from "../base/describe.ts";
import { InvalidArgumentError } from "../base/errors.ts";
import {
  type ActivationPlace,
  checkPlaces,
  type Intervention,
  type InterventionContext,
  isAtOneOf,
} from "../engine/intervention.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** Where an intervention is made. What is left out restricts nothing. */
export interface PlaceOptions extends Omit<Intervention, "change"> {
  /** In which heads, where the activation has an axis of them: `blocks.*.attention.attended`. */
  readonly heads?: readonly number[];
  /** Where this says so; it is asked before each step, for each row along the last axis. */
  readonly where?: (place: ActivationPlace) => boolean;
}

/** What these options must be. */
export const placeRules: OptionRules<PlaceOptions> = {
  texts: list,
  positions: list,
  heads: list,
  during: oneOf("prompt", "continuation"),
  where: { meaning: "a function", isType: (value) => typeof value === "function" },
};

/** The places where an intervention is made. */
export class Places {
  readonly #action: string;
  readonly #options: PlaceOptions;
  readonly #sets: readonly [texts?: Set<number>, positions?: Set<number>, heads?: Set<number>];

  /**
   * @param action what cannot be done otherwise: `ablate`
   * @param options checked by {@linkcode placeRules}
   * @throws {TypeError} if a text, position or head is not a number
   * @throws {RangeError} if it is not an integer, or a text or head below 0
   */
  constructor(action: string, options: PlaceOptions) {
    const { texts, positions, heads } = options;
    this.#action = action;
    this.#options = options;
    this.#sets = [
      indexSet(action, "texts", texts),
      indexSet(action, "positions", positions, -Infinity),
      indexSet(action, "heads", heads),
    ];
  }

  /** Whether a row is at one of them. */
  includes(place: ActivationPlace): boolean {
    const [texts, positions, heads] = this.#sets;
    const { during, where } = this.#options;
    return (texts?.has(place.text) ?? true) && isAtOneOf(positions, place) &&
      (heads?.has(place.head!) ?? true) &&
      (during === undefined || (during === "prompt") === place.isPrompt) &&
      (where === undefined || this.#answer(where(place)));
  }

  /** A promise would count as yes. */
  #answer(answer: unknown): boolean {
    if (typeof answer === "boolean") return answer;
    throw new TypeError(
      `Cannot ${this.#action}: where must return true or false: received ${describe(answer)}.`,
    );
  }

  /**
   * `changed` at these places, and `x` at all others.
   *
   * @throws {RangeError} if the model has no such head or position
   * @throws {TypeError} if heads are asked for of an activation that has none
   */
  choose(changed: Tensor, x: Tensor, context: InterventionContext): Tensor {
    this.check(context);
    const { during, where } = this.#options;
    const isEverywhere = [...this.#sets, during, where].every((each) => each === undefined);
    return isEverywhere ? changed : context.choose(changed, x, (place) => this.includes(place));
  }

  /** Does the checks of {@linkcode Places.choose}. */
  check(context: InterventionContext): void {
    const { name, axes, config } = context;
    const { texts, positions, heads } = this.#options;
    if (heads !== undefined && !axes.includes("heads")) {
      throw new TypeError(
        `Cannot ${this.#action} heads of ${name}: it has the axes ${axes}: received ` +
          `${describe(heads)}. What heads compute is blocks.*.attention.attended.`,
      );
    }
    checkBelow(`${this.#action} heads of ${name}`, "head", heads, config.numHeads);
    checkPlaces(context, { texts, positions });
  }
}

/** A copy, so that what becomes of the array makes no difference. */
function indexSet(
  action: string,
  name: string,
  indices: readonly number[] | undefined,
  least: number = 0,
): Set<number> | undefined {
  if (indices === undefined) return undefined;
  for (const index of indices) {
    if (Number.isInteger(index) && index >= least) continue;
    const ErrorClass = typeof index === "number" ? InvalidArgumentError : TypeError;
    throw new ErrorClass(
      `Cannot ${action}: ${name} must be integers${least === 0 ? " from 0 on" : ""}: received ` +
        `${describe(indices)}.`,
    );
  }
  return new Set(indices);
}

function checkBelow(
  action: string,
  name: string,
  indices: readonly number[] = [],
  end: number,
): void {
  if (indices.every((index) => index < end)) return;
  throw new InvalidArgumentError(
    `Cannot ${action}: a ${name} of this model is an integer from 0 to ${end - 1}: ` +
      `received ${describe(indices)}.`,
  );
}
