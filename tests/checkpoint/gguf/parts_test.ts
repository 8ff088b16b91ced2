/** Models that llama-gguf-split has cut into several files. */
import { fullLogits } from "../../model/full_logits.ts";
import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { FileFormatError } from "../../../src/base/errors.ts";
import { convertCheckpoint } from "../../../src/checkpoint/convert.ts";
import { loadCheckpoint } from "../../../src/checkpoint/load.ts";
import { openCheckpoint } from "../../../src/checkpoint/open_checkpoint.ts";
import { openLibrary } from "../../../src/native_library/native_library.ts";
import { copyFolder, plainFolder, TemporaryFolder } from "../folders.ts";
import { copyGguf, type GgufParts } from "../gguf_files.ts";

await openLibrary();

const COUNT = 3;

/** Writes the plain model in three parts; returns their paths. */
async function split(
  folder: TemporaryFolder,
  change: (parts: GgufParts, index: number) => void = () => {},
): Promise<string[]> {
  const whole = folder.file("whole.gguf");
  await convertCheckpoint(plainFolder, whole, { type: "f32" });
  const paths = [1, 2, 3].map((number) => folder.file(`m-0000${number}-of-00003.gguf`));
  for (const [index, path] of paths.entries()) {
    await copyGguf(whole, path, (parts) => {
      const { metadata, tensors } = parts;
      if (index > 0) metadata.clear();
      metadata.set("split.no", { type: "u16", value: index });
      metadata.set("split.count", { type: "u16", value: COUNT });
      metadata.set("split.tensors.count", { type: "i32", value: tensors.size });
      [...tensors.keys()].forEach((name, i) => {
        if (i % COUNT !== index) tensors.delete(name);
      });
      change(parts, index);
    });
  }
  return paths;
}

async function logitsOf(path: string): Promise<Float32Array> {
  const { model, tokenizer } = await loadCheckpoint(path, { threads: 1 });
  using _model = model;
  assertEquals(tokenizer!.vocabSize, 288);
  return await fullLogits(model, Int32Array.of(1, 2, 3), 1, 3);
}

Deno.test("any part of a model that was split stands for the whole", async () => {
  using folder = new TemporaryFolder();
  const paths = await split(folder);
  const expected = await logitsOf(plainFolder);
  for (const path of paths) assertEquals(await logitsOf(path), expected);
  // Converted, it is one file.
  const joined = folder.file("joined.gguf");
  await convertCheckpoint(paths[0], joined, { type: "f32" });
  assertEquals(await logitsOf(joined), expected);
  using checkpoint = await openCheckpoint(joined);
  assertEquals(checkpoint.gguf!.metadata.has("split.count"), false);
});

Deno.test("a missing part is named", async () => {
  using folder = new TemporaryFolder();
  const paths = await split(folder);
  Deno.removeSync(paths[1]);
  const error = await assertRejects(() => openCheckpoint(paths[0]), Deno.errors.NotFound);
  assertStringIncludes(error.message, "another part is missing");
  assertStringIncludes(error.message, "m-00002-of-00003.gguf");
});

Deno.test("a part under another name says which name it needs", async () => {
  using folder = new TemporaryFolder();
  const [path] = await split(folder);
  Deno.renameSync(path, folder.file("model.gguf"));
  await assertRejects(
    () => openCheckpoint(folder.file("model.gguf")),
    FileFormatError,
    "it is one of 3 parts, and its name must end in -00001-of-00003.gguf",
  );
});

const wrong: [what: string, change: (parts: GgufParts, index: number) => void, message: string][] =
  [
    ["a part in another's place", ({ metadata }, index) => {
      if (index === 1) metadata.set("split.no", { type: "u16", value: 2 });
    }, "it must be part 2 of 3"],
    ["a part of another number", ({ metadata }, index) => {
      if (index === 2) metadata.set("split.count", { type: "u16", value: 4 });
    }, "it must be part 3 of 3"],
    ["a part of nothing", ({ metadata }, index) => {
      if (index === 1) metadata.delete("split.no");
    }, "it must be part 2 of 3"],
    ["a tensor that is there twice", ({ tensors }, index) => {
      if (index === 0) return;
      const bytes = new Uint8Array(4);
      const extra = { name: "x.y", shape: [1], type: "f32" as const, bytes, produce: () => bytes };
      tensors.set("x.y", extra);
    }, "two of its parts have the same tensor"],
    ["an enormous number of parts", ({ metadata }) => {
      metadata.set("split.count", { type: "u32", value: 4_000_000_000 });
    }, "it is one of 4000000000 parts"],
  ];

for (const [what, change, message] of wrong) {
  Deno.test(`openCheckpoint() refuses ${what}`, async () => {
    using folder = new TemporaryFolder();
    const [path] = await split(folder, change);
    await assertRejects(() => openCheckpoint(path), FileFormatError, message);
  });
}

Deno.test("a model that says it is one part needs no name of a part", async () => {
  using folder = new TemporaryFolder();
  const source = await copyFolder(folder);
  const whole = folder.file("whole.gguf");
  await convertCheckpoint(source, whole, { type: "f32" });
  await copyGguf(whole, folder.file("one.gguf"), ({ metadata }) => {
    metadata.set("split.count", { type: "u16", value: 1 });
  });
  assertEquals(await logitsOf(folder.file("one.gguf")), await logitsOf(plainFolder));
});
