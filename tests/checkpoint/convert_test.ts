import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { convertCheckpoint } from "../../src/checkpoint/convert.ts";
import { fileTypeId } from "../../src/checkpoint/file_types.ts";
import { openCheckpoint } from "../../src/checkpoint/open_checkpoint.ts";
import { FileFormatError, InvalidArgumentError, StorageError } from "../../src/base/errors.ts";
import { referencePath } from "../model/reference.ts";
import { copyFolder, plainFolder, TemporaryFolder, valuesOf } from "./folders.ts";
import { copyGguf, readGguf } from "./gguf_files.ts";
import { goldenModels, writeGoldenModel } from "./golden_model.ts";
import { digestsOf } from "./tensor_digests.ts";
import { openLibrary } from "../../src/native_library/native_library.ts";

await openLibrary();

/** What a file says of itself, without tensors. */
function metadataOf(path: string): Record<string, unknown> {
  return Object.fromEntries([...readGguf(path).metadata].map(([key, { value }]) => [key, value]));
}

Deno.test("convertCheckpoint() describes the model as llama.cpp expects it", async () => {
  using folder = new TemporaryFolder();
  const target = folder.file("target.gguf");
  await convertCheckpoint(plainFolder, target, { type: "q8_0" });
  using source = await openCheckpoint(plainFolder);
  const { tokens, tokenTypes, merges } = (await source.readTokenizer())!;
  const textOf = (name: string) => Deno.readTextFileSync(`${plainFolder}/${name}`);
  assertEquals(metadataOf(target), {
    "general.architecture": "gpt2",
    "general.type": "model",
    "general.name": "hf_folder",
    "general.size_label": "28K",
    "gpt2.block_count": 2,
    "gpt2.context_length": 48,
    "gpt2.embedding_length": 32,
    "gpt2.feed_forward_length": 64,
    "gpt2.attention.head_count": 4,
    "gpt2.attention.layer_norm_epsilon": Math.fround(1e-5),
    "tokenizer.ggml.model": "gpt2",
    "tokenizer.ggml.pre": "gpt-2",
    "tokenizer.ggml.tokens": tokens,
    "tokenizer.ggml.token_type": tokenTypes,
    "tokenizer.ggml.merges": merges,
    "tokenizer.ggml.bos_token_id": 287,
    "tokenizer.ggml.unknown_token_id": 287,
    "tokenizer.ggml.eos_token_id": 287,
    "huggingface.config": textOf("config.json"),
    "huggingface.generation_config": textOf("generation_config.json"),
    "huggingface.tokenizer_config": textOf("tokenizer_config.json"),
    "general.quantization_version": 2,
    "general.file_type": fileTypeId("q8_0"),
  });
  assertEquals([...tokenTypes].filter((type) => type !== 1), [3]);
});

Deno.test("convertCheckpoint() keeps the weights of a folder, and gives them back as they were", async () => {
  using folder = new TemporaryFolder();
  const target = folder.file("target.gguf");
  await convertCheckpoint(plainFolder, target, { type: "f32" });
  using from = await openCheckpoint(plainFolder);
  using to = await openCheckpoint(target);
  assertEquals(to.config, from.config);
  assertEquals([...to.weights.keys()], [...from.weights.keys()]);
  for (const [name, { spec }] of from.weights) {
    const size = 4 * spec.shape.reduce((a, b) => a * b, 1);
    const [expected, actual] = [new Uint8Array(size), new Uint8Array(size)];
    from.readRows(name, 0, expected);
    to.readRows(name, 0, actual);
    assertEquals(actual, expected, name);
  }
  assertEquals((await to.readTokenizer())!.tokens, (await from.readTokenizer())!.tokens);
});

Deno.test("convertCheckpoint() gives the same file from shards as from one file", async () => {
  using folder = new TemporaryFolder();
  const [one, many] = [folder.file("one.gguf"), folder.file("many.gguf")];
  await convertCheckpoint(plainFolder, one, { type: "q4_0" });
  await convertCheckpoint(referencePath("hf_folder_sharded"), many, { type: "q4_0" });
  assertEquals(await digestsOf(many), await digestsOf(one));
  assertEquals(metadataOf(many), { ...metadataOf(one), "general.name": "hf_folder_sharded" });
});

