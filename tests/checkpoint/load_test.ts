import { fullLogits } from "../model/full_logits.ts";
import {
  assert,
  assertEquals,
  assertNotEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { convertCheckpoint } from "../../src/checkpoint/convert.ts";
import { fileTypes, storedType } from "../../src/checkpoint/file_types.ts";
import { loadCheckpoint } from "../../src/checkpoint/load.ts";
import { FileFormatError } from "../../src/base/errors.ts";
import { loadParts } from "../../src/ffi/load_parts.ts";
import type { Model } from "../../src/model/model.ts";
import { crossEntropy } from "../../src/model/loss.ts";
import { parameterSpecs } from "../../src/model/parameters.ts";
import { assertClose } from "../close.ts";
import { readCase, readExpected, referencePath } from "../model/reference.ts";
import { copyFolder, plainFolder, TemporaryFolder, valuesOf } from "./folders.ts";
import { copyGguf } from "./gguf_files.ts";
import { quickModel, writeGoldenModel } from "./golden_model.ts";
import { openLibrary } from "../../src/native_library/native_library.ts";

await openLibrary();

/** What is promised: F32 logits equal those of transformers within this. */
const LOGIT_TOLERANCE = 1e-4;
const LOSS_TOLERANCE = 1e-5;

/** A few tokens that every model of these tests has. */
const TOKENS = Int32Array.of(1, 5, 20, 3);

async function logitsOf(path: string, type?: "f32" | "q8_0"): Promise<Float32Array> {
  using model = (await loadCheckpoint(path, { type, threads: 1 })).model;
  return await fullLogits(model, TOKENS, 1, TOKENS.length);
}

async function assertReferenceLogits(model: Model, name: string): Promise<void> {
  const expected = readExpected(name);
  const tokens = expected.get("tokens")!;
  const [batch, seq] = tokens.shape;
  const logits = await fullLogits(model, Int32Array.from(tokens.data), batch, seq);
  assertClose(logits, expected.get("logits")!.data, LOGIT_TOLERANCE, "logits");
  const loss = crossEntropy(logits, expected.get("targets")!.data, model.config.vocabSize);
  assertClose([loss], [readCase(name).loss], LOSS_TOLERANCE, "losses");
}

for (const name of ["hf_folder", "hf_folder_sharded", "hf_folder_f16", "hf_folder_bf16"]) {
  Deno.test(`logits of ${name} are those of transformers`, async () => {
    using model = (await loadCheckpoint(referencePath(name), { type: "f32", threads: 2 })).model;
    await assertReferenceLogits(model, name);
  });

  Deno.test(`logits of ${name} as an F32 GGUF file are those of transformers`, async () => {
    using folder = new TemporaryFolder();
    const path = folder.file("model.gguf");
    await convertCheckpoint(referencePath(name), path, { type: "f32" });
    using model = (await loadCheckpoint(path, { threads: 2 })).model;
    await assertReferenceLogits(model, name);
  });
}

Deno.test("loadCheckpoint() keeps stored types, but for small weights", async () => {
  for (const type of ["f32", "f16", "bf16"] as const) {
    const path = referencePath(type === "f32" ? "hf_folder" : `hf_folder_${type}`);
    using model = (await loadCheckpoint(path, { threads: 1 })).model;
    for (const { name, shape, dtype } of model.weights.specs) {
      const isSmall = shape.length === 1 || name === "positionEmbedding";
      assertEquals(dtype, isSmall ? "f32" : type, name);
    }
  }
});

Deno.test("loadCheckpoint() converts to each type as convertCheckpoint() does", async () => {
  using folder = new TemporaryFolder();
  const source = folder.file("source.gguf");
  await writeGoldenModel(source, quickModel);
  for (const type of fileTypes) {
    const converted = folder.file(`${type}.gguf`);
    await convertCheckpoint(source, converted, { type });
    using onTheWay = (await loadCheckpoint(source, { type, threads: 1 })).model;
    using before = (await loadCheckpoint(converted, { threads: 1 })).model;
    const { config } = onTheWay;
    assertEquals(
      onTheWay.weights.specs.map(({ dtype }) => dtype),
      parameterSpecs(config).map((spec) => storedType(type, spec, config)),
    );
    assertEquals(
      await fullLogits(onTheWay, TOKENS, 1, TOKENS.length),
      await fullLogits(before, TOKENS, 1, TOKENS.length),
      type,
    );
  }
});

Deno.test("loadCheckpoint() gives the tokenizer of the checkpoint, or none", async () => {
  using folder = new TemporaryFolder();
  const without = await copyFolder(folder, { remove: ["tokenizer.json"] });
  const { model, tokenizer } = await loadCheckpoint(plainFolder, { threads: 1 });
  using _model = model;
  assertEquals(tokenizer!.decode(tokenizer!.encode("to be")), "to be");
  const loaded = await loadCheckpoint(without, { threads: 1 });
  using _loaded = loaded.model;
  assertEquals(loaded.tokenizer, undefined);
});

Deno.test("loadCheckpoint() uses a vocabulary projection of its own", async () => {
  using folder = new TemporaryFolder();
  const path = await copyFolder(folder, {
    tensors: (tensors) => {
      const embedding = tensors.get("transformer.wte.weight")!;
      tensors.set("lm_head.weight", { ...embedding, bytes: embedding.bytes.slice() });
      const values = valuesOf(tensors, "lm_head.weight");
      for (let i = 0; i < values.length; i++) values[i] *= 2;
    },
  });
  const doubled = (await logitsOf(plainFolder)).map((logit) => 2 * logit);
  // The same sums, in which each product is twice as large.
  assertClose(await logitsOf(path), doubled, 1e-5);
  const gguf = folder.file("untied.gguf");
  await convertCheckpoint(path, gguf, { type: "f32" });
  assertClose(await logitsOf(gguf), doubled, 1e-5);
  // All types can be laid out for it, too.
  assertNotEquals(await logitsOf(path, "q8_0"), await logitsOf(path));
});

Deno.test("loadCheckpoint() refuses weights that are not finite, and frees what it took", async () => {
  using folder = new TemporaryFolder();
  const path = await copyFolder(folder, {
    tensors: (tensors) => {
      valuesOf(tensors, "transformer.wpe.weight")[47 * 32 + 31] = NaN;
    },
  });
  const error = await assertRejects(() => loadCheckpoint(path, { threads: 1 }), FileFormatError);
  assertStringIncludes(error.message, '"transformer.wpe.weight"');
  assertStringIncludes(error.message, "at [47, 31]: received NaN");
});

Deno.test("loadCheckpoint() refuses quantized blocks whose scale is not finite", async () => {
  using folder = new TemporaryFolder();
  const [good, bad] = [folder.file("good.gguf"), folder.file("bad.gguf")];
  await convertCheckpoint(plainFolder, good, { type: "q8_0" });
  await copyGguf(good, bad, ({ tensors }) => {
    const { bytes } = tensors.get("blk.0.ffn_down.weight")!;
    // The second block of row 3, all of whose numbers are its scale times its quants.
    new DataView(bytes.buffer, bytes.byteOffset).setUint16((3 * 2 + 1) * 34, 0x7c00, true);
  });
  for (const type of [undefined, "f32"] as const) {
    const error = await assertRejects(() => loadCheckpoint(bad, { type }), FileFormatError);
    assertStringIncludes(error.message, '"blk.0.ffn_down.weight"');
    assertStringIncludes(error.message, "at [3, 32]: received");
  }
});

Deno.test("loadCheckpoint() stops when it is told to", async () => {
  using folder = new TemporaryFolder();
  const path = folder.file("model.gguf");
  await writeGoldenModel(path, quickModel);
  await assertRejects(() => loadCheckpoint(path, { signal: AbortSignal.abort() }), DOMException);
  for (const type of ["q4_k_m", undefined] as const) { // Converted, and used as it is stored.
    const controller = new AbortController();
    const loading = loadCheckpoint(path, { signal: controller.signal, type });
    controller.abort();
    const error = await assertRejects(() => loading, DOMException);
    assertEquals(error.name, "AbortError");
  }
});

Deno.test("loadParts() leaves the rest when it is aborted", async () => {
  // More than is looked through before the signal arrives; each part is the same memory.
  const data = new Uint8Array(2 ** 20);
  const part = { data, count: data.length / 2, stride: 1, mask: 0x7c00 };
  const controller = new AbortController();
  const loading = loadParts(new Array(200_000).fill(part), 1, controller.signal);
  controller.abort();
  const error = await assertRejects(() => loading, DOMException);
  assertEquals(error.name, "AbortError");
});

Deno.test("loadCheckpoint() refuses a number of threads that cannot be", async () => {
  for (const threads of [0, 1.5, 1e9, NaN]) {
    await assertRejects(() => loadCheckpoint(plainFolder, { threads }), RangeError, `${threads}`);
  }
});

Deno.test("loadCheckpoint() does not find what is not there", async () => {
  await assertRejects(() => loadCheckpoint("/no/such/model"), Deno.errors.NotFound);
});

Deno.test("the comparison of logits can fail", async () => {
  using model = (await loadCheckpoint(plainFolder, { type: "q8_0", threads: 1 })).model;
  const error = await assertRejects(() => assertReferenceLogits(model, "hf_folder"), Error);
  assert(error.message.startsWith("logits differ by"));
});
