/**
 * What a residual stream says about the next token: the last two lines of the forward pass, on their own.
 *
 * @module
 */
import { einsum } from "../einops/einops.ts";
import type { Engine } from "../engine/engine.ts";
import { Graph } from "../tensor/graph.ts";
import { layerNorm } from "../tensor/ops.ts";

/**
 * Logits are computed for so many rows at a time that they take about this much memory, and reading them holds the event
 * loop for some milliseconds.
 */
const CHUNK_BYTES = 2 ** 22;

/**
 * Normalizes residual streams as the model does with the last one, and projects them onto the vocabulary with its own
 * weights, of whatever type and in whatever memory. A part of the rows is computed at a time, so that there are never
 * logits of all.
 *
 * @param streams (rows embed)
 * @param visit is called with the logits of each row, (vocab), in order; the array is used again
 * @throws {DOMException} `AbortError` (or the signal's own reason)
 */
export async function eachVocabularyLogits(
  engine: Engine,
  streams: Float32Array<ArrayBuffer>,
  visit: (logits: Float32Array<ArrayBuffer>, row: number) => void,
  signal?: AbortSignal,
): Promise<void> {
  engine.model.checkUsable();
  const { config: { embeddingDim, vocabSize, layerNormEpsilon }, weights, backend } = engine.model;
  const { finalNorm, vocabularyProjection } = weights.parameters;
  const numRows = streams.length / embeddingDim;
  const rowBytes = vocabSize * Float32Array.BYTES_PER_ELEMENT;
  const chunkRows = Math.min(numRows, Math.max(1, Math.floor(CHUNK_BYTES / rowBytes)));

  using graph = new Graph(backend);
  const x = graph.input([chunkRows, embeddingDim], "f32", "residual streams");
  const normalized = layerNorm(x, finalNorm.weight, finalNorm.bias, layerNormEpsilon);
  const logits = einsum(normalized, vocabularyProjection, "row embed, vocab embed -> row vocab");
  graph.output(logits);
  graph.allocate();

  const chunk = new Float32Array(chunkRows * embeddingDim);
  const rowLogits = new Float32Array(vocabSize);
  for (let start = 0; start < numRows; start += chunkRows) {
    const end = Math.min(start + chunkRows, numRows);
    chunk.set(streams.subarray(start * embeddingDim, end * embeddingDim));
    await engine.betweenPasses(async () => {
      graph.write(x, chunk);
      await graph.computeAsync(signal);
    });
    for (let row = start; row < end; row++) {
      // Columns of padding may follow those of the vocabulary.
      graph.readF32(logits, rowLogits, (row - start) * logits.shape[1]);
      visit(rowLogits, row);
    }
  }
}