for (const type of ["f16", "bf16"] as const) {
  Deno.test(`convertCheckpoint() widens ${type} exactly, and writes it back as it was`, async () => {
    using folder = new TemporaryFolder();
    const [wide, narrow] = [folder.file("wide.gguf"), folder.file("narrow.gguf")];
    const source = referencePath(`hf_folder_${type}`);
    await convertCheckpoint(source, wide, { type: "f32" });
    await convertCheckpoint(source, narrow, { type });
    using checkpoint = await openCheckpoint(source);
    const { tensors } = readGguf(narrow);
    const { tensors: wideTensors } = readGguf(wide);
    for (const [name, { shape, type: storedType, bytes }] of tensors) {
      const values = new Float32Array(wideTensors.get(name)!.bytes.slice().buffer);
      const isMatrix = shape.length === 2 && !name.startsWith("position");
      assertEquals(storedType, isMatrix ? type : "f32", name);
      if (!isMatrix) {
        assertEquals(bytes, wideTensors.get(name)!.bytes, name);
        continue;
      }
      const { buffer } = bytes.slice();
      const expected = type === "f16"
        ? Float32Array.from(new Float16Array(buffer))
        : new Float32Array(Uint32Array.from(new Uint16Array(buffer), (bits) => bits << 16).buffer);
      assertEquals(values, expected, name);
    }
    const stored = new Uint8Array(288 * 32 * 2);
    checkpoint.readRows("tokenEmbedding", 0, stored);
    assertEquals(tensors.get("token_embd.weight")!.bytes, stored);
  });
}

Deno.test("convertCheckpoint() keeps the metadata of a GGUF file, but what concerns its layout", async () => {
  using folder = new TemporaryFolder();
  const [plain, source, target] = ["a", "b", "c"].map((name) => folder.file(`${name}.gguf`));
  await convertCheckpoint(plainFolder, plain, { type: "f32" });
  await copyGguf(plain, source, ({ metadata }) => {
    metadata.set("general.license", { type: "string", value: "mit" });
    metadata.set("some.other.key", { type: "u8[]", value: Uint8Array.of(1, 2) });
    metadata.set("general.alignment", { type: "u32", value: 64 });
    metadata.set("split.count", { type: "u16", value: 1 });
  });
  await convertCheckpoint(source, target, { type: "q4_k_m", name: "Another name" });
  assertEquals(metadataOf(target), {
    ...metadataOf(plain),
    "general.name": "Another name",
    "general.license": "mit",
    "some.other.key": Uint8Array.of(1, 2),
    "general.file_type": fileTypeId("q4_k_m"),
  });
});

Deno.test("convertCheckpoint() converts what is quantized already", async () => {
  using folder = new TemporaryFolder();
  const [q8, f32, again] = ["q8", "f32", "again"].map((name) => folder.file(`${name}.gguf`));
  await convertCheckpoint(plainFolder, q8, { type: "q8_0" });
  await convertCheckpoint(q8, f32, { type: "f32" });
  await convertCheckpoint(f32, again, { type: "q8_0" });
  // The values of Q8_0 blocks are their own best approximation.
  assertEquals(await digestsOf(again), await digestsOf(q8));
});

Deno.test("convertCheckpoint() keeps an untied projection, and stores it as the more precise", async () => {
  using folder = new TemporaryFolder();
  const [source, target] = [folder.file("source.gguf"), folder.file("target.gguf")];
  await writeGoldenModel(source, { config: goldenModels.wide.config, tied: false });
  await convertCheckpoint(source, target, { type: "q4_0" });
  const digests = await digestsOf(target);
  assertEquals(digests["output.weight"].split(" ")[0], "q6_k");
  assertEquals(digests["token_embd.weight"].split(" ")[0], "q4_0");
});

Deno.test("convertCheckpoint() reports how far it is", async () => {
  using folder = new TemporaryFolder();
  const target = folder.file("target.gguf");
  const written: number[] = [];
  const totals = new Set<number>();
  await convertCheckpoint(plainFolder, target, {
    onProgress: ({ writtenBytes, totalBytes }) => {
      written.push(writtenBytes);
      totals.add(totalBytes);
    },
  });
  const { size } = Deno.statSync(target);
  assertEquals(written, written.toSorted((a, b) => a - b));
  assertEquals(written.at(-1), size);
  assertEquals([...totals], [size]);
});

Deno.test("convertCheckpoint() says that a folder is in the way, whether or not it may overwrite", async () => {
  using folder = new TemporaryFolder();
  for (const overwrite of [false, true]) {
    const { message } = await assertRejects(
      () => convertCheckpoint(plainFolder, folder.path, { overwrite }),
      StorageError,
    );
    assertStringIncludes(message, "received a folder. Choose another name.");
  }
  assertEquals([...Deno.readDirSync(folder.path)], []);
});

Deno.test("convertCheckpoint() replaces a file only when told to", async () => {
  using folder = new TemporaryFolder();
  const target = folder.file("target.gguf");
  Deno.writeTextFileSync(target, "precious");
  const error = await assertRejects(
    () => convertCheckpoint(plainFolder, target),
    Deno.errors.AlreadyExists,
  );
  assertStringIncludes(error.message, "target.gguf");
  assertEquals(Deno.readTextFileSync(target), "precious");
  await convertCheckpoint(plainFolder, target, { overwrite: true });
  (await openCheckpoint(target))[Symbol.dispose]();
});

