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
    for (const [key, value] of Object.entries(config)) {
      // generation_config.json goes first, and the two agree from then on.
      assertEquals(written[key], key === "eos_token_id" ? [4, 5] : value, `${target} ${key}`);
    }
    for (const [name, text] of Object.entries(files)) {
      if (name === "generation_config.json") continue;
      assertEquals(read(target, name), name.endsWith(".json") ? JSON.parse(text) : text, name);
    }
    const generation = Deno.readTextFileSync(`${target}/generation_config.json`);
    assertEquals(JSON.parse(generation), {
      bos_token_id: 4,
      ...JSON.parse(files["generation_config.json"]),
    });
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
    assertEquals(read(saved, "config.json").eos_token_id, value);
    assertEquals(read(saved, "generation_config.json").eos_token_id, value);
  });
}

const damaged: [name: keyof typeof files, text: string][] = [
  ["generation_config.json", "[]"],
  ["generation_config.json", '{"a": 1, "a": 2}'],
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
