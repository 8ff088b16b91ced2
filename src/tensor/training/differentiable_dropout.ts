/**
 * Dropout whose gradient can be computed.
 *
 * @module
 */
import { differentiable } from "../recorder.ts";
import type { Tensor } from "../tensor.ts";
import { type Dropout, dropout } from "./dropout.ts";

/**
 * Leaves out a share of the elements at random, and makes up for it with the others (Srivastava et al., 2014, "Dropout: A Simple
 * Way to Prevent Neural Networks from Overfitting"). The gradient leaves out the same.
 */
export function differentiableDropout(x: Tensor, settings: Dropout): Tensor {
  const { probability, seed, stream } = settings;
  const drop = (y: Tensor) => dropout(y, probability, seed, stream);
  return differentiable(drop(x), [x, drop]);
}
