/**
 * Forward and backward pass of one batch, in one graph.
 *
 * @module
 */
import type { GPT2Config } from "../model/config.ts";
import { adaptParameters, type LowRankUpdates } from "../model/adapt_parameters.ts";
import { gpt2 } from "../model/gpt2.ts";
import type { GPT2Parameters } from "../model/parameters.ts";
import type { Backend } from "../tensor/backend.ts";
import type { Buffer } from "../tensor/buffer.ts";
import { gradientsOf, gradientsOrZeros } from "../tensor/gradients_of.ts";
import { Graph } from "../tensor/graph.ts";
import type { Precision } from "../tensor/recorder.ts";
import { storeResult } from "../tensor/store_result.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type TargetLoss, targetLoss } from "./target_loss.ts";
import type { TrainingGraphHooks, TrainingHooks, TrainingText } from "./training_hooks.ts";
import { TrainingPass } from "./training_pass.ts";

/** What a training graph is made of. */
export interface TrainingGraphOptions {
  /** Where it is computed. */
  readonly backend: Backend;
  /** Sizes of the model. */
  readonly config: GPT2Config;
  /** Its weights, as the forward pass reads them. */
  readonly parameters: GPT2Parameters;
  /** What is added to them. Default: nothing. */
  readonly updates?: LowRankUpdates;
  /** What is trained, and where the gradient of each is stored. */
  readonly trained: readonly Tensor[];
  /** Takes the gradients: one tensor for each of `trained`. */
  readonly gradients: Buffer;
  /** Texts in a batch. */
  readonly batch: number;
  /** Tokens in a text. */
  readonly seq: number;
  /** How exactly products are computed. */
  readonly precision: Precision;
  /** What is looked at and changed. Default: nothing. */
  readonly hooks?: TrainingHooks;
  /** The share of activations that are left out at random. Default: 0. */
  readonly dropout?: number;
  /** The same of what `updates` read. Default: 0. */
  readonly adapterDropout?: number;
}

/** A batch of texts, and the token that should follow at each position. */
export interface Batch {
  /** (batch seq) */
  readonly tokens: Int32Array<ArrayBuffer>;
  /** (batch seq); -1 where none counts. */
  readonly targets: Int32Array<ArrayBuffer>;
}

/** Computes the loss of a batch, and its gradients. */
export class TrainingGraph implements Disposable {
  readonly #graph: Graph;
  readonly #pass: TrainingPass;
  readonly #loss: TargetLoss;
  readonly #hooks: TrainingGraphHooks | undefined;

  constructor(options: TrainingGraphOptions) {
    const { backend, config, trained, gradients, batch, seq, precision } = options;
    const { hooks, dropout, adapterDropout } = options;
    using graph = new DisposableStack();
    this.#graph = graph.use(new Graph(backend, { lowering: "differentiable", precision }));
    const own = this.#hooks = hooks?.build(this.#graph);
    this.#pass = new TrainingPass(this.#graph, batch, seq, {
      observe: own && ((name, x) => own.observe(name, x)),
      spelledLayers: hooks?.spelledLayers,
      dropout,
      adapterDropout,
    });
    const parameters = parametersFor(this.#pass, options);
    this.#loss = targetLoss(this.#graph, gpt2(this.#pass, parameters, config), config.vocabSize);
    this.#graph.output(this.#loss.loss);
    // An intervention may cut weights off.
    const find = own === undefined ? gradientsOf : gradientsOrZeros;
    const found = find(this.#loss.loss, [...trained, ...own?.activations ?? []]);
    found.slice(0, trained.length).forEach((gradient, i) => {
      storeResult(this.#graph, gradient, gradients, gradients.tensors[i]);
    });
    own?.output(found.slice(trained.length));
    this.#graph.allocate();
    this.#pass.writeConstants();
    graph.move();
  }

  /** Working memory, beside weights and gradients. */
  get workingBytes(): number {
    return this.#graph.workingBytes;
  }

  /**
   * Computes the gradients of a batch.
   *
   * @param settings `factor`: what the sum of the losses is multiplied with; `seed`: two numbers that decide what dropout
   *   leaves out; `kept`: takes what is kept of each text, where there are hooks; `signal` stops it
   * @returns that product, in nats
   * @throws {DOMException} `AbortError` (or the signal's own reason)
   */
  async run(
    { tokens, targets }: Batch,
    { factor, seed, kept = [], signal }: {
      readonly factor: number;
      readonly seed: readonly [number, number];
      readonly kept?: readonly TrainingText[];
      readonly signal?: AbortSignal;
    },
  ): Promise<number> {
    this.#graph.write(this.#pass.tokens, tokens);
    this.#pass.writeSeed(...seed);
    this.#loss.write(targets, factor);
    this.#hooks?.write(kept);
    await this.#graph.computeAsync(signal);
    this.#hooks?.keep(kept);
    return this.#graph.readF32(this.#loss.loss)[0];
  }

  /** Frees the working memory. */
  [Symbol.dispose](): void {
    this.#graph[Symbol.dispose]();
  }
}

/** The weights with what is added to them, of whose input a pass leaves out some. */
function parametersFor(
  pass: TrainingPass,
  { parameters, updates }: Pick<TrainingGraphOptions, "parameters" | "updates">,
): GPT2Parameters {
  if (updates === undefined) return parameters;
  const drop = (x: Tensor) => pass.dropAdapterInput(x);
  const dropping = updates.entries().map(([name, list]) =>
    [name, list.map((update) => ({ ...update, drop }))] as const
  );
  return adaptParameters(parameters, new Map(dropping));
}