Deno.test("convertCheckpoint() never replaces what it reads", async () => {
  using folder = new TemporaryFolder();
  const [source, link] = [folder.file("source.gguf"), folder.file("link.gguf")];
  await convertCheckpoint(plainFolder, source, { type: "f32" });
  const targets = [source, `${folder.path}/./source.gguf`];
  if (Deno.build.os !== "windows") { // Not everyone may make links there.
    Deno.symlinkSync(source, link);
    targets.push(link);
  }
  for (const target of targets) {
    await assertRejects(
      () => convertCheckpoint(source, target, { overwrite: true }),
      Deno.errors.AlreadyExists,
      "it is the file to convert",
    );
  }
});

Deno.test("convertCheckpoint() writes a file without tokenizer where a folder has none of GPT-2's", async () => {
  for (const other of ["", "vocab.txt"]) {
    using folder = new TemporaryFolder();
    const files: Record<string, string> = other === "" ? {} : { [other]: "[PAD]" };
    const path = await copyFolder(folder, { remove: ["tokenizer.json"], files });
    const target = folder.file("target.gguf");
    await convertCheckpoint(path, target);
    using checkpoint = await openCheckpoint(target);
    assertEquals(await checkpoint.readTokenizer(), undefined);
  }
});

Deno.test("convertCheckpoint() into a folder that is not there is a StorageError", async () => {
  using folder = new TemporaryFolder();
  await assertRejects(
    () => convertCheckpoint(plainFolder, folder.file("no/such/target.gguf")),
    StorageError,
  );
});

for (const value of [NaN, Infinity, -Infinity]) {
  Deno.test(`convertCheckpoint() refuses ${value} in weights, and says where`, async () => {
    using folder = new TemporaryFolder();
    const path = await copyFolder(folder, {
      tensors: (tensors) => {
        // Stored as (32, 64): row 3, column 5.
        valuesOf(tensors, "transformer.h.1.mlp.c_fc.weight")[3 * 64 + 5] = value;
      },
    });
    const target = folder.file("target.gguf");
    for (const type of ["f32", "q8_0"] as const) {
      const error = await assertRejects(
        () => convertCheckpoint(path, target, { type }),
        FileFormatError,
      );
      assertStringIncludes(error.message, '"transformer.h.1.mlp.c_fc.weight"');
      assertStringIncludes(error.message, `at [3, 5]: received ${value}`);
      assertEquals(error.path, path);
    }
    assertEquals(folder.names(), ["model"]);
  });
}

Deno.test("convertCheckpoint() refuses values beyond the range of the type", async () => {
  using folder = new TemporaryFolder();
  const path = await copyFolder(folder, {
    tensors: (tensors) => {
      valuesOf(tensors, "transformer.wte.weight")[7 * 32 + 1] = -1e6;
    },
  });
  const error = await assertRejects(
    () => convertCheckpoint(path, folder.file("target.gguf"), { type: "f16" }),
    InvalidArgumentError,
  );
  assertStringIncludes(error.message, '"transformer.wte.weight" as f16');
  assertStringIncludes(error.message, "at [7, 1]: received -1000000");
  assertEquals(folder.names(), ["model"]);
  await convertCheckpoint(path, folder.file("target.gguf"), { type: "bf16" });
});

Deno.test("convertCheckpoint() leaves nothing behind when it is aborted", async () => {
  using folder = new TemporaryFolder();
  const source = folder.file("source.gguf");
  const target = folder.file("target.gguf");
  await writeGoldenModel(source, goldenModels.wide);
  await assertRejects(
    () => convertCheckpoint(source, target, { signal: AbortSignal.abort() }),
    DOMException,
  );
  const controller = new AbortController();
  let numCalls = 0;
  const error = await assertRejects(
    () =>
      convertCheckpoint(source, target, {
        type: "q4_k_m",
        signal: controller.signal,
        onProgress: () => {
          if (++numCalls === 5) controller.abort();
        },
      }),
    DOMException,
  );
  assertEquals(error.name, "AbortError");
  assertEquals(numCalls, 5);
  assertEquals(folder.names(), ["source.gguf"]);
});

Deno.test("a conversion that is killed leaves no target, and the next one succeeds", async () => {
  using folder = new TemporaryFolder();
  const target = folder.file("target.gguf");
  const script = `
    import { convertCheckpoint } from "${import.meta.resolve("../../src/checkpoint/convert.ts")}";
    import { openLibrary } from "${
    import.meta.resolve("../../src/native_library/native_library.ts")
  }";
    await openLibrary();
    await convertCheckpoint(${JSON.stringify(plainFolder)}, ${JSON.stringify(target)}, {
      onProgress: ({ writtenBytes }) => {
        if (writtenBytes > 20_000) Deno.kill(Deno.pid, "SIGKILL");
      },
    });`;
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", "--no-lock", script],
    stdout: "null",
    stderr: "piped",
  }).output();
  assert(!success, "the child lived");
  assertEquals(new TextDecoder().decode(stderr), "");
  const [left, ...others] = folder.names();
  assertStringIncludes(left, ".incomplete");
  assertEquals(others, []);
  await convertCheckpoint(plainFolder, target);
  (await openCheckpoint(target))[Symbol.dispose]();
});
