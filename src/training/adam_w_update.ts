/**
 * One step of AdamW as operations: in a kernel, or of what every backend has.
 *
 * @module
 */
import type { Graph } from "../tensor/graph.ts";
import { add, divide, multiply, scale, square, squareRoot } from "../tensor/elementwise.ts";
import { copyInto } from "../tensor/ops.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { adamW, NUM_ADAM_W_SETTINGS } from "../tensor/training/adam_w.ts";

/** What does not change from step to step. */
export interface AdamWSettings {
  /** How slowly the mean of the gradients and that of their squares move. */
  readonly betas: readonly [number, number];
  /** Added to the root of the mean square. */
  readonly epsilon: number;
  /** How much of a weight that decays is taken off in a step, as a share of the learning rate. */
  readonly weightDecay: number;
  /** The largest length of all gradients together: longer ones are shortened to it. 0 for any. */
  readonly gradientClip: number;
}

/** A weight and what belongs to it, all of one shape, in the memory of buffers. */
export interface MovedWeight {
  /** What is moved. */
  readonly weight: Tensor;
  /** Whether weight decay draws it to 0. */
  readonly decays: boolean;
  /** Of the loss with respect to it. */
  readonly gradient: Tensor;
  /** The moving mean of its gradients. */
  readonly firstMoment: Tensor;
  /** The moving mean of their squares. */
  readonly secondMoment: Tensor;
}

/** What changes from step to step. */
export interface UpdateStep {
  /** Steps before it. */
  readonly step: number;
  /** How far weights move: each about this much. */
  readonly learningRate: number;
  /** The length of all gradients together, as one vector. */
  readonly gradientNorm: number;
}

/** In one operation for each weight. */
export function fusedUpdate(
  graph: Graph,
  weights: readonly MovedWeight[],
  { betas: [beta1, beta2], epsilon, weightDecay, gradientClip }: AdamWSettings,
): (step: UpdateStep) => void {
  const squaredNorm = graph.input([1], "f32", "squared_norm");
  const settingsOf = (name: string) => graph.input([NUM_ADAM_W_SETTINGS], "f32", name);
  const [decaying, others] = [settingsOf("settings_of_decaying"), settingsOf("settings")];
  for (const { weight, decays, gradient, firstMoment, secondMoment } of weights) {
    const settings = decays ? decaying : others;
    graph.expand(
      adamW(graph.borrow(weight), gradient, firstMoment, secondMoment, settings, squaredNorm),
    );
  }
  return ({ step, learningRate, gradientNorm }) => {
    const corrections = [1 / (1 - beta1 ** (step + 1)), 1 / (1 - beta2 ** (step + 1))];
    for (const [input, decay] of [[decaying, weightDecay], [others, 0]] as const) {
      const values = [learningRate, beta1, beta2, epsilon, decay, ...corrections, gradientClip];
      graph.write(input, Float32Array.from(values));
    }
    graph.write(squaredNorm, Float32Array.of(gradientNorm ** 2));
  };
}

/** Of sums, products and roots. */
export function composedUpdate(
  graph: Graph,
  weights: readonly MovedWeight[],
  { betas: [beta1, beta2], epsilon, weightDecay, gradientClip }: AdamWSettings,
): (step: UpdateStep) => void {
  const number = (name: string) => graph.input([1], "f32", name);
  const gradientScale = number("gradient_scale");
  const kept = number("kept");
  const stepSize = number("step_size");
  const secondCorrection = number("second_correction");
  const moving = (mean: Tensor, beta: number, x: Tensor) => {
    const borrowed = graph.borrow(mean);
    return copyInto(borrowed, add(scale(borrowed, beta), scale(x, 1 - beta)));
  };
  for (const { weight, decays, gradient, firstMoment, secondMoment } of weights) {
    const scaled = multiply(graph.borrow(gradient), gradientScale);
    const first = moving(firstMoment, beta1, scaled);
    const second = moving(secondMoment, beta2, square(scaled));
    const spread = scale(squareRoot(multiply(second, secondCorrection)), 1, epsilon);
    const step = multiply(divide(first, spread), stepSize);
    const borrowed = graph.borrow(weight);
    const decayed = decays ? multiply(borrowed, kept) : borrowed;
    graph.expand(copyInto(borrowed, add(decayed, step)));
  }
  return ({ step, learningRate, gradientNorm }) => {
    const write = (x: Tensor, value: number) => graph.write(x, Float32Array.of(value));
    // As torch.nn.utils.clip_grad_norm_ does it.
    const factor = gradientClip === 0 ? 1 : Math.min(1, gradientClip / (gradientNorm + 1e-6));
    write(gradientScale, factor);
    write(kept, 1 - learningRate * weightDecay);
    // Both means begin at 0, which is made up for.
    write(stepSize, -learningRate / (1 - beta1 ** (step + 1)));
    write(secondCorrection, 1 / (1 - beta2 ** (step + 1)));
  };
}
