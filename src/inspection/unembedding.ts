/**
 * In which direction of the residual stream a token lies.
 *
 * @module
 */
import { einsum } from "../einops/einops.ts";
import type { Engine } from "../engine/engine.ts";
import { Graph } from "../tensor/graph.ts";
import { lookup } from "../tensor/tables.ts";

/** Working memory for so many bytes of products is taken at a time. */
const CHUNK_BYTES = 2 ** 24;
/** Quantized weights are multiplied with rows in blocks of 8 bits: this number and 0 stay what they are in those. */
const EXACT = 127;

/**
 * The rows of the projection onto the vocabulary that make the logits of some tokens.
 *
 * @param ids the tokens
 * @returns for each of them (embed)
 */
export async function unembeddingRows(
  engine: Engine,
  ids: readonly number[],
  signal?: AbortSignal,
): Promise<Float32Array[]> {
  engine.model.checkUsable();
  const { weights, backend, config: { embeddingDim } } = engine.model;
  if (!weights.tied) return await productsWithUnitVectors(engine, ids, signal);
  return await engine.betweenPasses(async () => {
    using graph = new Graph(backend);
    const tokens = graph.input([ids.length], "i32", "tokens");
    const rows = graph.output(lookup(weights.parameters.tokenEmbedding, tokens));
    graph.allocate();
    graph.write(tokens, Int32Array.from(ids));
    await graph.computeAsync(signal);
    const data = graph.readF32(rows);
    return ids.map((_, i) => data.subarray(i * embeddingDim, (i + 1) * embeddingDim));
  });
}

/** A weight of its own may be packed for this processor: then it can be multiplied with, but not be read. */
async function productsWithUnitVectors(
  engine: Engine,
  ids: readonly number[],
  signal?: AbortSignal,
): Promise<Float32Array[]> {
  const { config: { embeddingDim }, weights, backend } = engine.model;
  const { vocabularyProjection } = weights.parameters;
  const [numColumns] = vocabularyProjection.shape;
  const bytesPerUnit = numColumns * Float32Array.BYTES_PER_ELEMENT;
  const numUnits = Math.min(embeddingDim, Math.max(1, Math.floor(CHUNK_BYTES / bytesPerUnit)));

  using graph = new Graph(backend);
  const units = graph.input([numUnits, embeddingDim], "f32", "unit vectors");
  const products = graph.output(
    einsum(units, vocabularyProjection, "unit embed, vocab embed -> unit vocab"),
  );
  graph.allocate();
  const rows = ids.map(() => new Float32Array(embeddingDim));
  const element = new Float32Array(1);
  for (let start = 0; start < embeddingDim; start += numUnits) {
    const written = new Float32Array(numUnits * embeddingDim);
    const end = Math.min(start + numUnits, embeddingDim);
    for (let i = start; i < end; i++) written[(i - start) * embeddingDim + i] = EXACT;
    await engine.betweenPasses(async () => {
      graph.write(units, written);
      await graph.computeAsync(signal);
    });
    for (let i = start; i < end; i++) {
      ids.forEach((id, token) => {
        graph.readF32(products, element, (i - start) * numColumns + id);
        rows[token][i] = element[0] / EXACT;
      });
    }
  }
  return rows;
}
