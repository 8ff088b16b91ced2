/**
 * Pushing activations in a direction.
 *
 * @module
 */
import { checkOptions } from "../base/check_options.ts";
import { describe } from "../base/describe.ts";
import { InvalidArgumentError } from "../base/errors.ts";
import { showFields } from "../base/show_fields.ts";
import type { Intervention, InterventionFunction } from "../engine/intervention.ts";
import { add } from "../tensor/elementwise.ts";
import { type PlaceOptions, placeRules, Places } from "./places.ts";

/** An intervention that adds a vector. What is set takes effect at the next step, without a graph being built again. */
export interface Steering extends Intervention {
  /** What the vector is multiplied by. */
  strength: number;
  /** What is added: a copy of what was given. A new one has as many elements as the old one. */
  vector: ArrayLike<number>;
}

const ACTION = "steer";

/** Adds a vector to each row of an activation. */
class VectorSteering implements Steering {
  readonly change: InterventionFunction;
  #vector: Float32Array;
  #strength: number;

  static {
    const type = { name: "Steering", prototype: VectorSteering.prototype };
    showFields(type, ({ strength, vector }) => ({ strength, vectorLength: vector.length }));
  }

  constructor(vector: ArrayLike<number>, strength: number, places: Places) {
    this.#vector = checkedVector(vector);
    this.#strength = checkedStrength(strength);
    this.change = (x, context) => {
      const width = x.shape.at(-1)!;
      if (context.axes.endsWith("seq_k")) {
        throw new TypeError(
          `Cannot ${ACTION} ${context.name}: its last axis is seq_k, which is as long as the text: a vector ` +
            "goes into an activation whose last axis is embed, hidden or head_dim, such as blocks.*.residual.",
        );
      }
      if (width !== this.#vector.length) {
        throw new TypeError(
          `Cannot ${ACTION} ${context.name}: its last axis is ${
            context.axes.split(" ").at(-1)
          }, of ` +
            `${width} elements: received a vector of ${this.#vector.length}.`,
        );
      }
      const added = context.input([width], () => this.#vector.map((value) => this.#added(value)));
      return places.choose(add(x, added), x, context);
    };
  }

  get strength(): number {
    return this.#strength;
  }

  set strength(strength: number) {
    this.#strength = checkedStrength(strength);
  }

  get vector(): ArrayLike<number> {
    return this.#vector.slice();
  }

  set vector(vector: ArrayLike<number>) {
    this.#vector = checkedVector(vector, this.#vector.length);
  }

  #added(value: number): number {
    // x + -0 is x, bit for bit, whereas -0 + 0 is 0.
    return this.#strength === 0 ? -0 : this.#strength * value;
  }
}

/**
 * Adds a vector to an activation, at each position: pushes the model towards what the vector stands for (Turner et al.,
 * 2023, "Steering Language Models With Activation Engineering", arXiv:2308.10248). `steeringVector()` finds one.
 *
 * ```ts
 * import { GPT2 } from "@allformers/gpt2";
 * import { steer, steeringVector } from "@allformers/gpt2/inspect";
 *
 * using model = await GPT2.fromPretrained("demo");
 * const [love, war] = ["I love you, my love", "To war, to blood"].map((text) => model.tokenizer!.encode(text));
 * const steering = steer(await steeringVector(model, love, war, 1), 2);
 * const options = { maxNewTokens: 20, seed: 1, intervene: { "blocks.1.residual": steering } };
 * let numTokens = 0;
 * for await (const { text } of model.generate("ROMEO:", options)) {
 *   console.log(text);
 *   if (++numTokens === 10) steering.strength = 0; // from here on it goes its own way
 * }
 * ```
 *
 * @param vector as long as the last axis of the activation: (embed) for `blocks.*.residual`
 * @param strength what the vector is multiplied by; 0 changes no bit of what fused attention computes (spelled out, it
 * rounds otherwise if queries are touched at all); below 0 it pushes away. Default: 1
 * @param options which heads, positions and texts; without any, everywhere
 * @throws {TypeError} if an argument has the wrong type; where it is used, if the vector has the wrong length
 * @throws {RangeError} if a number is not finite, or a place is out of range
 */
export function steer(
  vector: ArrayLike<number>,
  strength: number = 1,
  options: PlaceOptions = {},
): Steering {
  const places = new Places(ACTION, checkOptions(ACTION, options, placeRules));
  return new VectorSteering(vector, strength, places);
}

function checkedStrength(strength: number): number {
  if (Number.isFinite(strength)) return strength;
  const ErrorClass = typeof strength === "number" ? InvalidArgumentError : TypeError;
  throw new ErrorClass(
    `Cannot ${ACTION}: strength must be a finite number: received ${describe(strength)}.`,
  );
}

function checkedVector(vector: ArrayLike<number>, length?: number): Float32Array {
  const isVector = (Array.isArray(vector) || ArrayBuffer.isView(vector)) && vector.length > 0 &&
    Array.from(vector).every((value) => typeof value === "number");
  if (!isVector || (length !== undefined && vector.length !== length)) {
    throw new TypeError(
      `Cannot ${ACTION}: the vector must be an array of ${length ?? "some"} numbers: received ` +
        `${describe(vector)}.`,
    );
  }
  const copy = Float32Array.from(vector);
  // As it is used: 1e39 is not finite any more.
  if (copy.every(Number.isFinite)) return copy;
  throw new InvalidArgumentError(
    `Cannot ${ACTION}: the vector must have finite numbers only, in f32: received ${
      describe(vector)
    }.`,
  );
}
