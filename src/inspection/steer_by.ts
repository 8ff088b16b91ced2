/**
 * Several steering vectors at once.
 *
 * @module
 */
import type { Interventions } from "../engine/intervention.ts";
import { steer } from "./steer.ts";

/** A direction, where it is added, and how much of it. */
export interface WeightedVector {
  /** The index of the block to whose `residual` it is added. */
  readonly layer: number;
  /** (embed) */
  readonly vector: ArrayLike<number>;
  readonly strength: number;
}

/** Adds vectors to the residual stream, at each position. Those of one layer are one: what is added once takes half the time. */
export function steerBy(vectors: Iterable<WeightedVector>): Interventions {
  const sums = new Map<number, Float32Array>();
  for (const { layer, vector, strength } of vectors) {
    const sum = sums.get(layer) ?? new Float32Array(vector.length);
    if (sum.length !== vector.length) {
      throw new TypeError(
        `Cannot steer: the vectors of layer ${layer} must have one length: received ${sum.length} and ${vector.length}.`,
      );
    }
    for (let i = 0; i < sum.length; i++) sum[i] += strength * vector[i];
    sums.set(layer, sum);
  }
  return Object.fromEntries(
    Array.from(sums, ([layer, sum]) => [`blocks.${layer}.residual`, steer(sum)]),
  );
}
