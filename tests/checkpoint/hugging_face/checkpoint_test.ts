/** Tensors as people have them in folders: doubles, one name of two, heads of other tasks. */
import { fullLogits } from "../../model/full_logits.ts";
import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { FileFormatError } from "../../../src/base/errors.ts";
import { convertCheckpoint } from "../../../src/checkpoint/convert.ts";
import { loadCheckpoint } from "../../../src/checkpoint/load.ts";
import { openCheckpoint } from "../../../src/checkpoint/open_checkpoint.ts";
import { assertFormatError } from "../../formats/error_cases.ts";
import { copyFolder, plainFolder, TemporaryFolder, type TestTensor } from "../folders.ts";
import { openLibrary } from "../../../src/native_library/native_library.ts";

await openLibrary();

const tokens = Int32Array.of(1, 5, 20, 3);

async function logitsOf(path: string): Promise<Float32Array> {
  const { model } = await loadCheckpoint(path, { threads: 1 });
  using _model = model;
  return await fullLogits(model, tokens, 1, tokens.length);
}

function toDoubles(tensors: Map<string, TestTensor>): void {
  for (const tensor of tensors.values()) {
    const values = Float64Array.from(new Float32Array(tensor.bytes.slice().buffer));
    tensor.dtype = "F64";
    tensor.bytes = new Uint8Array(values.buffer);
  }
}

Deno.test("a folder in double precision is the same model", async () => {
  using folder = new TemporaryFolder();
  const path = await copyFolder(folder, { tensors: toDoubles });
  const expected = await logitsOf(plainFolder);
  assertEquals(await logitsOf(path), expected);
  const gguf = folder.file("model.gguf");
  await convertCheckpoint(path, gguf, { type: "f32" });
  assertEquals(await logitsOf(gguf), expected);
});

Deno.test("a folder with lm_head.weight alone is the same model", async () => {
  using folder = new TemporaryFolder();
  const path = await copyFolder(folder, {
    // What safetensors.torch.save_model() leaves of two names for one matrix.
    tensors: (tensors) => {
      tensors.set("lm_head.weight", tensors.get("transformer.wte.weight")!);
      tensors.delete("transformer.wte.weight");
    },
  });
  assertEquals(await logitsOf(path), await logitsOf(plainFolder));
  using checkpoint = await openCheckpoint(path);
  assertEquals(checkpoint.tied, true);
});

Deno.test("openCheckpoint() refuses an untied model without projection", async () => {
  using folder = new TemporaryFolder();
  const path = await copyFolder(folder, { config: { tie_word_embeddings: false } });
  const error = await assertRejects(() => openCheckpoint(path), FileFormatError);
  assertFormatError(error);
  assertStringIncludes(error.message, "there is no lm_head.weight");
});

Deno.test("an untied model keeps a projection of its own, whatever its configuration says", async () => {
  for (const tie_word_embeddings of [true, false]) {
    using folder = new TemporaryFolder();
    const path = await copyFolder(folder, {
      config: { tie_word_embeddings },
      tensors: (tensors) => {
        const { bytes, ...rest } = tensors.get("transformer.wte.weight")!;
        tensors.set("lm_head.weight", { ...rest, bytes: bytes.slice().reverse() });
      },
    });
    // Reversed bytes are numbers of any size: only where they are is looked at.
    using checkpoint = await openCheckpoint(path);
    assertEquals(checkpoint.tied, false);
  }
});

const otherHeads = [
  "v_head.summary.weight",
  "v_head.summary.bias",
  "score.weight",
  "classifier.bias",
  "qa_outputs.weight",
  "multiple_choice_head.summary.weight",
];

for (const names of [otherHeads, otherHeads.slice(-1)]) {
  Deno.test(`heads of other tasks are left out, and told: ${names.length}`, async () => {
    using folder = new TemporaryFolder();
    const path = await copyFolder(folder, {
      tensors: (tensors) => {
        for (const name of names) {
          tensors.set(name, { shape: [2], dtype: "F32", bytes: new Uint8Array(8) });
        }
      },
    });
    const notices: string[] = [];
    const onProgress = (progress: { step: string; text: string }) => notices.push(progress.text);
    const { model } = await loadCheckpoint(path, { threads: 1, onProgress });
    using _model = model;
    assertEquals(notices.length, 1);
    assertStringIncludes(
      notices[0],
      names.length === 1
        ? '1 tensor of another head is left out, "multiple_choice_head.summary.weight": what runs'
        : `${names.length} tensors of another head are left out, such as "`,
    );
    assertEquals(
      await fullLogits(model, tokens, 1, tokens.length),
      await logitsOf(plainFolder),
    );
    const told: string[] = [];
    const onNotice = (text: string) => told.push(text);
    await convertCheckpoint(path, folder.file("model.gguf"), { onNotice });
    assertEquals(told, notices);
  });
}
