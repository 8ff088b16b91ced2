/** What comes with a model beside its weights survives being saved, converted and saved again. */
import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { FileFormatError } from "../../../src/base/errors.ts";
import { convertCheckpoint } from "../../../src/checkpoint/convert.ts";
import { saveGguf } from "../../../src/checkpoint/gguf/save_gguf.ts";
import { saveSafetensors } from "../../../src/checkpoint/hugging_face/save_safetensors.ts";
import { loadCheckpoint } from "../../../src/checkpoint/load.ts";
import { openCheckpoint } from "../../../src/checkpoint/open_checkpoint.ts";
import { assertFormatError } from "../../formats/error_cases.ts";
import { copyFolder, TemporaryFolder } from "../folders.ts";
import { copyGguf, readGguf } from "../gguf_files.ts";
import type { GgufValue } from "../../../src/formats/gguf_value.ts";
import { openLibrary } from "../../../src/native_library/native_library.ts";

await openLibrary();

const config = {
  attn_pdrop: 0.25,
  embd_pdrop: 0.5,
  resid_pdrop: 0.125,
  eos_token_id: [287, 5],
  bos_token_id: 286,
  pad_token_id: 7,
  task_specific_params: { "text-generation": { do_sample: true, max_length: 50 } },
  something_new: [1, null, "x"],
};
const files = {
  // The numbers are written as Python writes floats.
  "generation_config.json": '{"eos_token_id": [4, 5], "temperature": 1.0, "pad_token_id": 7}',
  "tokenizer_config.json": JSON.stringify({
    tokenizer_class: "GPT2Tokenizer",
    add_prefix_space: false,
    bos_token: "<|endoftext|>",
    eos_token: "<|endoftext|>",
    pad_token: "<|pad|>",
    model_max_length: 48,
    chat_template: "{{ messages }}",
  }),
  "special_tokens_map.json": '{"pad_token": "<|pad|>"}',
  "chat_template.jinja": "{{ messages[0] }}\n",
};

function read(folder: string, name: string) {
  const text = Deno.readTextFileSync(`${folder}/${name}`);
  return name.endsWith(".json") ? JSON.parse(text) : text;
}

async function resave(path: string, target: string): Promise<string> {
  const { model, tokenizer } = await loadCheckpoint(path, { threads: 1 });
  using _model = model;
  await saveSafetensors(model, tokenizer, target);
  return target;
}

/** Saves the checkpoint at `path` as a GGUF file, by the way that is not a conversion. */
async function saveAsGguf(path: string, target: string): Promise<string> {
  const { model, tokenizer } = await loadCheckpoint(path, { threads: 1 });
  using _model = model;
  await saveGguf(model, tokenizer, target);
  return target;
}

Deno.test("what comes with a model survives being saved as a folder and as a GGUF file", async () => {
  using folder = new TemporaryFolder();
  const path = await copyFolder(folder, { config, files });
  const gguf = folder.file("converted.gguf");
  await convertCheckpoint(path, gguf, { type: "f32" });
  const saved = [
    await resave(path, folder.file("saved")),
    await resave(gguf, folder.file("from_converted")),
    await resave(await saveAsGguf(path, folder.file("saved.gguf")), folder.file("from_saved")),
  ];
  for (const target of saved) {
    const written = read(target, "config.json");
    // Also eos_token_id, though generation_config.json goes first.
    for (const [key, value] of Object.entries(config)) {
      assertEquals(written[key], value, `${target} ${key}`);
    }
    for (const [name, text] of Object.entries(files)) {
      if (name === "generation_config.json") continue;
      assertEquals(read(target, name), name.endsWith(".json") ? JSON.parse(text) : text, name);
    }
    const generation = Deno.readTextFileSync(`${target}/generation_config.json`);
    assertEquals(JSON.parse(generation), JSON.parse(files["generation_config.json"]));
    assertStringIncludes(generation, '"temperature": 1.0');
  }
});

const endings: [eos: unknown, ids: number[] | undefined][] = [
  [undefined, undefined],
  [null, []],
  [-1, []],
  [3, [3]],
  [[3, 4], [3, 4]],
  [[3, 4, 5, 6, 8], [3, 4, 5, 6, 8]],
];

