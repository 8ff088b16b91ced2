/**
 * Steering vectors that clients may ask for by name.
 *
 * @module
 */
import { describe, quote } from "../base/describe.ts";
import { InvalidArgumentError } from "../base/errors.ts";
import type { Interventions } from "../engine/intervention.ts";
import type { GPT2Config } from "../model/config.ts";
import type { WeightedVector } from "../inspection/steer_by.ts";
import { fieldError } from "./api_error.ts";

/** A direction, and where it is added. `steeringVector()` of `@allformers/gpt2/inspect` finds one. */
export interface SteeringVector {
  /** The index of the block to whose `residual` it is added, at each position of prompt and answer. */
  readonly layer: number;
  /** (embed) */
  readonly vector: ArrayLike<number>;
}

/** Steering vectors by name. */
export type SteeringVectors = Readonly<Record<string, SteeringVector>>;

const MAX_STRENGTH = 1000;

/**
 * Copies of vectors, by name.
 *
 * @throws {TypeError} if one has not as many numbers as the model is wide
 * @throws {RangeError} if one has a layer that there is not, or a number that is not finite
 */
export function checkSteering(
  vectors: SteeringVectors,
  { numLayers, embeddingDim }: GPT2Config,
): ReadonlyMap<string, SteeringVector> {
  return new Map(
    Object.entries(vectors).map(([name, { layer, vector }]) => {
      const numbers = Float32Array.from(vector);
      if (numbers.length !== embeddingDim) {
        throw new TypeError(
          `Cannot serve a model: the steering vector ${
            quote(name)
          } must have ${embeddingDim} numbers: ` +
            `received ${numbers.length}.`,
        );
      }
      const isLayer = Number.isInteger(layer) && layer >= 0 && layer < numLayers;
      if (!isLayer || !numbers.every(Number.isFinite)) {
        throw new InvalidArgumentError(
          `Cannot serve a model: the steering vector ${quote(name)} must have a layer from 0 to ${
            numLayers - 1
          } and finite numbers: received layer ${describe(layer)}.`,
        );
      }
      return [name, { layer, vector: numbers }];
    }),
  );
}

/**
 * What a request asks for.
 *
 * @param vectors that the server has
 * @param strengths what each vector is multiplied by, by name
 * @throws {ApiError} 400 if there is no such vector, or a strength is no number
 */
export async function steeringBy(
  vectors: ReadonlyMap<string, SteeringVector>,
  strengths: Readonly<Record<string, unknown>>,
): Promise<Interventions> {
  const asked: WeightedVector[] = [];
  for (const [name, strength] of Object.entries(strengths)) {
    const found = vectors.get(name);
    if (found === undefined) {
      throw fieldError(
        "steer",
        `There is no such steering vector: received ${quote(name)}. The vectors are ${
          [...vectors.keys()].join(", ")
        }.`,
      );
    }
    if (!(typeof strength === "number" && Math.abs(strength) <= MAX_STRENGTH)) {
      throw fieldError(
        "steer",
        `The strength of a steering vector must be a number from -${MAX_STRENGTH} to ${MAX_STRENGTH}: ` +
          `received ${describe(strength)}.`,
      );
    }
    asked.push({ ...found, strength });
  }
  const { steerBy } = await import("../inspection/steer_by.ts");
  return steerBy(asked);
}
