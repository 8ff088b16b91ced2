/**
 * The forward pass over whole texts, of which gradients are wanted.
 *
 * @module
 */
import { causalMask, createInputs, createMask, type Pass } from "../model/pass.ts";
import type { Graph } from "../tensor/graph.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** Called with every activation of a pass; what it returns is used in its place. */
export type Observe = (name: string, activation: Tensor) => Tensor;

/** Reads `batch` texts of `seq` tokens from their beginning; all logits are wanted, and nothing is remembered. */
export class TrainingPass implements Pass {
  readonly graph: Graph;
  readonly tokens: Tensor;
  readonly positions: Tensor;
  readonly mask: Tensor;
  readonly observe: Observe;

  /**
   * @param graph a differentiable one
   * @param observe see {@linkcode Observe}
   */
  constructor(graph: Graph, batch: number, seq: number, observe: Observe = (_name, x) => x) {
    this.graph = graph;
    const { tokens, positions } = createInputs(graph, batch, seq);
    this.tokens = tokens;
    this.positions = positions;
    this.mask = createMask(graph, 1, seq, seq);
    this.observe = observe;
  }

  attendFused(): undefined {}

  remember(_layer: number, key: Tensor, value: Tensor): [Tensor, Tensor] {
    return [key, value];
  }

  select(x: Tensor): Tensor {
    return x;
  }

  /** Writes what is the same in every run. Call it once, when the graph has its memory. */
  writeConstants(): void {
    const [batch, seq] = this.tokens.shape;
    this.graph.write(this.positions, Int32Array.from({ length: batch * seq }, (_, i) => i % seq));
    this.graph.write(this.mask, causalMask([0], seq, seq));
  }
}
