/**
 * The forward pass over the tokens that are new, with everything before them remembered.
 *
 * @module
 */
import type { Graph } from "../tensor/graph.ts";
import { setRows } from "../tensor/ops.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { slice } from "../tensor/views.ts";
import { causalMask, createInputs, type Pass, selectRows } from "../model/pass.ts";
import type { KeyValueCache } from "./key_value_cache.ts";

/** New tokens of one text: where they begin, and which they are. */
export interface NewTokens {
  /** How many tokens of this text are remembered. */
  readonly start: number;
  /** The tokens that follow them; may be empty. */
  readonly tokens: ArrayLike<number>;
}

/**
 * A pass that writes keys and values into a cache and reads all of them back. Texts may be at different lengths and get
 * different numbers of new tokens; only the logits after the last new token of each are computed.
 */
export class CachedPass implements Pass {
  readonly graph: Graph;
  readonly tokens: Tensor;
  readonly positions: Tensor;
  readonly mask: Tensor;
  readonly #cache: KeyValueCache;
  /** (batch, 1, seq), i32: the cache row of each new token. */
  readonly #cacheRows: Tensor;
  /** (batch, 1), i32: the last new token of each text, as a row of (batch seq). */
  readonly #lastRows: Tensor | undefined;
  readonly #seq: number;
  readonly #seqK: number;

  /**
   * @param graph where the model is built
   * @param cache what is remembered
   * @param seq the most new tokens of any text
   * @param seqK how many cache rows attention looks at
   */
  constructor(graph: Graph, cache: KeyValueCache, seq: number, seqK: number) {
    this.graph = graph;
    this.#cache = cache;
    this.#seq = seq;
    this.#seqK = seqK;
    const { batch } = cache;
    const { tokens, positions, mask } = createInputs(graph, batch, seq, seqK);
    this.tokens = tokens;
    this.positions = positions;
    this.mask = mask;
    this.#cacheRows = graph.input([batch, 1, seq], "i32", "cache_rows");
    this.#lastRows = seq > 1 ? graph.input([batch, 1], "i32", "last_rows") : undefined;
  }

  /** Writes the inputs for one run. */
  write(texts: readonly NewTokens[]): void {
    const seq = this.#seq;
    const tokens = new Int32Array(texts.length * seq);
    const positions = new Int32Array(texts.length * seq);
    const rows = new Int32Array(texts.length * seq).fill(this.#cache.scratchRow);
    texts.forEach(({ start, tokens: added }, text) => {
      for (let s = 0; s < added.length; s++) {
        tokens[text * seq + s] = added[s];
        positions[text * seq + s] = start + s;
        rows[text * seq + s] = start + s;
      }
    });
    this.graph.write(this.tokens, tokens);
    this.graph.write(this.positions, positions);
    this.graph.write(this.#cacheRows, rows);
    this.graph.write(this.mask, causalMask(texts.map(({ start }) => start), seq, this.#seqK));
    if (this.#lastRows !== undefined) {
      const last = texts.map(({ tokens }, text) => text * seq + Math.max(tokens.length - 1, 0));
      this.graph.write(this.#lastRows, Int32Array.from(last));
    }
  }

  remember(layer: number, key: Tensor, value: Tensor): [key: Tensor, value: Tensor] {
    const cache = this.#cache.layers[layer];
    const seen = (memory: Tensor, added: Tensor) =>
      slice(setRows(memory, added, this.#cacheRows), 2, 0, this.#seqK);
    return [seen(cache.key, key), seen(cache.value, value)];
  }

  observe(_name: string, activation: Tensor): Tensor {
    return activation;
  }

  select(x: Tensor): Tensor {
    return this.#lastRows === undefined ? x : selectRows(x, this.#lastRows);
  }
}
