import { fullLogits } from "../model/full_logits.ts";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { loadCheckpoint } from "../../src/checkpoint/load.ts";
import { fileTypes } from "../../src/checkpoint/file_types.ts";
import { MappedWeights } from "../../src/checkpoint/mapped_weights.ts";
import { openCheckpoint } from "../../src/checkpoint/open_checkpoint.ts";
import { FileFormatError } from "../../src/base/errors.ts";
import { GPT2 } from "../../src/gpt2.ts";
import { GPT2Config } from "../../src/model/config.ts";
import { Weights } from "../../src/model/weights.ts";
import { Backend } from "../../src/tensor/backend.ts";
import { maxDifference } from "../close.ts";

// Rows that K-quants can store, and a vocabulary that does not fill the last tile.
const config = new GPT2Config({
  vocabSize: 331,
  contextLength: 32,
  embeddingDim: 256,
  numHeads: 4,
  numLayers: 2,
});
const tokens = Int32Array.from({ length: 12 }, (_, i) => i * 27);

async function logitsOf(path: string, options = {}): Promise<Float32Array> {
  using model = (await loadCheckpoint(path, { threads: 2, ...options })).model;
  return await fullLogits(model, tokens, 1, tokens.length);
}

Deno.test("weights used from a mapped file compute what weights written one by one do", async () => {
  const folder = await Deno.makeTempDir();
  try {
    using model = new GPT2(config, { seed: 5 });
    await model.saveSafetensors(`${folder}/written`);
    for (const type of fileTypes) {
      const path = `${folder}/${type}.gguf`;
      await model.saveGguf(path, { type });
      const mapped = await logitsOf(path);
      const written = await logitsOf(`${folder}/written`, { type });
      assertEquals(maxDifference(mapped, written), 0, type);
    }
    // The comparison can fail.
    const difference = maxDifference(
      await logitsOf(`${folder}/q4_0.gguf`),
      await logitsOf(`${folder}/q8_0.gguf`),
    );
    assert(difference > 0);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test({
  name: "MappedWeights has the offsets of weights that are used as they are stored, and no others",
  ignore: Deno.build.os === "windows",
  async fn() {
    const folder = await Deno.makeTempDir();
    try {
      using model = new GPT2(config, { seed: 5 });
      await model.saveGguf(`${folder}/model.gguf`, { type: "q8_0" });
      using checkpoint = await openCheckpoint(`${folder}/model.gguf`);
      using mapped = MappedWeights.open(
        checkpoint,
        ({ name }) => name === "finalNorm.bias" ? "f32" : "q4_0",
      )!;
      const offsets = [...checkpoint.weights.values()]
        .filter(({ spec }) => mapped.offsetOf(spec) !== undefined);
      assertEquals(offsets.map(({ spec }) => spec.name), ["finalNorm.bias"]);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

Deno.test({
  name: "MappedWeights stops to take weights into use when it is told to",
  ignore: Deno.build.os === "windows",
  async fn() {
    const folder = await Deno.makeTempDir();
    try {
      using model = new GPT2(config, { seed: 5 });
      await model.saveGguf(`${folder}/model.gguf`, { type: "f32" });
      using checkpoint = await openCheckpoint(`${folder}/model.gguf`);
      using mapped = MappedWeights.open(checkpoint, () => "f32")!;
      using backend = Backend.cpu({ threads: 1 });
      const { file } = mapped;
      using weights = new Weights(backend, config, () => "f32", {
        file,
        offsetOf: (spec) => mapped.offsetOf(spec),
      });
      assertEquals(await mapped.load(weights), []);
      const controller = new AbortController();
      const loading = mapped.load(weights, controller.signal);
      controller.abort();
      const error = await assertRejects(() => loading, DOMException);
      assertEquals(error.name, "AbortError");
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

Deno.test("a mapped weight that is not a number is refused, wherever it is", async () => {
  const folder = await Deno.makeTempDir();
  try {
    using model = new GPT2(config, { seed: 5 });
    const path = `${folder}/model.gguf`;
    await model.saveGguf(path, { type: "q8_0" });
    using checkpoint = await openCheckpoint(path);
    const bytes = await Deno.readFile(path);
    // The scale of the last block of a matrix, and the upper half of the last number of a vector.
    for (
      const [name, fromEnd] of [["blocks.1.mlpProjection.weight", 34], [
        "finalNorm.bias",
        2,
      ]] as const
    ) {
      const { offset, spec, storedName } = checkpoint.weights.get(name)!;
      const length = name === "finalNorm.bias" ? 4 * 256 : spec.shape[0] * spec.shape[1] / 32 * 34;
      const damaged = bytes.slice();
      damaged.set([0x80, 0x7f], offset + length - fromEnd); // All bits of the exponent.
      await Deno.writeFile(`${folder}/damaged.gguf`, damaged);
      await assertRejects(
        () => loadCheckpoint(`${folder}/damaged.gguf`),
        FileFormatError,
        storedName,
      );
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
