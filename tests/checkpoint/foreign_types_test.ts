/** Types that llama.cpp can make and this package cannot: they are read, computed with, and converted. */
import { fullLogits } from "../model/full_logits.ts";
import { assert, assertEquals } from "@std/assert";
import { convertCheckpoint } from "../../src/checkpoint/convert.ts";
import { loadCheckpoint } from "../../src/checkpoint/load.ts";
import { dequantize, isWeightType, type WeightType } from "../../src/checkpoint/quantize.ts";
import { tensorTypeInfo } from "../../src/formats/tensor_type.ts";
import { openLibrary } from "../../src/native_library/native_library.ts";
import { maxDifference } from "../close.ts";
import { copyGguf } from "./gguf_files.ts";
import { TemporaryFolder } from "./folders.ts";
import { quickModel, writeGoldenModel } from "./golden_model.ts";

/** NumPy and C multiply in another order here and there. */
const RELATIVE_ERROR = 1e-6;
/** While it multiplies, ggml rounds the other operand to eight bits, whatever the type of the matrix. */
const ACTIVATION_ERROR = 0.03;

const reference: Record<string, { bytes: string; values: string }> = JSON.parse(
  Deno.readTextFileSync(new URL("../fixtures/formats/dequantized.json", import.meta.url)),
);

await openLibrary();

for (const [type, { bytes, values }] of Object.entries(reference)) {
  const blocks = Uint8Array.fromBase64(bytes);
  const expected = new Float32Array(Uint8Array.fromBase64(values).buffer);
  assert(isWeightType(type), type);

  Deno.test(`dequantize() reads ${type} as the Python package gguf does`, async () => {
    const actual = new Float32Array(expected.length);
    await dequantize(blocks, type, actual);
    const largest = expected.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
    assert(largest > 0);
    assert(maxDifference(actual, expected) <= RELATIVE_ERROR * largest);
  });

  Deno.test(`a model with matrices in ${type} computes what it computes with their values`, async () => {
    using folder = new TemporaryFolder();
    const [plain, quantized, widened] = ["plain", "quantized", "widened"].map((name) =>
      folder.file(`${name}.gguf`)
    );
    await writeGoldenModel(plain, quickModel);
    await copyGguf(plain, quantized, ({ tensors }) => {
      for (
        const name of ["blk.0.attn_output.weight", "blk.0.ffn_down.weight", "token_embd.weight"]
      ) {
        const tensor = tensors.get(name)!;
        const repeated = repeat(blocks, bytesFor(type, tensor.shape));
        tensors.set(name, { ...tensor, type, bytes: repeated, produce: () => repeated });
      }
    });
    await convertCheckpoint(quantized, widened, { type: "f32" });
    const [original, exact, actual] = [
      await logitsOf(plain),
      await logitsOf(widened),
      await logitsOf(quantized),
    ];
    const range = exact.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
    assert(maxDifference(actual, exact) < ACTIVATION_ERROR * range);
    assert(maxDifference(original, exact) > ACTIVATION_ERROR * range);
  });
}

Deno.test("every type of the reference is a type of weights, and there are others", () => {
  assertEquals(Object.keys(reference).length, 13);
});

function bytesFor(type: WeightType, shape: readonly number[]): number {
  const { blockSize, blockBytes } = tensorTypeInfo(type);
  return shape.reduce((product, size) => product * size, 1) / blockSize * blockBytes;
}

function repeat(blocks: Uint8Array, length: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length }, (_, i) => blocks[i % blocks.length]);
}

async function logitsOf(path: string): Promise<Float32Array> {
  const { model } = await loadCheckpoint(path, { threads: 1 });
  using _model = model;
  return await fullLogits(model, Int32Array.of(1, 2, 3, 4), 1, 4);
}
