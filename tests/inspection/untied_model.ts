/** A model whose vocabulary projection is a weight of its own. */
import { Random } from "../../src/base/random.ts";
import { quantizeRows } from "../../src/ffi/quantize.ts";
import { tensorTypeInfo } from "../../src/formats/tensor_type.ts";
import { GPT2Config } from "../../src/model/config.ts";
import { Model } from "../../src/model/model.ts";
import { byteLength, Weights } from "../../src/model/weights.ts";
import { Backend } from "../../src/tensor/backend.ts";

/**
 * Random weights, with a vocabulary projection of its own, whose rows are no multiple of what is packed together, and an
 * epsilon that matters.
 *
 * @param type that of the projection
 */
export async function untiedModel(type: "f32" | "q8_0"): Promise<Model> {
  const config = new GPT2Config({
    vocabSize: 71,
    contextLength: 16,
    embeddingDim: 64,
    numHeads: 4,
    numLayers: 2,
    layerNormEpsilon: 0.1,
  });
  const backend = Backend.cpu({ threads: 1 });
  const isProjection = (name: string) => name === "vocabularyProjection";
  const dtypeOf = ({ name }: { name: string }) => isProjection(name) ? type : "f32";
  const weights = new Weights(backend, config, dtypeOf, { tied: false });
  const random = new Random(1);
  for (const { name, shape, dtype } of weights.specs) {
    const size = shape.reduce((a, b) => a * b, 1);
    const values = Float32Array.from({ length: size }, () => 0.6 * (random.next() - 0.5));
    const bytes = new Uint8Array(byteLength(shape, dtype));
    if (dtype === "f32") bytes.set(new Uint8Array(values.buffer));
    else await quantizeRows(tensorTypeInfo(dtype).id, values, bytes, shape[0], shape[1]);
    weights.write(name, bytes);
  }
  return new Model(config, weights, backend);
}
