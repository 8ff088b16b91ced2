/**
 * Where the time of a test goes.
 *
 * @module
 */
import { KeyValueCache } from "../../engine/key_value_cache.ts";
import { planPasses } from "../../engine/plan_passes.ts";
import { StepPass } from "../../engine/step_pass.ts";
import type { Model } from "../../model/model.ts";
import { Graph } from "../../tensor/graph.ts";
import { type OperationTime, profileGraph } from "../../tensor/profile_graph.ts";
import type { BenchTest } from "./bench_flags.ts";
import { randomTexts } from "./random_texts.ts";

/** Long texts are read in parts of this many tokens, as the engine does. */
const MAX_PREFILL_TOKENS = 512;

/** How often a pass is computed, one that writes a token and one that reads a text, after one that does not count. */
const DECODE_RUNS = 20;
const PREFILL_RUNS = 3;

/**
 * Computes one pass of a test, operation by operation: that which reads the whole text, or its first 512 tokens; or that
 * which writes the token in the middle.
 */
export function profilePass(model: Model, test: BenchTest): readonly OperationTime[] {
  const { kind, numTokens, depth, batch } = test;
  const isDecode = kind === "decode";
  const seq = isDecode ? 1 : Math.min(numTokens, MAX_PREFILL_TOKENS);
  const start = isDecode ? depth + (numTokens >> 1) : depth;
  using cache = new KeyValueCache(model, batch, start + seq, true);
  const texts = randomTexts(batch, seq, model.config.vocabSize);
  const [{ spans, shape }] = planPasses(
    texts.map((tokens, slot) => ({
      slot,
      start,
      tokens,
      logits: "last" as const,
      endsReading: true,
    })),
    model.hasRaggedAttention,
  );
  using graph = new Graph(model.backend);
  const pass = new StepPass(graph, cache, shape);
  graph.output(model.build(pass));
  graph.allocate();
  pass.write(spans);
  graph.compute();
  return profileGraph(graph, isDecode ? DECODE_RUNS : PREFILL_RUNS);
}
