import { fullLogits } from "../model/full_logits.ts";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { basename, relative } from "node:path";
import { convertCheckpoint } from "../../src/checkpoint/convert.ts";
import { fileTypes } from "../../src/checkpoint/file_types.ts";
import { loadCheckpoint } from "../../src/checkpoint/load.ts";
import { saveGguf } from "../../src/checkpoint/gguf/save_gguf.ts";
import { saveSafetensors } from "../../src/checkpoint/hugging_face/save_safetensors.ts";
import { StorageError } from "../../src/base/errors.ts";
import { GPT2Config } from "../../src/model/config.ts";
import { initializeWeights } from "../../src/model/initialize.ts";
import { Model } from "../../src/model/model.ts";
import { Weights } from "../../src/model/weights.ts";
import { Backend } from "../../src/tensor/backend.ts";
import { copyFolder, plainFolder, readTensors, TemporaryFolder, valuesOf } from "./folders.ts";
import { copyGguf, readGguf } from "./gguf_files.ts";
import { goldenModels, quickModel, writeGoldenModel } from "./golden_model.ts";
import { digestsOf } from "./tensor_digests.ts";
import { openLibrary } from "../../src/native_library/native_library.ts";

await openLibrary();

Deno.test("saveSafetensors() writes the tensors that transformers wrote", async () => {
  using folder = new TemporaryFolder();
  const { model, tokenizer } = await loadCheckpoint(plainFolder, { threads: 1 });
  using _model = model;
  const saved = folder.file("deep/saved");
  await saveSafetensors(model, tokenizer, saved);
  const expected = readTensors(`${plainFolder}/model.safetensors`);
  const actual = readTensors(`${saved}/model.safetensors`);
  assertEquals([...actual.keys()].sort(), [...expected.keys()].sort());
  for (const [name, tensor] of expected) assertEquals(actual.get(name), tensor, name);
});

Deno.test("saveSafetensors() writes a configuration with the values that transformers wrote", async () => {
  using folder = new TemporaryFolder();
  const { model, tokenizer } = await loadCheckpoint(plainFolder, { threads: 1 });
  using _model = model;
  await saveSafetensors(model, tokenizer, folder.path);
  assertEquals(folder.names(), [
    "config.json",
    "generation_config.json",
    "merges.txt",
    "model.safetensors",
    "tokenizer.json",
    "tokenizer_config.json",
    "vocab.json",
  ]);
  const read = (path: string) => JSON.parse(Deno.readTextFileSync(path));
  const theirs = read(`${plainFolder}/config.json`);
  const { n_ctx, ...ours } = read(folder.file("config.json"));
  assertEquals(n_ctx, 48); // Which older versions, and llama.cpp's converter, read.
  for (const [key, value] of Object.entries(ours)) assertEquals(value, theirs[key], key);
  assertEquals(
    read(folder.file("tokenizer_config.json")),
    read(`${plainFolder}/tokenizer_config.json`),
  );
  assertEquals(read(folder.file("vocab.json")), read(`${plainFolder}/vocab.json`));
});

Deno.test("what saveSafetensors() and saveGguf() write loads again as the same model", async () => {
  using folder = new TemporaryFolder();
  const { model, tokenizer } = await loadCheckpoint(plainFolder, { threads: 1 });
  using _model = model;
  const [hf, gguf] = [folder.file("hf"), folder.file("model.gguf")];
  await saveSafetensors(model, tokenizer, hf);
  await saveGguf(model, tokenizer, gguf);
  const tokens = Int32Array.of(1, 5, 20, 3);
  const expected = await fullLogits(model, tokens, 1, 4);
  for (const path of [hf, gguf]) {
    const loaded = await loadCheckpoint(path, { threads: 1 });
    using _loaded = loaded.model;
    assertEquals(loaded.model.config, model.config);
    assertEquals(await fullLogits(loaded.model, tokens, 1, 4), expected);
    assertEquals(loaded.tokenizer!.tokens, tokenizer!.tokens);
    assertEquals(loaded.tokenizer!.merges, tokenizer!.merges);
    assertEquals(loaded.tokenizer!.endOfTextId, tokenizer!.endOfTextId);
  }
});

