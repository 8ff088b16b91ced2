/**
 * Forward and backward pass over a few texts, for one look at their gradients.
 *
 * @module
 */
import { gpt2 } from "../model/gpt2.ts";
import type { Model } from "../model/model.ts";
import type { GPT2Parameters } from "../model/parameters.ts";
import { gradientsOrZeros } from "../tensor/gradients_of.ts";
import { Graph } from "../tensor/graph.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { contiguous } from "../tensor/views.ts";
import type { Measure, Measured } from "./measure.ts";
import { weightByName } from "./trainable_weights.ts";
import type { TrainingHooks, TrainingText } from "./training_hooks.ts";
import { TrainingPass } from "./training_pass.ts";

/** What a {@linkcode GradientGraph} is made of. */
export interface GradientGraphOptions {
  /** What is computed. */
  readonly model: Model;
  /** Its weights, as the forward pass reads them. */
  readonly parameters: GPT2Parameters;
  /** The names of the weights whose gradients are wanted. */
  readonly weights: readonly string[];
  /** What is looked at and changed. */
  readonly hooks: TrainingHooks;
  /** Texts. */
  readonly batch: number;
  /** Tokens of each. */
  readonly seq: number;
  /** What the gradients are of. */
  readonly measure: Measure;
}

/** Computes gradients of texts of one length. */
export class GradientGraph implements Disposable {
  readonly #graph: Graph;
  readonly #pass: TrainingPass;
  readonly #hooks: ReturnType<TrainingHooks["build"]>;
  readonly #measured: Measured;
  readonly #weights: readonly Tensor[];

  constructor(options: GradientGraphOptions) {
    const { model: { backend, config }, parameters, weights, hooks, batch, seq, measure } = options;
    using graph = new DisposableStack();
    this.#graph = graph.use(new Graph(backend, { lowering: "differentiable" }));
    this.#hooks = hooks.build(this.#graph);
    this.#pass = new TrainingPass(this.#graph, batch, seq, {
      observe: (name, x) => this.#hooks.observe(name, x),
      spelledLayers: hooks.spelledLayers,
    });
    this.#measured = measure.build(this.#graph, gpt2(this.#pass, parameters, config));
    const { value } = this.#measured;
    this.#graph.output(value);
    const { activations } = this.#hooks;
    const tensors = weights.map((name) => weightByName(parameters, name));
    const gradients = gradientsOrZeros(value, [...activations, ...tensors]);
    this.#hooks.output(gradients.slice(0, activations.length));
    this.#weights = gradients.slice(activations.length).map((gradient) =>
      this.#graph.output(contiguous(gradient))
    );
    this.#graph.allocate();
    this.#pass.writeConstants();
    graph.move();
  }

  /**
   * Computes the gradients of some texts of a call.
   *
   * @param group which they are
   * @param texts their tokens, and what is kept of them
   * @returns what was measured
   * @throws {DOMException} `AbortError` (or the signal's own reason)
   */
  async run(
    group: readonly number[],
    texts: readonly { readonly tokens: readonly number[]; readonly kept: TrainingText }[],
    signal: AbortSignal | undefined,
  ): Promise<number> {
    const kept = texts.map(({ kept }) => kept);
    const tokens = texts.flatMap(({ tokens }) => tokens);
    this.#graph.write(this.#pass.tokens, Int32Array.from(tokens));
    this.#measured.write(group);
    this.#hooks.write(kept);
    await this.#graph.computeAsync(signal);
    this.#hooks.keep(kept);
    return this.#graph.readF32(this.#measured.value)[0];
  }

  /** The gradients of the weights, of which rows of padding may be the last. */
  readWeights(): Float32Array<ArrayBuffer>[] {
    return this.#weights.map((gradient) => this.#graph.readF32(gradient));
  }

  /** Frees the working memory. */
  [Symbol.dispose](): void {
    this.#graph[Symbol.dispose]();
  }
}
