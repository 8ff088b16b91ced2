/** Whole texts in one pass, without the engine: what it computes has to be the same. */
import type { LowRankUpdates } from "../../src/model/adapt_parameters.ts";
import type { Model } from "../../src/model/model.ts";
import { Graph } from "../../src/tensor/graph.ts";
import { FullPass } from "./full_pass.ts";

/**
 * The logits of every position.
 *
 * @param tokens texts of equal length, one after another
 * @param updates what adapters add to weights
 * @returns (batch seq vocab)
 */
export async function fullLogits(
  model: Model,
  tokens: Int32Array<ArrayBuffer>,
  batch: number,
  seq: number,
  updates?: LowRankUpdates,
): Promise<Float32Array<ArrayBuffer>> {
  using graph = new Graph(model.backend, { attention: model.attention });
  const pass = new FullPass(graph, batch, seq);
  const logits = graph.output(model.build(pass, updates), "logits");
  graph.allocate();
  pass.write(tokens);
  await graph.computeAsync();
  const { vocabSize } = model.config;
  const columns = logits.shape[2];
  const result = new Float32Array(batch * seq * vocabSize);
  for (let row = 0; row < batch * seq; row++) {
    graph.readF32(logits, result.subarray(row * vocabSize, (row + 1) * vocabSize), row * columns);
  }
  return result;
}
