/**
 * The forward pass over whole texts, of which gradients are wanted.
 *
 * @module
 */
import { causalMask, createInputs, createMask, type Pass } from "../model/pass.ts";
import type { Graph } from "../tensor/graph.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { copy } from "../tensor/views.ts";
import type { Dropout } from "../tensor/training/dropout.ts";
import { differentiableAttention } from "../tensor/training/differentiable_attention.ts";
import { differentiableDropout } from "../tensor/training/differentiable_dropout.ts";
import { hasTrainingKernels } from "../tensor/training/has_training_kernels.ts";

/** Called with every activation of a pass; what it returns is used in its place. */
export type Observe = (name: string, activation: Tensor) => Tensor;

/**
 * Where GPT-2 has dropout: what is added to the residual stream, what it begins with, and the attention weights, which the
 * fused kernel drops itself.
 */
const DROPPED = /^embedding$|^blocks\.\d+\.((attention|mlp)\.output|attention\.weights)$/;

/** Options of {@linkcode TrainingPass}. */
export interface TrainingPassOptions {
  /** See {@linkcode Observe}. */
  readonly observe?: Observe;
  /** The blocks whose attention is spelled out, so that scores and weights can be observed. Default: none. */
  readonly spelledLayers?: ReadonlySet<number>;
  /** The share of activations that are left out at random. Default: 0. */
  readonly dropout?: number;
  /** The same of what adapters read. Default: 0. */
  readonly adapterDropout?: number;
}

/** Reads `batch` texts of `seq` tokens from their beginning; all logits are wanted, and nothing is remembered. */
export class TrainingPass implements Pass {
  readonly graph: Graph;
  readonly tokens: Tensor;
  readonly positions: Tensor;
  readonly mask: Tensor | undefined;
  readonly #observe: Observe;
  readonly #spelledLayers: ReadonlySet<number>;
  readonly #isFused: boolean;
  readonly #dropout: number;
  readonly #adapterDropout: number;
  /** (2), i32: another one in each step. */
  readonly #seed: Tensor | undefined;
  /** How many dropouts there are: each draws numbers of its own. */
  #numStreams = 0;

  /**
   * @param graph a differentiable one
   * @param batch number of texts
   * @param seq their tokens
   * @param options see {@linkcode TrainingPassOptions}
   */
  constructor(
    graph: Graph,
    batch: number,
    seq: number,
    options: TrainingPassOptions = {},
  ) {
    const { observe = (_name, x) => x, spelledLayers = new Set() } = options;
    const { dropout = 0, adapterDropout = 0 } = options;
    this.graph = graph;
    this.#observe = observe;
    this.#spelledLayers = spelledLayers;
    this.#isFused = hasTrainingKernels(graph.backend);
    this.#dropout = dropout;
    this.#adapterDropout = adapterDropout;
    const isRandom = dropout > 0 || adapterDropout > 0;
    this.#seed = isRandom ? graph.input([2], "i32", "seed") : undefined;
    const { tokens, positions } = createInputs(graph, batch, seq);
    this.tokens = tokens;
    this.positions = positions;
    // The kernel for attention knows what comes before what.
    const hasMask = !this.#isFused || spelledLayers.size > 0;
    this.mask = hasMask ? createMask(graph, 1, seq, seq) : undefined;
  }

  observe(name: string, activation: Tensor): Tensor {
    let observed = this.#observe(name, activation);
    // The gradient of the loss is put where the logits were, which an operation of the hook may need on the way back.
    if (name === "logits" && observed !== activation) {
      observed = copy(observed);
    }
    const dropout = DROPPED.test(name) ? this.#nextDropout() : undefined;
    return dropout === undefined ? observed : differentiableDropout(observed, dropout);
  }

  /** What an adapter reads, of which a share is left out. */
  dropAdapterInput(x: Tensor): Tensor {
    const dropout = this.#nextDropout(this.#adapterDropout);
    return dropout === undefined ? x : differentiableDropout(x, dropout);
  }

  #nextDropout(probability = this.#dropout): Dropout | undefined {
    if (this.#seed === undefined || probability === 0) return undefined;
    return { probability, seed: this.#seed, stream: this.#numStreams++ };
  }

  attendFused(
    layer: number,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    factor: number,
  ): Tensor | undefined {
    if (!this.#isFused || this.#spelledLayers.has(layer)) return undefined;
    return differentiableAttention(query, key, value, factor, this.#nextDropout());
  }

  remember(_layer: number, key: Tensor, value: Tensor): [Tensor, Tensor] {
    return [key, value];
  }

  select(x: Tensor): Tensor {
    return x;
  }

  /** Writes what is left out in the next run. */
  writeSeed(seed: number, step: number): void {
    if (this.#seed !== undefined) this.graph.write(this.#seed, Int32Array.of(seed, step));
  }

  /** Writes what is the same in every run. Call it once, when the graph has its memory. */
  writeConstants(): void {
    const [batch, seq] = this.tokens.shape;
    this.graph.write(this.positions, Int32Array.from({ length: batch * seq }, (_, i) => i % seq));
    if (this.mask !== undefined) this.graph.write(this.mask, causalMask([0], seq, seq));
  }
}
