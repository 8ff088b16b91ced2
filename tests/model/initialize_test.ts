import { assert, assertEquals } from "@std/assert";
import { GPT2Config } from "../../src/model/config.ts";
import { type InitializeOptions, initializeWeights } from "../../src/model/initialize.ts";
import { Weights } from "../../src/model/weights.ts";
import { Backend } from "../../src/tensor/backend.ts";

/** Of a standard deviation measured on 4096 values and more: five standard errors. */
const RELATIVE_ERROR = 5 / Math.sqrt(2 * 4096);

const backend = Backend.cpu({ threads: 1 });

function initialize(options?: InitializeOptions): Map<string, Float32Array> {
  using weights = new Weights(backend, GPT2Config.tiny(), () => "f32");
  initializeWeights(weights, GPT2Config.tiny(), options);
  return new Map(
    weights.specs.map(({ name }) => [name, new Float32Array(weights.read(name)!.buffer)]),
  );
}

Deno.test("initial weights are GPT-2's: normal matrices, zero biases, unit scales", () => {
  for (const [name, values] of initialize({ seed: 3 })) {
    if (name.endsWith(".bias")) assert(values.every((v) => v === 0), name);
    else if (name.includes("Norm")) assert(values.every((v) => v === 1), name);
    else {
      const deviation = Math.sqrt(values.reduce((sum, v) => sum + v * v, 0) / values.length);
      // Two layers: residual projections start half as large.
      const isResidual = name.endsWith("outputProjection.weight") || name.includes("mlpProjection");
      const expected = isResidual ? 0.01 : 0.02;
      assert(Math.abs(deviation / expected - 1) < RELATIVE_ERROR, `${name}: ${deviation}`);
    }
  }
});

Deno.test("scaleResidualInit: false starts residual projections like every other matrix", () => {
  const values = initialize({ scaleResidualInit: false }).get("blocks.0.mlpProjection.weight")!;
  const deviation = Math.sqrt(values.reduce((sum, v) => sum + v * v, 0) / values.length);
  assert(Math.abs(deviation / 0.02 - 1) < RELATIVE_ERROR);
});

Deno.test("the same seed gives the same weights, another seed others", () => {
  const [a, b, c] = [initialize({ seed: 1 }), initialize({ seed: 1 }), initialize({ seed: 2 })];
  assertEquals(a, b);
  assert(a.get("tokenEmbedding")![0] !== c.get("tokenEmbedding")![0]);
});
