/**
 * What attention remembers between passes.
 *
 * @module
 */
import { tensorTypeInfo } from "../formats/tensor_type.ts";
import { Buffer } from "../tensor/buffer.ts";
import type { Place } from "../tensor/place.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Model } from "../model/model.ts";

/** Attention reads the cache in steps of this many positions; one graph serves all lengths within a step. */
export const CACHE_STEP = 64;

/**
 * Keys and values of all positions so far, for each layer and each text of a batch.
 *
 * The heads are the outer axis, so that a head reads its keys one after another from memory.
 */
export class KeyValueCache implements Disposable {
  /** (batch heads rows head_dim) for each layer. */
  readonly layers: readonly { readonly key: Tensor; readonly value: Tensor }[];
  /** Number of texts. */
  readonly batch: number;
  /** The row that takes what is not to be remembered: the padding of shorter texts. No mask ever lets it be seen. */
  readonly scratchRow: number;
  /** Rows allocated: a multiple of {@linkcode CACHE_STEP}, the last one being the scratch row. */
  readonly numRows: number;
  readonly #buffers: readonly Buffer[];

  /**
   * @param model whose keys and values are kept
   * @param batch number of texts
   * @param capacity positions per text
   */
  constructor(model: Model, batch: number, capacity: number) {
    const { numHeads, headDim } = model.config;
    this.batch = batch;
    this.numRows = rowsFor(capacity);
    this.scratchRow = this.numRows - 1;
    const spec = { shape: [batch, numHeads, this.numRows, headDim], dtype: model.cacheType };
    const { blocks } = model.weights.distribution;
    const layers: { key: Tensor; value: Tensor }[] = [];
    this.#buffers = Array.from(new Set(blocks), (place: Place) => {
      const numHere = blocks.filter((other) => other === place).length;
      const specs = new Array(2 * numHere).fill(spec);
      const buffer = new Buffer(model.backend, specs, place);
      // Attention multiplies rows it must not see by zero: they have to be numbers.
      buffer.fill(0);
      const { tensors } = buffer;
      // The blocks of a place follow one another.
      for (let i = 0; i < numHere; i++) {
        layers.push({ key: tensors[2 * i], value: tensors[2 * i + 1] });
      }
      return buffer;
    });
    this.layers = layers;
  }

  /** Frees the memory. */
  [Symbol.dispose](): void {
    for (const buffer of this.#buffers) buffer[Symbol.dispose]();
  }
}

/** The bytes that a cache takes. */
export function cacheBytes({ config, cacheType }: Model, batch: number, capacity: number): number {
  const elements = 2 * config.numLayers * batch * rowsFor(capacity) * config.embeddingDim;
  return elements * tensorTypeInfo(cacheType).blockBytes;
}

/** Rows for so many positions: one more, for what is not to be remembered. */
function rowsFor(capacity: number): number {
  return Math.ceil((capacity + 1) / CACHE_STEP) * CACHE_STEP;
}
