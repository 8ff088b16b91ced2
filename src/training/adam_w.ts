/**
 * The optimizer: AdamW (Loshchilov and Hutter, 2019, "Decoupled Weight Decay Regularization", arXiv:1711.05101, algorithm 2), as
 * `torch.optim.AdamW` computes it.
 *
 * @module
 */
import type { Backend } from "../tensor/backend.ts";
import { Buffer } from "../tensor/buffer.ts";
import { Graph } from "../tensor/graph.ts";
import { add, copyInto, divide, multiply, scale, square, squareRoot } from "../tensor/ops.ts";
import { numElements } from "../tensor/shape.ts";
import { sumTo } from "../tensor/sum_to.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { reshape } from "../tensor/views.ts";
import type { TrainableWeight } from "./trainable_weights.ts";

/** What does not change from step to step. */
export interface AdamWSettings {
  /** How slowly the mean of the gradients and that of their squares move. */
  readonly betas: readonly [number, number];
  /** Added to the root of the mean square. */
  readonly epsilon: number;
  /** How much of a weight that decays is taken off in a step, as a share of the learning rate. */
  readonly weightDecay: number;
}

/** What a step needs. */
export interface AdamWStep {
  /** Steps before it. */
  readonly step: number;
  /** How far weights move: each about this much. */
  readonly learningRate: number;
  /** What the gradients are multiplied with first. */
  readonly gradientScale: number;
}

/** Moves weights along their gradients. */
export class AdamW implements Disposable {
  /** The gradient of each weight, in their order: to be computed before a step. */
  readonly gradients: Buffer;
  /** The mean of the gradients of each weight, in their order. */
  readonly firstMoments: Buffer;
  /** The mean of their squares. */
  readonly secondMoments: Buffer;
  readonly #settings: AdamWSettings;
  readonly #resources: DisposableStack;
  readonly #norm: Graph;
  readonly #squaredNorm: Tensor;
  readonly #update: Graph;
  readonly #inputs: UpdateInputs;

  /** @throws {NativeError} if there is not enough memory */
  constructor(
    backend: Backend,
    weights: readonly TrainableWeight[],
    settings: AdamWSettings,
  ) {
    using resources = new DisposableStack();
    this.#settings = settings;
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
    this.#inputs = {
      gradientScale: this.#update.input([1], "f32", "gradient_scale"),
      kept: this.#update.input([1], "f32", "kept"),
      stepSize: this.#update.input([1], "f32", "step_size"),
      secondCorrection: this.#update.input([1], "f32", "second_correction"),
    };
    weights.forEach((weight, i) => this.#record(weight, i));
    this.#update.allocate();
    this.#resources = resources.move();
  }

  /** The bytes of gradients and of what is kept of them. */
  get byteLength(): number {
    return this.gradients.byteLength + this.firstMoments.byteLength +
      this.secondMoments.byteLength;
  }

  #record({ tensor, decays }: TrainableWeight, i: number): void {
    const { betas: [beta1, beta2], epsilon } = this.#settings;
    const { gradientScale, kept, stepSize, secondCorrection } = this.#inputs;
    const borrowed = (buffer: Buffer) => this.#update.borrow(buffer.tensors[i]);
    const gradient = multiply(borrowed(this.gradients), gradientScale);
    const moving = (mean: Tensor, beta: number, x: Tensor) =>
      copyInto(mean, add(scale(mean, beta), scale(x, 1 - beta)));
    const first = moving(borrowed(this.firstMoments), beta1, gradient);
    const second = moving(borrowed(this.secondMoments), beta2, square(gradient));
    const spread = scale(squareRoot(multiply(second, secondCorrection)), 1, epsilon);
    const step = multiply(divide(first, spread), stepSize);
    const weight = this.#update.borrow(tensor);
    const decayed = decays ? multiply(weight, kept) : weight;
    this.#update.expand(copyInto(weight, add(decayed, step)));
  }

  /**
   * The length of all gradients together, as one vector.
   *
   * @returns not finite if one of them is not
   */
  async gradientNorm(signal?: AbortSignal): Promise<number> {
    await this.#norm.computeAsync(signal);
    return Math.sqrt(this.#norm.readF32(this.#squaredNorm)[0]);
  }

  /** Moves all weights. It is not stopped halfway. */
  async step({ step, learningRate, gradientScale }: AdamWStep): Promise<void> {
    const { betas: [beta1, beta2], weightDecay } = this.#settings;
    const write = (x: Tensor, value: number) => this.#update.write(x, Float32Array.of(value));
    write(this.#inputs.gradientScale, gradientScale);
    write(this.#inputs.kept, 1 - learningRate * weightDecay);
    // Both means begin at 0, which is made up for.
    write(this.#inputs.stepSize, -learningRate / (1 - beta1 ** (step + 1)));
    write(this.#inputs.secondCorrection, 1 / (1 - beta2 ** (step + 1)));
    await this.#update.computeAsync();
  }

  /** Frees the memory. */
  [Symbol.dispose](): void {
    this.#resources[Symbol.dispose]();
  }
}

/** What changes from step to step, (1) each. */
interface UpdateInputs {
  readonly gradientScale: Tensor;
  /** What is left of a weight that decays. */
  readonly kept: Tensor;
  /** What is added for each unit of the mean gradient over its spread. */
  readonly stepSize: Tensor;
  readonly secondCorrection: Tensor;
}

/** (1): the sum of the squares of all elements. */
function squaredNorm(graph: Graph, tensors: readonly Tensor[]): Tensor {
  const sums = tensors.map((tensor) => {
    const x = graph.borrow(tensor);
    const squares = square(reshape(x, [numElements(x.shape)]));
    return sumTo(reshape(squares, [squares.size, 1]), [1]);
  });
  return sums.reduce(add);
}
