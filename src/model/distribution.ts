/**
 * Which place holds which part of a model.
 *
 * @module
 */
import type { Backend } from "../tensor/backend.ts";
import type { Place } from "../tensor/place.ts";
import type { GPT2Config } from "./config.ts";
import type { ParameterSpec } from "./parameters.ts";

/**
 * Spreads a model over the places of a backend.
 *
 * Rows of the embeddings are looked up on the host: that reads a few rows of a large table, and not every device can do it
 * for every type. The blocks go to the places in order, and the projection onto the vocabulary to the last, so that each
 * place computes once for a token.
 */
export class Distribution {
  /** Where tokens and positions are looked up. */
  readonly lookup: Place;
  /** Where each block is, with its keys and values. */
  readonly blocks: readonly Place[];
  /** Where the logits are computed. */
  readonly projection: Place;

  /**
   * @param backend what computes
   * @param config sizes of the model
   */
  constructor({ host, places }: Pick<Backend, "host" | "places">, config: GPT2Config) {
    const { numLayers, embeddingDim, hiddenDim, vocabSize } = config;
    this.lookup = host;
    this.projection = places[places.length - 1];
    // Each block is as large as the others; the projection counts for as many as it is large.
    const blockSize = embeddingDim * (4 * embeddingDim + 2 * hiddenDim);
    const total = numLayers * blockSize + vocabSize * embeddingDim;
    const ends = places.map((_, i) =>
      total * places.slice(0, i + 1).reduce((sum, { share }) => sum + share, 0)
    );
    this.blocks = Array.from({ length: numLayers }, (_, layer) => {
      const middle = (layer + 0.5) * blockSize;
      return places[ends.findIndex((end) => middle < end)] ?? this.projection;
    });
  }

  /** Where a weight belongs. */
  placeOf({ layer, kind }: ParameterSpec): Place {
    if (kind === "embedding") return this.lookup;
    return layer === undefined ? this.projection : this.blocks[layer];
  }
}
