import { assertEquals, assertThrows } from "@std/assert";
import { GPT2Config } from "../../src/model/config.ts";
import {
  ADAPTER_TARGETS,
  type AdapterWeights,
  updateScale,
} from "../../src/model/adapter_weights.ts";
import { AppliedAdapters } from "../../src/model/applied_adapters.ts";
import type { Model } from "../../src/model/model.ts";
import { ModelAdapter } from "../../src/model/model_adapter.ts";
import { assertClose, maxDifference } from "../close.ts";
import { fullLogits } from "./full_logits.ts";
import { randomAdapter } from "./random_adapter.ts";
import { createReferenceModel } from "./reference.ts";

/** The same sums in another order. */
const MERGED_TOLERANCE = 2e-5;

const tokens = Int32Array.of(1, 2, 3, 4, 5, 6);
const targets = ADAPTER_TARGETS;

function logitsWith(model: Model, ...list: [adapter: ModelAdapter, scale: number][]) {
  const applied = new AppliedAdapters(list.map(([adapter, scale]) => ({ adapter, scale })));
  return fullLogits(model, tokens, 1, tokens.length, applied.updates);
}

/** Adds an adapter to the weights of a model, the plain way. */
function merge(model: Model, adapter: AdapterWeights, scale: number): void {
  for (const weight of adapter.weights) {
    const { name, rank, down, up } = weight;
    const bytes = model.weights.read(`${name}.weight`)!;
    const values = new Float32Array(bytes.buffer);
    const [numOut, numIn] = [up.length / rank, down.length / rank];
    const factor = scale * updateScale(adapter, weight);
    for (let o = 0; o < numOut; o++) {
      for (let i = 0; i < numIn; i++) {
        let sum = 0;
        for (let r = 0; r < rank; r++) sum += up[o * rank + r] * down[r * numIn + i];
        values[o * numIn + i] += factor * sum;
      }
    }
    model.weights.write(`${name}.weight`, bytes);
  }
}

Deno.test("a model with an adapter computes what one computes whose weights it was added to", async () => {
  using model = createReferenceModel("custom_shape");
  const first = randomAdapter(model.config, { rank: 3, alpha: 6, targets, seed: 1 });
  const second = randomAdapter(model.config, {
    rank: 5,
    targets: ["qkvProjection", "mlpProjection"],
    isRankStabilized: true,
    seed: 2,
  });
  using firstAdapter = new ModelAdapter(model, first);
  using secondAdapter = new ModelAdapter(model, second);
  const plain = await fullLogits(model, tokens, 1, tokens.length);
  const one = await logitsWith(model, [firstAdapter, 0.5]);
  const both = await logitsWith(model, [firstAdapter, 0.5], [secondAdapter, -0.7]);
  merge(model, first, 0.5);
  const merged = await fullLogits(model, tokens, 1, tokens.length);
  assertClose(one, merged, MERGED_TOLERANCE, "logits with an adapter");
  merge(model, second, -0.7);
  const mergedBoth = await fullLogits(model, tokens, 1, tokens.length);
  assertClose(both, mergedBoth, MERGED_TOLERANCE, "logits with two adapters");
  // Otherwise the above would say little.
  assertEquals(maxDifference(plain, one) > 0.01, true);
  assertEquals(maxDifference(one, both) > 0.01, true);
});

Deno.test("ModelAdapter gives back the weights that it was given", () => {
  using model = createReferenceModel("tiny");
  const weights = randomAdapter(model.config, { rank: 2, targets, isRankStabilized: true });
  using adapter = new ModelAdapter(model, weights);
  assertEquals(adapter.read(), weights);
});

Deno.test("new ModelAdapter() throws when it was made for a model of another size", () => {
  using model = createReferenceModel("tiny");
  const { embeddingDim, numHeads, numLayers } = model.config;
  const other = (sizes: Partial<GPT2Config>) =>
    randomAdapter(
      new GPT2Config({ ...model.config, hiddenDim: undefined, ...sizes }),
      { rank: 2 },
    );
  assertThrows(
    () => new ModelAdapter(model, other({ embeddingDim: 2 * embeddingDim, numHeads })),
    RangeError,
    `blocks.0.qkvProjection of the model is ${3 * embeddingDim} x ${embeddingDim}: received ` +
      `an update of ${6 * embeddingDim} x ${2 * embeddingDim}`,
  );
  assertThrows(
    () => new ModelAdapter(model, other({ numLayers: numLayers + 1 })),
    RangeError,
    `the model has ${numLayers} blocks: received an update of blocks.${numLayers}.qkvProjection`,
  );
});

Deno.test("an adapter goes with its model, and is of no use after that", () => {
  const model = createReferenceModel("tiny");
  const adapter = new ModelAdapter(model, randomAdapter(model.config, { rank: 2 }));
  model[Symbol.dispose]();
  assertThrows(() => adapter.read(), TypeError, "Cannot use the adapter: it has been disposed of");
  adapter[Symbol.dispose]();
});