Deno.test("a model without tokenizer and without checkpoint can be saved", async () => {
  using folder = new TemporaryFolder();
  using model = createModel(GPT2Config.tiny());
  const [hf, gguf] = [folder.file("hf"), folder.file("model.gguf")];
  await saveSafetensors(model, undefined, hf);
  await saveGguf(model, undefined, gguf);
  for (const path of [hf, gguf]) {
    const loaded = await loadCheckpoint(path, { threads: 1 });
    using _loaded = loaded.model;
    assertEquals(loaded.tokenizer, undefined);
    for (const { name } of model.weights.specs) {
      assertEquals(loaded.model.weights.read(name), model.weights.read(name), name);
    }
  }
});

Deno.test("saveGguf() writes the weights as they are in memory, repacked or not", async () => {
  using folder = new TemporaryFolder();
  const source = folder.file("source.gguf");
  await writeGoldenModel(source, quickModel);
  for (const type of fileTypes) {
    const [converted, saved] = [folder.file(`${type}.gguf`), folder.file("saved.gguf")];
    await convertCheckpoint(source, converted, { type });
    // Both from the file that has them in this type, and from the one that has not.
    for (const path of [converted, source]) {
      const { model } = await loadCheckpoint(path, { type, threads: 1 });
      using _model = model;
      await saveGguf(model, undefined, saved);
      assertEquals(await digestsOf(saved), await digestsOf(converted), type);
      const fileType = readGguf(saved).metadata.get("general.file_type");
      assertEquals(fileType, readGguf(converted).metadata.get("general.file_type"));
    }
  }
});

Deno.test("saveGguf() converts to a type", async () => {
  using folder = new TemporaryFolder();
  const [source, expected, saved] = ["a", "b", "c"].map((name) => folder.file(`${name}.gguf`));
  await writeGoldenModel(source, goldenModels.narrow);
  await convertCheckpoint(source, expected, { type: "q5_0" });
  const { model } = await loadCheckpoint(source, { threads: 1 });
  using _model = model;
  await saveGguf(model, undefined, saved, { type: "q5_0" });
  assertEquals(await digestsOf(saved), await digestsOf(expected));
});

Deno.test("saving an untied model keeps its projection", async () => {
  using folder = new TemporaryFolder();
  const path = await copyFolder(folder, {
    tensors: (tensors) => {
      const embedding = tensors.get("transformer.wte.weight")!;
      tensors.set("lm_head.weight", { ...embedding, bytes: embedding.bytes.slice() });
      valuesOf(tensors, "lm_head.weight")[0] = 3;
    },
  });
  const { model, tokenizer } = await loadCheckpoint(path, { threads: 1 });
  using _model = model;
  const [hf, gguf] = [folder.file("hf"), folder.file("model.gguf")];
  await saveSafetensors(model, tokenizer, hf);
  await saveGguf(model, tokenizer, gguf);
  const config = JSON.parse(Deno.readTextFileSync(`${hf}/config.json`));
  assertEquals(config.tie_word_embeddings, false);
  assertEquals(
    readTensors(`${hf}/model.safetensors`).get("lm_head.weight"),
    readTensors(`${path}/model.safetensors`).get("lm_head.weight"),
  );
  assert(readGguf(gguf).tensors.has("output.weight"));
});

Deno.test("repacked weights are not saved from a checkpoint that has changed", async () => {
  using folder = new TemporaryFolder();
  const [source, saved] = [folder.file("source.gguf"), folder.file("saved.gguf")];
  await writeGoldenModel(source, quickModel);
  const { model } = await loadCheckpoint(source, { type: "q4_0", threads: 1 });
  using _model = model;
  const isRepacked = model.weights.specs.some(({ name }) => model.weights.read(name) === undefined);
  await writeGoldenModel(source, quickModel);
  if (!isRepacked) return; // This processor has no layout of its own: nothing is read again.
  const error = await assertRejects(
    () => saveGguf(model, undefined, saved),
    Deno.errors.NotFound,
  );
  assertStringIncludes(error.message, "it is not the checkpoint that was loaded");
  assertEquals(folder.names(), ["source.gguf"]);
});