for (const [eos, ids] of endings) {
  Deno.test(`eos_token_id ${JSON.stringify(eos)} ends texts alike in every file`, async () => {
    using folder = new TemporaryFolder();
    const path = await copyFolder(folder, { config: { eos_token_id: eos } });
    const gguf = folder.file("model.gguf");
    await convertCheckpoint(path, gguf, { type: "f32" });
    // Where nothing says, the tokenizer does: from then on the files say so.
    const written = ids ?? [287];
    for (const [file, expected] of [[path, ids], [gguf, written]] as const) {
      using checkpoint = await openCheckpoint(file);
      assertEquals(checkpoint.settings.endOfTextIds, expected);
    }
    const saved = await resave(gguf, folder.file("saved"));
    using checkpoint = await openCheckpoint(saved);
    assertEquals(checkpoint.settings.endOfTextIds, written);
    const value = written.length > 1 ? written : written[0] ?? null;
    assertEquals(read(saved, "config.json").eos_token_id, eos === undefined ? value : eos);
    assertEquals(read(saved, "generation_config.json").eos_token_id, value);
  });
}

Deno.test("a generation_config.json that does not say leaves no token that ends a text", async () => {
  using folder = new TemporaryFolder();
  const text = '{"temperature": 1.0}';
  const path = await copyFolder(folder, {
    config: { eos_token_id: 5 },
    files: { "generation_config.json": text },
  });
  const gguf = await saveAsGguf(path, folder.file("model.gguf"));
  const saved = await resave(gguf, folder.file("saved"));
  // transformers 5.24 generates with eos_token_id None from such a folder, whatever config.json says.
  for (const file of [path, gguf, saved]) {
    using checkpoint = await openCheckpoint(file);
    assertEquals(checkpoint.settings.endOfTextIds, [], file);
    assertEquals((await checkpoint.readTokenizer())!.endOfTextId, 287, file);
  }
  assertEquals(read(saved, "config.json").eos_token_id, 5);
  assertEquals(read(saved, "generation_config.json"), { temperature: 1 });
});

/** A copy of the plain model as llama.cpp's converter writes one, with `<s>`, `</s>`, `<pad>` and `<unk>` as its last tokens. */
async function foreignGguf(
  folder: TemporaryFolder,
  entries: Record<string, GgufValue>,
): Promise<string> {
  const own = folder.file("own.gguf");
  await convertCheckpoint(await copyFolder(folder), own, { type: "f32" });
  const path = folder.file("foreign.gguf");
  await copyGguf(own, path, ({ metadata }) => {
    for (const key of [...metadata.keys()]) {
      if (key.startsWith("huggingface.") || /_token_id|chat_template/.test(key)) {
        metadata.delete(key);
      }
    }
    metadata.set("tokenizer.ggml.merges", { type: "string[]", value: [] });
    const tokens = metadata.get("tokenizer.ggml.tokens")!.value as string[];
    metadata.set("tokenizer.ggml.tokens", {
      type: "string[]",
      value: [...tokens.slice(0, 283), "<s>", "</s>", "<pad>", "<unk>", "<|endoftext|>"],
    });
    const types = Int32Array.from({ length: 288 }, (_, id) => id < 283 ? 1 : 3);
    metadata.set("tokenizer.ggml.token_type", { type: "i32[]", value: types });
    for (const [key, value] of Object.entries(entries)) metadata.set(key, value);
  });
  return path;
}

function assertHas(value: Record<string, unknown>, expected: Record<string, unknown>): void {
  assertEquals(value, { ...value, ...expected });
}

const u32 = (value: number): GgufValue => ({ type: "u32", value });

const roleIds: Record<string, GgufValue> = {
  "tokenizer.ggml.bos_token_id": u32(283),
  "tokenizer.ggml.eos_token_id": u32(284),
  "tokenizer.ggml.padding_token_id": u32(285),
  "tokenizer.ggml.unknown_token_id": u32(286),
};

Deno.test("tokens with a role in a GGUF file have it in the folder that is saved, and back", async () => {
  using folder = new TemporaryFolder();
  const saved = await resave(await foreignGguf(folder, roleIds), folder.file("saved"));
  const ids = { bos_token_id: 283, eos_token_id: 284, pad_token_id: 285 };
  assertHas(read(saved, "config.json"), ids);
  assertEquals(read(saved, "generation_config.json"), ids);
  assertHas(read(saved, "tokenizer_config.json"), {
    bos_token: "<s>",
    eos_token: "</s>",
    pad_token: "<pad>",
    unk_token: "<unk>",
  });
  const gguf = folder.file("again.gguf");
  await convertCheckpoint(saved, gguf, { type: "f32" });
  const { metadata } = readGguf(gguf);
  for (const [key, value] of Object.entries(roleIds)) assertEquals(metadata.get(key), value, key);
});

