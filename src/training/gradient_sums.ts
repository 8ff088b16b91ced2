/**
 * Gradients of several batches, added up.
 *
 * @module
 */
import type { Backend } from "../tensor/backend.ts";
import { Buffer } from "../tensor/buffer.ts";
import { Graph } from "../tensor/graph.ts";
import { add } from "../tensor/elementwise.ts";
import { copyInto } from "../tensor/ops.ts";

/** Adds up what is in a buffer at several times, and puts the sum there. */
export class GradientSums implements Disposable {
  readonly #sums: Buffer;
  readonly #adding: Graph;
  readonly #returning: Graph;
  readonly #resources: DisposableStack;

  /** @throws {NativeError} if there is not enough memory */
  constructor(backend: Backend, gradients: Buffer) {
    using resources = new DisposableStack();
    const specs = gradients.tensors.map(({ shape, dtype }) => ({ shape, dtype }));
    this.#sums = resources.use(new Buffer(backend, specs));
    this.#adding = resources.use(new Graph(backend));
    this.#returning = resources.use(new Graph(backend));
    gradients.tensors.forEach((gradient, i) => {
      const sum = this.#adding.borrow(this.#sums.tensors[i]);
      this.#adding.expand(copyInto(sum, add(sum, gradient)));
      const total = this.#returning.borrow(this.#sums.tensors[i]);
      this.#returning.expand(copyInto(this.#returning.borrow(gradient), total));
    });
    this.#adding.allocate();
    this.#returning.allocate();
    this.#resources = resources.move();
  }

  /** Begins a new sum. */
  clear(): void {
    this.#sums.fill(0);
  }

  /** Adds what is in the buffer now. */
  async add(): Promise<void> {
    await this.#adding.computeAsync();
  }

  /** Puts the sum into the buffer. */
  async finish(): Promise<void> {
    await this.#returning.computeAsync();
  }

  /** Frees the memory. */
  [Symbol.dispose](): void {
    this.#resources[Symbol.dispose]();
  }
}