type Spelling = [what: string, spell: (path: string, folder: string) => string];

/** Ways to say where a checkpoint is, of which none is its real path. */
const plainSpellings: Spelling[] = [
  ["a relative path", (path) => relative(Deno.cwd(), path)],
  ["a path with dots", (path, folder) => `${folder}/../${basename(folder)}/./${basename(path)}`],
];
const linkedSpellings: Spelling[] = [
  ["a symbolic link", (path, folder) => {
    Deno.symlinkSync(path, `${folder}/link`);
    return `${folder}/link`;
  }],
  ["a path through a linked folder", (path, folder) => {
    Deno.symlinkSync(folder, `${folder}/folder`);
    return `${folder}/folder/${basename(path)}`;
  }],
];

/** Not everyone may make links there. */
const hasNoLinks = Deno.build.os === "windows";

for (const [what, spell] of [...plainSpellings, ...(hasNoLinks ? [] : linkedSpellings)]) {
  for (const kind of ["folder", "GGUF file"]) {
    Deno.test(`a ${kind} loaded from ${what} can be saved, also from elsewhere`, async () => {
      using folder = new TemporaryFolder();
      let path = folder.file("source.gguf");
      await writeGoldenModel(path, quickModel);
      if (kind === "folder") {
        const { model } = await loadCheckpoint(path, { threads: 1 });
        using _model = model;
        path = folder.file("source");
        await saveSafetensors(model, undefined, path);
      }
      // A type for which there is a layout of its own on many processors: then weights are read again.
      const { model } = await loadCheckpoint(spell(path, folder.path), {
        type: "q4_0",
        threads: 1,
      });
      using _model = model;
      const cwd = Deno.cwd();
      Deno.chdir(folder.path);
      try {
        await saveGguf(model, undefined, folder.file("saved.gguf"));
        await saveSafetensors(model, undefined, folder.file("saved"));
      } finally {
        Deno.chdir(cwd);
      }
      const expected = folder.file("expected.gguf");
      await convertCheckpoint(folder.file("source.gguf"), expected, { type: "q4_0" });
      assertEquals(await digestsOf(folder.file("saved.gguf")), await digestsOf(expected));
    });
  }
}

Deno.test({
  name:
    "a split model loaded through links, as from the hub's cache, can be saved, also from elsewhere",
  ignore: hasNoLinks,
  fn: saveSplitModelThroughLinks,
});

async function saveSplitModelThroughLinks() {
  using folder = new TemporaryFolder();
  const whole = folder.file("whole.gguf");
  await writeGoldenModel(whole, quickModel);
  Deno.mkdirSync(folder.file("snapshot"));
  for (const index of [0, 1]) {
    // The files behind the links have other names, as blobs have.
    const blob = folder.file(`blob${index}`);
    await copyGguf(whole, blob, ({ metadata, tensors }) => {
      if (index > 0) metadata.clear();
      metadata.set("split.no", { type: "u16", value: index });
      metadata.set("split.count", { type: "u16", value: 2 });
      [...tensors.keys()].forEach((name, i) => {
        if (i % 2 !== index) tensors.delete(name);
      });
    });
    Deno.symlinkSync(blob, folder.file(`snapshot/m-0000${index + 1}-of-00002.gguf`));
  }
  const expected = folder.file("expected.gguf");
  await convertCheckpoint(whole, expected, { type: "q4_0" });
  const cwd = Deno.cwd();
  for (const part of [1, 2]) {
    Deno.chdir(folder.path);
    try {
      const path = `snapshot/m-0000${part}-of-00002.gguf`;
      const { model } = await loadCheckpoint(path, { type: "q4_0", threads: 1 });
      using _model = model;
      Deno.chdir(cwd);
      await saveGguf(model, undefined, folder.file("saved.gguf"));
    } finally {
      Deno.chdir(cwd);
    }
    assertEquals(await digestsOf(folder.file("saved.gguf")), await digestsOf(expected));
  }
}

