/** The forward pass without an engine. */
import { causalMask, createInputs, createMask, type Pass } from "../../src/model/pass.ts";
import type { Graph } from "../../src/tensor/graph.ts";
import { flashAttention } from "../../src/tensor/flash_attention.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";

/** A pass over whole texts: nothing is remembered from before. Every position gets logits. */
export class FullPass implements Pass {
  readonly graph: Graph;
  readonly tokens: Tensor;
  readonly positions: Tensor;
  readonly mask: Tensor;

  /**
   * @param graph where the model is built
   * @param batch number of texts
   * @param seq tokens in each
   */
  constructor(graph: Graph, batch: number, seq: number) {
    this.graph = graph;
    // One causal mask serves all texts of the batch: shorter ones are padded at their end, where no one looks.
    const { tokens, positions } = createInputs(graph, batch, seq);
    this.tokens = tokens;
    this.positions = positions;
    this.mask = createMask(graph, 1, seq, seq);
  }

  /** Writes the tokens, text after text, and the causal mask. */
  write(tokens: Int32Array<ArrayBuffer>): void {
    const [batch, seq] = this.tokens.shape;
    this.graph.write(this.tokens, tokens);
    this.graph.write(
      this.positions,
      Int32Array.from({ length: batch * seq }, (_, i) => i % seq),
    );
    this.graph.write(this.mask, causalMask([0], seq, seq));
  }

  attendFused(
    _layer: number,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    factor: number,
  ): Tensor | undefined {
    if (this.graph.attention !== "fused") return undefined;
    return flashAttention(query, key, value, this.mask, factor);
  }

  remember(_layer: number, key: Tensor, value: Tensor): [key: Tensor, value: Tensor] {
    return [key, value];
  }

  observe(_name: string, activation: Tensor): Tensor {
    return activation;
  }

  select(x: Tensor): Tensor {
    return x;
  }
}
