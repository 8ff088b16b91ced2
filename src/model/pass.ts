/**
 * What differs between one use of the forward pass and another.
 *
 * @module
 */
import { rearrange } from "../einops/einops.ts";
import type { Graph } from "../tensor/graph.ts";
import { lookup } from "../tensor/ops.ts";
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
  /** (batch or 1, 1, seq_q, seq_k), f16: 0 where a query may look at a key, -Infinity where not. */
  readonly mask: Tensor;

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
  /** (batch or 1, 1, seq, seq_k), f16 */
  readonly mask: Tensor;
}

/** Creates the inputs for `batch` texts of `seq` new tokens, which look at `seqK` remembered ones, the new included. */
export function createInputs(
  graph: Graph,
  batch: number,
  seq: number,
  seqK: number,
  masks = batch,
): PassInputs {
  return {
    tokens: graph.input([batch, seq], "i32", "tokens"),
    positions: graph.input([batch, seq], "i32", "positions"),
    mask: graph.input([masks, 1, seq, seqK], "f16", "mask"),
  };
}

/** A pass over whole texts: nothing is remembered from before. Every position gets logits, or the last of each text. */
export class FullPass implements Pass {
  readonly graph: Graph;
  readonly tokens: Tensor;
  readonly positions: Tensor;
  readonly mask: Tensor;
  readonly #lengths: readonly number[] | undefined;
  /** (batch, 1), i32: the last token of each text, as a row of (batch seq). */
  readonly #lastRows: Tensor | undefined;

  /**
   * @param graph where the model is built
   * @param batch number of texts
   * @param seq tokens in each
   * @param lengths of the texts without padding, if only the last position of each is wanted
   */
  constructor(graph: Graph, batch: number, seq: number, lengths?: readonly number[]) {
    this.graph = graph;
    this.#lengths = lengths;
    this.#lastRows = lengths && graph.input([batch, 1], "i32", "last_rows");
    // One causal mask serves all texts of the batch: shorter ones are padded at their end, where no one looks.
    const { tokens, positions, mask } = createInputs(graph, batch, seq, seq, 1);
    this.tokens = tokens;
    this.positions = positions;
    this.mask = mask;
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
    if (this.#lastRows !== undefined) {
      const rows = this.#lengths!.map((length, text) => text * seq + length - 1);
      this.graph.write(this.#lastRows, Int32Array.from(rows));
    }
  }

  remember(_layer: number, key: Tensor, value: Tensor): [key: Tensor, value: Tensor] {
    return [key, value];
  }

  observe(_name: string, activation: Tensor): Tensor {
    return activation;
  }

  select(x: Tensor): Tensor {
    return this.#lastRows === undefined ? x : selectRows(x, this.#lastRows);
  }
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
