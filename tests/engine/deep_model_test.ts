import { fullLogits } from "../model/full_logits.ts";
import { assertEquals } from "@std/assert";
import { Engine } from "../../src/engine/engine.ts";
import { GPT2Config, MAX_LAYERS } from "../../src/model/config.ts";
import { initializeWeights } from "../../src/model/initialize.ts";
import { Model } from "../../src/model/model.ts";
import { Weights } from "../../src/model/weights.ts";
import { Backend } from "../../src/tensor/backend.ts";
import { assertClose } from "../close.ts";

/** The same operations in another order of sums. */
const ROUNDING = 1e-5;

for (const attention of ["fused", "explicit"] as const) {
  Deno.test(`a model of as many layers as there may be is computed, attention ${attention}`, async () => {
    const config = new GPT2Config({
      vocabSize: 20,
      contextLength: 8,
      embeddingDim: 8,
      numHeads: 1,
      numLayers: MAX_LAYERS,
    });
    const backend = Backend.cpu({ threads: 1 });
    const weights = new Weights(backend, config, () => "f32");
    initializeWeights(weights, config);
    using model = new Model(config, weights, backend);
    Object.assign(model, { attention });
    const logits = await fullLogits(model, Int32Array.of(1, 2, 3), 1, 3);
    assertEquals(logits.length, 3 * config.vocabSize);
    using engine = new Engine(model);
    using sequence = engine.open();
    await engine.step([{ sequence, tokens: [1, 2], logits: "none" }]);
    const [next] = await engine.step([{ sequence, tokens: [3], logits: "last" }]);
    assertClose(next, logits.slice(-config.vocabSize), ROUNDING);
  });
}
