/**
 * The optimizer: AdamW (Loshchilov and Hutter, 2019, "Decoupled Weight Decay Regularization", arXiv:1711.05101, algorithm 2), as
 * `torch.optim.AdamW` computes it.
 *
 * @module
 */
import type { Backend } from "../tensor/backend.ts";
import { Buffer } from "../tensor/buffer.ts";
import { Graph } from "../tensor/graph.ts";
import { add, square } from "../tensor/elementwise.ts";
import { numElements } from "../tensor/shape.ts";
import { sumTo } from "../tensor/sum_to.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { hasTrainingKernels } from "../tensor/training/has_training_kernels.ts";
import { sumOfSquares } from "../tensor/training/sum_of_squares.ts";
import { reshape } from "../tensor/views.ts";
import {
  type AdamWSettings,
  composedUpdate,
  fusedUpdate,
  type UpdateStep,
} from "./adam_w_update.ts";
import type { TrainableWeight } from "./trainable_weights.ts";

/** Moves weights along their gradients. */
export class AdamW implements Disposable {
  /** The gradient of each weight, in their order: to be computed before a step. */
  readonly gradients: Buffer;
  /** The mean of the gradients of each weight, in their order. */
  readonly firstMoments: Buffer;
  /** The mean of their squares. */
  readonly secondMoments: Buffer;
  readonly #resources: DisposableStack;
  readonly #norm: Graph;
  readonly #squaredNorm: Tensor;
  readonly #update: Graph;
  readonly #write: (step: UpdateStep) => void;

  /** @throws {NativeError} if there is not enough memory */
  constructor(
    backend: Backend,
    weights: readonly TrainableWeight[],
    settings: AdamWSettings,
  ) {
    using resources = new DisposableStack();
    const specs = weights.map(({ tensor }) => ({ shape: tensor.shape, dtype: "f32" as const }));
    const zeros = () => {
      const buffer = resources.use(new Buffer(backend, specs));
      buffer.fill(0);
      return buffer;
    };
    this.gradients = zeros();
    this.firstMoments = zeros();
    this.secondMoments = zeros();

    this.#norm = resources.use(new Graph(backend));
    this.#squaredNorm = this.#norm.output(squaredNorm(this.#norm, this.gradients.tensors));
    this.#norm.allocate();

    this.#update = resources.use(new Graph(backend));
    const moved = weights.map(({ tensor, decays }, i) => ({
      weight: tensor,
      decays,
      gradient: this.gradients.tensors[i],
      firstMoment: this.firstMoments.tensors[i],
      secondMoment: this.secondMoments.tensors[i],
    }));
    const record = hasTrainingKernels(backend) ? fusedUpdate : composedUpdate;
    this.#write = record(this.#update, moved, settings);
    this.#update.allocate();
    this.#resources = resources.move();
  }

  /** The bytes of gradients and of what is kept of them. */
  get byteLength(): number {
    return this.gradients.byteLength + this.firstMoments.byteLength +
      this.secondMoments.byteLength;
  }

  /**
   * The length of all gradients together, as one vector.
   *
   * @returns not finite if one of them is not
   */
  async gradientNorm(): Promise<number> {
    await this.#norm.computeAsync();
    return Math.sqrt(this.#norm.readF32(this.#squaredNorm)[0]);
  }

  /** Moves all weights. It is not stopped halfway. */
  async step(step: UpdateStep): Promise<void> {
    this.#write(step);
    await this.#update.computeAsync();
  }

  /** Frees the memory. */
  [Symbol.dispose](): void {
    this.#resources[Symbol.dispose]();
  }
}

/** (1): the sum of the squares of all elements. */
function squaredNorm(graph: Graph, tensors: readonly Tensor[]): Tensor {
  const sums = tensors.map((tensor) => {
    const x = graph.borrow(tensor);
    if (hasTrainingKernels(graph.backend)) return sumOfSquares(x);
    return sumTo(reshape(square(x), [numElements(x.shape), 1]), [1]);
  });
  return sums.reduce(add);
}
