import { fullLogits } from "./full_logits.ts";
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { Random } from "../../src/base/random.ts";
import { quantize } from "../../src/checkpoint/quantize.ts";
import { GPT2Config } from "../../src/model/config.ts";
import { Model } from "../../src/model/model.ts";
import { type ParameterSpec, parameterSpecs } from "../../src/model/parameters.ts";
import { byteLength, Weights } from "../../src/model/weights.ts";
import { openLibrary } from "../../src/native_library/native_library.ts";
import { Backend } from "../../src/tensor/backend.ts";
import { numElements } from "../../src/tensor/shape.ts";

await openLibrary();

/** Its token embedding is written on another thread, with rows of padding where the processor has memory of its own for it. */
const config = new GPT2Config({
  vocabSize: 4501,
  contextLength: 8,
  embeddingDim: 1024,
  numHeads: 8,
  numLayers: 1,
  hiddenDim: 64,
});

function typeOf({ kind, part }: ParameterSpec): "f32" | "q8_0" {
  return kind === "bias" || kind === "scale" || part === "positionEmbedding" ? "f32" : "q8_0";
}

/** The same weights each time, in their types. */
async function* makeWeights(): AsyncGenerator<[name: string, data: Uint8Array<ArrayBuffer>]> {
  const random = new Random(1);
  for (const spec of parameterSpecs(config)) {
    const values = new Float32Array(numElements(spec.shape)).map(() => 0.1 * random.normal());
    const bytes = new Uint8Array(values.buffer);
    const stored = new Uint8Array(byteLength(spec.shape, typeOf(spec)));
    const isQuantized = typeOf(spec) === "q8_0";
    if (isQuantized) await quantize(values, "q8_0", spec.shape[1], stored);
    yield [spec.name, isQuantized ? stored : bytes];
  }
}

Deno.test("writeAsync() puts weights where write() does", async () => {
  const [expected, actual] = [1, 2].map(() => {
    const backend = Backend.cpu({ threads: 1 });
    return new Model(config, new Weights(backend, config, typeOf), backend);
  });
  using _expected = expected;
  using _actual = actual;
  for await (const [name, data] of makeWeights()) {
    expected.weights.write(name, data);
    await actual.weights.writeAsync(name, data);
  }
  const tokens = Int32Array.of(0, 1, 4499, 4500);
  const logits = await fullLogits(expected, tokens, 1, 4);
  assertEquals(logits.every(Number.isFinite), true);
  assertEquals(await fullLogits(actual, tokens, 1, 4), logits);
});

Deno.test("write() and writeAsync() refuse another number of bytes", async () => {
  using backend = Backend.cpu({ threads: 1 });
  using weights = new Weights(backend, config, typeOf);
  for (
    const [name, data] of [["finalNorm.bias", new Uint8Array(4)], ["x", new Uint8Array(0)]] as const
  ) {
    assertThrows(() => weights.write(name, data), TypeError, "Cannot set the weight");
    await assertRejects(() => weights.writeAsync(name, data), TypeError, "Cannot set the weight");
  }
});

Deno.test("readPart() reads a part of a weight, and nothing beyond it", () => {
  using backend = Backend.cpu({ threads: 1 });
  using weights = new Weights(backend, config, typeOf);
  const size = byteLength([config.contextLength, config.embeddingDim], "f32");
  weights.write("positionEmbedding", Uint8Array.from({ length: size }, (_, i) => i % 127));
  const whole = weights.read("positionEmbedding")!;
  const part = new Uint8Array(100);
  assertEquals(weights.readPart("positionEmbedding", 600, part), true);
  assertEquals(part, whole.slice(600, 700));
  assertThrows(() => weights.readPart("positionEmbedding", whole.length - 99, part), RangeError);
  assertThrows(() => weights.readPart("x", 0, part), TypeError, "no such weight");
});
