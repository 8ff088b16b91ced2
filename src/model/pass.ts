/**
 * What differs between one use of the forward pass and another.
 *
 * @module
 */
import { rearrange } from "../einops/einops.ts";
import type { Graph } from "../tensor/graph.ts";
import { lookup } from "../tensor/tables.ts";
import type { Tensor } from "../tensor/tensor.ts";

/**
 * One way of running the model: reading a whole text, continuing from a cache, capturing activations. The forward pass
 * itself is the same for all of them; it asks its pass for everything that is not.
 */
export interface Pass {
  /** The graph that is being built. */
  readonly graph: Graph;
  /** (batch seq), i32: which tokens. */
  readonly tokens: Tensor;
  /** (batch seq), i32: where each stands in its text. */
  readonly positions: Tensor;
  /**
   * (batch or 1, 1, seq_q, seq_k), f16: 0 where a query may look at a key, -Infinity where not. A pass whose attention is
   * all fused may know that in another way, and have none.
   */
  readonly mask?: Tensor;

  /**
   * Attention in one kernel that never writes the scores to memory; nothing where scores and weights are to be had.
   *
   * @param layer index of the block
   * @param query (batch heads seq_q head_dim)
   * @param key (batch heads seq_k head_dim), as `remember()` returned it; and so the value
   * @param factor multiplied with the scores before the softmax
   * @returns (batch heads seq_q head_dim)
   */
  attendFused(
    layer: number,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    factor: number,
  ): Tensor | undefined;

  /**
   * Takes the keys and values of the new tokens and returns all that they may look at.
   *
   * @param layer index of the block
   * @param key (batch heads seq head_dim)
   * @param value (batch heads seq head_dim)
   * @returns both as (batch heads seq_k head_dim)
   */
  remember(layer: number, key: Tensor, value: Tensor): [key: Tensor, value: Tensor];

  /**
   * Called with every named activation; what it returns is used in its place.
   *
   * @param name path of what computed it: `blocks.3.attention.weights`
   */
  observe(name: string, activation: Tensor): Tensor;

  /**
   * The positions whose logits are wanted.
   *
   * @param x (batch seq embed)
   * @returns (batch seq_q embed), with fewer positions if not all are wanted
   */
  select(x: Tensor): Tensor;
}

/** The inputs of a pass, created in `graph`. */
export interface PassInputs {
  /** (batch seq), i32 */
  readonly tokens: Tensor;
  /** (batch seq), i32 */
  readonly positions: Tensor;
}

/** Creates the inputs for `batch` texts of `seq` tokens. */
export function createInputs(graph: Graph, batch: number, seq: number): PassInputs {
  return {
    tokens: graph.input([batch, seq], "i32", "tokens"),
    positions: graph.input([batch, seq], "i32", "positions"),
  };
}

/**
 * Creates the mask for texts of `seq` new tokens, which look at `seqK` remembered ones, the new included.
 *
 * @param batch number of texts, or 1 if one mask serves all of them
 */
export function createMask(graph: Graph, batch: number, seq: number, seqK: number): Tensor {
  return graph.input([batch, 1, seq, seqK], "f16", "mask");
}

/**
 * The residual stream at some positions.
 *
 * @param x (batch seq embed)
 * @param rows (batch count), i32: rows of (batch seq)
 * @returns (batch count embed)
 */
export function selectRows(x: Tensor, rows: Tensor): Tensor {
  return lookup(rearrange(x, "batch seq embed -> (batch seq) embed"), rows);
}

const HALF_MINUS_INFINITY = 0xfc00;

/**
 * The causal mask in half precision: query `s` of text `b` stands at position `starts[b] + s` and may look at keys up to
 * that position.
 *
 * @returns (starts.length, 1, seq, seqK), as the bits of f16
 */
export function causalMask(
  starts: readonly number[],
  seq: number,
  seqK: number,
): Uint16Array<ArrayBuffer> {
  const mask = new Uint16Array(starts.length * seq * seqK);
  starts.forEach((start, text) => {
    for (let s = 0; s < seq; s++) {
      const row = (text * seq + s) * seqK;
      mask.fill(HALF_MINUS_INFINITY, row + Math.min(start + s + 1, seqK), row + seqK);
    }
  });
  return mask;
}
