/**
 * The loss of a language model: how unlikely it finds the tokens that follow.
 *
 * @module
 */
import { rearrange, reduce, unstack } from "../einops/einops.ts";
import type { Graph } from "../tensor/graph.ts";
import { add, logarithm, multiply, scale } from "../tensor/elementwise.ts";
import { softmax } from "../tensor/normalization.ts";
import { asOne, differentiable } from "../tensor/recorder.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { crossEntropy, crossEntropyGradient } from "../tensor/training/cross_entropy.ts";
import { hasTrainingKernels } from "../tensor/training/has_training_kernels.ts";

/** A target of a position where no token counts. */
export const NO_TARGET = -1;

/** Cross-entropy in nats, summed over the targets that count and multiplied with a factor. */
export interface TargetLoss {
  /** (1) */
  readonly loss: Tensor;
  /**
   * Writes the targets of the next run.
   *
   * @param targets (batch seq): for each position the token that should follow, or {@linkcode NO_TARGET}
   * @param factor for the mean, 1 / the number of targets that count
   */
  write(targets: Int32Array<ArrayBuffer>, factor: number): void;
}

/**
 * Adds the loss to a graph.
 *
 * @param logits (batch seq vocab)
 * @param vocabSize how many of the columns count: the first ones
 */
export function targetLoss(graph: Graph, logits: Tensor, vocabSize: number): TargetLoss {
  const rows = rearrange(logits, "batch seq vocab -> (batch seq) vocab");
  return hasTrainingKernels(graph.backend)
    ? new FusedLoss(graph, rows, vocabSize)
    : new ComposedLoss(graph, rows, vocabSize);
}

/** In two operations, of which the backward one turns logits into their gradients where they are. */
class FusedLoss implements TargetLoss {
  readonly loss: Tensor;
  readonly #graph: Graph;
  readonly #targets: Tensor;
  readonly #factor: Tensor;

  constructor(graph: Graph, logits: Tensor, vocabSize: number) {
    const [rows] = logits.shape;
    this.#graph = graph;
    const targets = this.#targets = graph.input([rows], "i32", "targets");
    const factor = this.#factor = graph.input([1], "f32", "factor");
    const entropies = crossEntropy(logits, targets, vocabSize);
    const loss = asOne(logits, () => {
      const [losses] = unstack(entropies, "row two -> two row");
      return multiply(reduce(losses, "row ->", "sum"), factor);
    });
    this.loss = differentiable(loss, [
      logits,
      (gradient) =>
        crossEntropyGradient(logits, targets, entropies, multiply(factor, gradient), vocabSize),
    ]);
  }

  write(targets: Int32Array<ArrayBuffer>, factor: number): void {
    this.#graph.write(this.#targets, targets);
    this.#graph.write(this.#factor, Float32Array.of(factor));
  }
}

/** Keeps the logarithm of a probability that F32 does not have finite: a loss of at most 69 nats a token. */
const SMALLEST_PROBABILITY = 1e-30;

/** Leaves no probability to columns of padding. */
const NO_LOGIT = -1e30;

/** Of operations that every backend has: a table of targets with a 1 in each row is multiplied with log-probabilities. */
class ComposedLoss implements TargetLoss {
  readonly loss: Tensor;
  readonly #graph: Graph;
  readonly #weights: Tensor;

  constructor(graph: Graph, logits: Tensor, vocabSize: number) {
    this.#graph = graph;
    this.#weights = graph.input(logits.shape, "f32", "target_weights");
    const [, columns] = logits.shape;
    const padding = Array.from({ length: columns }, (_, i) => i < vocabSize ? 0 : NO_LOGIT);
    const ofTokens = columns === vocabSize
      ? logits
      : add(logits, graph.constant([columns], padding));
    const logProbabilities = logarithm(scale(softmax(ofTokens), 1, SMALLEST_PROBABILITY));
    const likelihood = reduce(multiply(logProbabilities, this.#weights), "row vocab ->", "sum");
    this.loss = scale(likelihood, -1);
  }

  write(targets: Int32Array<ArrayBuffer>, factor: number): void {
    const [rows, vocab] = this.#weights.shape;
    const weights = new Float32Array(rows * vocab);
    targets.forEach((target, row) => {
      if (target !== NO_TARGET) weights[row * vocab + target] = factor;
    });
    this.#graph.write(this.#weights, weights);
  }
}