Deno.test("saving into a place that cannot be written is a StorageError", async () => {
  using folder = new TemporaryFolder();
  const { model, tokenizer } = await loadCheckpoint(plainFolder, { threads: 1 });
  using _model = model;
  Deno.writeTextFileSync(folder.file("file"), "");
  await assertRejects(() => saveSafetensors(model, tokenizer, folder.file("file/x")), StorageError);
  await assertRejects(() => saveGguf(model, tokenizer, folder.file("file/x")), StorageError);
});

Deno.test("a model cannot be saved after it was disposed of", async () => {
  using folder = new TemporaryFolder();
  const { model, tokenizer } = await loadCheckpoint(plainFolder, { threads: 1 });
  model[Symbol.dispose]();
  await assertRejects(
    () => saveGguf(model, tokenizer, folder.file("x.gguf")),
    TypeError,
    "disposed",
  );
  await assertRejects(() => saveSafetensors(model, tokenizer, folder.path), TypeError, "disposed");
  assertEquals(folder.names(), []);
});

/** Its largest matrices are several slabs. */
const wide = new GPT2Config({
  vocabSize: 5000,
  contextLength: 8,
  embeddingDim: 512,
  numHeads: 4,
  numLayers: 1,
  hiddenDim: 4500,
});

Deno.test("saving reads a slab of a weight at a time", async () => {
  using folder = new TemporaryFolder();
  using model = createModel(wide);
  const sizes: number[] = [];
  const { readPart } = model.weights;
  model.weights.readPart = (name, offset, target) => {
    sizes.push(target.length);
    return readPart.call(model.weights, name, offset, target);
  };
  await saveGguf(model, undefined, folder.file("model.gguf"));
  await saveSafetensors(model, undefined, folder.file("folder"));
  // Of 2^20 elements, see `row_converter.ts`.
  assertEquals(sizes.every((size) => size <= 2 ** 22), true, `${Math.max(...sizes)}`);
  const tensors = readTensors(folder.file("folder/model.safetensors"));
  assertEquals(
    valuesOf(tensors, "transformer.wte.weight"),
    new Float32Array(model.weights.read("tokenEmbedding")!.buffer),
  );
});

Deno.test("saveSafetensors() transposes matrices of several pieces", async () => {
  using folder = new TemporaryFolder();
  using model = createModel(wide);
  await saveSafetensors(model, undefined, folder.path);
  using loaded = (await loadCheckpoint(folder.path, { threads: 1 })).model;
  const tokens = Int32Array.of(1, 2, 4999);
  assertEquals(await fullLogits(loaded, tokens, 1, 3), await fullLogits(model, tokens, 1, 3));
});

Deno.test("a model that is disposed of while it is saved is an error, and leaves no file", async () => {
  for (const name of ["model.gguf", "folder"]) {
    using folder = new TemporaryFolder();
    const model = createModel(wide);
    const onProgress = () => model[Symbol.dispose]();
    const save = name === "folder" ? saveSafetensors : saveGguf;
    await assertRejects(
      () => save(model, undefined, folder.file(name), { onProgress }),
      TypeError,
      "disposed",
    );
    assertEquals(folder.names().filter((name) => name !== "folder"), []);
  }
});

function createModel(config: GPT2Config): Model {
  const backend = Backend.cpu({ threads: 1 });
  const weights = new Weights(backend, config, () => "f32");
  initializeWeights(weights, config, { seed: 1 });
  return new Model(config, weights, backend);
}

Deno.test("saveSafetensors() that fails removes the folders that it made, and no others", async () => {
  using folder = new TemporaryFolder();
  const { model, tokenizer } = await loadCheckpoint(plainFolder, { threads: 1 });
  using _model = model;
  Deno.mkdirSync(folder.file("mine"));
  for (const path of ["new", "mine", "mine/a/b/", "c/d"]) {
    const aborted = AbortSignal.abort();
    await assertRejects(
      () => saveSafetensors(model, tokenizer, folder.file(path), { signal: aborted }),
      DOMException,
    );
    assertEquals(folder.names(), ["mine"]);
    assertEquals(Array.from(Deno.readDirSync(folder.file("mine"))), []);
  }
  await saveSafetensors(model, tokenizer, folder.file("c/d"));
  assertEquals(folder.names(), ["c", "mine"]);
});
