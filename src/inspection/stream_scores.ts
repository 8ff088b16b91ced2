/**
 * What a residual stream says about the next token: the last two lines of the forward pass, on their own.
 *
 * @module
 */
import { einsum } from "../einops/einops.ts";
import type { Engine } from "../engine/engine.ts";
import { NO_TARGET, TargetScores, type TokenScore } from "../engine/target_scores.ts";
import { Graph } from "../tensor/graph.ts";
import { layerNorm } from "../tensor/normalization.ts";

/** Logits are computed for so many rows at a time that they take about this much memory. */
const CHUNK_BYTES = 2 ** 23;

/**
 * Normalizes residual streams as the model does with the last one, projects them onto the vocabulary with its own weights, of
 * whatever type and in whatever memory, and scores tokens where the logits are. A part of the rows is computed at a time, so
 * that there are never logits of all.
 *
 * @param streams (rows embed)
 * @param targets lists of tokens to score, each with one for each row, or `NO_TARGET`
 * @param numTop how many of the likeliest tokens are wanted with the scores of the first list
 * @returns the scores of each list; NaN where there is no target, or a logit is not a finite number
 * @throws {DOMException} `AbortError` (or the signal's own reason)
 */
export async function scoreStreams(
  engine: Engine,
  streams: Float32Array<ArrayBuffer>,
  targets: readonly (readonly number[])[],
  numTop: number,
  signal?: AbortSignal,
): Promise<TokenScore[][]> {
  engine.model.checkUsable();
  const { config: { embeddingDim, vocabSize, layerNormEpsilon }, weights, backend } = engine.model;
  const { finalNorm, vocabularyProjection } = weights.parameters;
  const numRows = streams.length / embeddingDim;
  const rowBytes = vocabSize * Float32Array.BYTES_PER_ELEMENT;
  const seq = Math.min(numRows, Math.max(1, Math.floor(CHUNK_BYTES / rowBytes)));

  using graph = new Graph(backend);
  const x = graph.input([1, seq, embeddingDim], "f32", "residual streams");
  const normalized = layerNorm(x, finalNorm.weight, finalNorm.bias, layerNormEpsilon);
  const logits = graph.output(
    einsum(normalized, vocabularyProjection, "batch seq embed, vocab embed -> batch seq vocab"),
  );
  const scorers = targets.map((_, i) =>
    new TargetScores(graph, logits, vocabSize, i === 0 ? numTop : 0)
  );
  graph.allocate();

  const scores: TokenScore[][] = targets.map(() => []);
  const chunk = new Float32Array(seq * embeddingDim);
  for (let start = 0; start < numRows; start += seq) {
    const end = Math.min(start + seq, numRows);
    chunk.set(streams.subarray(start * embeddingDim, end * embeddingDim));
    await engine.betweenPasses(async () => {
      graph.write(x, chunk);
      scorers.forEach((scorer, i) => {
        const own = targets[i].slice(start, end);
        scorer.write(graph, [...own, ...new Array(seq - own.length).fill(NO_TARGET)]);
      });
      await graph.computeAsync(signal);
    });
    scorers.forEach((scorer, i) => {
      scorer.read();
      for (let row = 0; row < end - start; row++) {
        scores[i].push(scorer.score(row, i === 0 ? numTop : 0));
      }
    });
  }
  return scores;
}