Deno.test("ordinary tokens that have a role are not made special by it", async () => {
  using folder = new TemporaryFolder();
  const path = await foreignGguf(folder, {
    ...roleIds,
    "tokenizer.ggml.padding_token_id": u32(5),
  });
  const saved = await resave(path, folder.file("saved"));
  assertEquals(read(saved, "config.json").pad_token_id, 5);
  assertEquals(read(saved, "tokenizer_config.json").pad_token, undefined);
});

Deno.test("a file of settings may have the same size in a folder and in a GGUF file", async () => {
  using folder = new TemporaryFolder();
  const template = (value: string) => ({ "tokenizer.chat_template": { type: "string", value } });
  const entries = template("é".repeat(2 ** 20)) as Record<string, GgufValue>;
  const saved = await resave(await foreignGguf(folder, entries), folder.file("saved"));
  using checkpoint = await openCheckpoint(saved);
  assertEquals(checkpoint.settings.files.get("chat_template.jinja")!.length, 2 ** 20);
  const large = "é".repeat(2 ** 23) + "x";
  await copyGguf(folder.file("own.gguf"), folder.file("large.gguf"), ({ metadata }) => {
    metadata.set("tokenizer.chat_template", { type: "string", value: large });
  });
  Deno.writeTextFileSync(`${saved}/chat_template.jinja`, large);
  for (const path of [folder.file("large.gguf"), saved]) {
    const error = await assertRejects(() => openCheckpoint(path), FileFormatError);
    assertStringIncludes(error.message, "larger than 16777216 bytes");
  }
});

Deno.test("numbers as Python writes them stay as they were in generation_config.json", async () => {
  using folder = new TemporaryFolder();
  const text =
    '{"eos_token_id": 5, "repetition_penalty": Infinity, "x": [NaN, -Infinity, 1e400], "y": "NaN \\" 1e400"}';
  const path = await copyFolder(folder, { files: { "generation_config.json": text } });
  const gguf = await saveAsGguf(path, folder.file("model.gguf"));
  const saved = await resave(gguf, folder.file("saved"));
  for (const file of [path, gguf, saved]) {
    using checkpoint = await openCheckpoint(file);
    assertEquals(checkpoint.settings.endOfTextIds, [5], file);
  }
  assertEquals(Deno.readTextFileSync(`${saved}/generation_config.json`), text);
  const edited = folder.file("edited.gguf");
  await copyGguf(gguf, edited, ({ metadata }) => {
    metadata.set("tokenizer.ggml.eos_token_id", u32(6));
  });
  const changed = await resave(edited, folder.file("changed"));
  assertHas(read(changed, "generation_config.json"), { eos_token_id: 6, y: 'NaN " 1e400' });
  assertEquals(read(changed, "config.json").eos_token_id, 6);
});

Deno.test("a GGUF file that asks for a token after every text is refused", async () => {
  using folder = new TemporaryFolder();
  const path = await foreignGguf(folder, {
    "tokenizer.ggml.add_eos_token": { type: "bool", value: true },
  });
  using checkpoint = await openCheckpoint(path);
  const error = await assertRejects(() => checkpoint.readTokenizer(), FileFormatError);
  assertStringIncludes(error.message, "add_eos_token adds a token to the end of every text");
});

Deno.test("add_space_prefix of a GGUF file is in the folder that is saved", async () => {
  using folder = new TemporaryFolder();
  const path = await foreignGguf(folder, {
    "tokenizer.ggml.add_space_prefix": { type: "bool", value: true },
  });
  const saved = await resave(path, folder.file("saved"));
  assertEquals(read(saved, "tokenizer_config.json").add_prefix_space, true);
  using checkpoint = await openCheckpoint(saved);
  assertEquals((await checkpoint.readTokenizer())!.addPrefixSpace, true);
});

const damaged: [name: keyof typeof files, text: string][] = [
  ["generation_config.json", "[]"],
  ["generation_config.json", '{"a": 1, "a": 2}'],
  ["generation_config.json", '{"a": Infinit}'],
  ["generation_config.json", '{"a": 01e400}'],
  ["tokenizer_config.json", '{"a": NaN}'],
  ["tokenizer_config.json", "<html>"],
  ["special_tokens_map.json", "null"],
  ["generation_config.json", '{"eos_token_id": "x"}'],
];

for (const [name, text] of damaged) {
  Deno.test(`openCheckpoint() refuses ${text} as ${name}`, async () => {
    using folder = new TemporaryFolder();
    const path = await copyFolder(folder, { files: { [name]: text } });
    const error = await assertRejects(() => openCheckpoint(path), FileFormatError);
    assertFormatError(error);
    assertStringIncludes(error.message, name);
  });
}
