import { assert, assertRejects } from "@std/assert";
import { FileFormatError } from "../../../src/base/errors.ts";
import { readAdapter } from "../../../src/checkpoint/adapters/read_adapter.ts";
import { saveAdapter } from "../../../src/checkpoint/adapters/save_adapter.ts";
import type { GgufValue } from "../../../src/formats/gguf_value.ts";
import { writeGguf } from "../../../src/formats/gguf_writer.ts";
import { writeSafetensors } from "../../../src/formats/safetensors_writer.ts";
import { GPT2Config } from "../../../src/model/config.ts";
import { openLibrary } from "../../../src/native_library/native_library.ts";
import { randomAdapter } from "../../model/random_adapter.ts";
import { readTensors, TemporaryFolder, type TestTensor } from "../folders.ts";
import { quickModel, writeGoldenModel } from "../golden_model.ts";
import { adapterPath, baseConfig, basePath } from "./fixtures.ts";

await openLibrary();

const WEIGHTS = "adapter_model.safetensors";
const CONFIG = "adapter_config.json";
const PREFIX = "base_model.model.transformer.h";

/** What to change in a copy of the adapter `plain`. */
interface Changes {
  readonly config?: Record<string, unknown>;
  readonly tensors?: (tensors: Map<string, TestTensor>) => void;
}

async function copyAdapter(folder: TemporaryFolder, { config, tensors }: Changes): Promise<string> {
  const path = folder.file("adapter");
  Deno.mkdirSync(path);
  const original = JSON.parse(Deno.readTextFileSync(adapterPath(`plain/${CONFIG}`)));
  Deno.writeTextFileSync(`${path}/${CONFIG}`, JSON.stringify({ ...original, ...config }));
  const all = readTensors(adapterPath(`plain/${WEIGHTS}`));
  tensors?.(all);
  const list = Array.from(all, ([name, { bytes, ...tensor }]) => ({
    name,
    ...tensor,
    produce: () => bytes,
  }));
  await writeSafetensors(`${path}/${WEIGHTS}`, list);
  return path;
}

const A = `${PREFIX}.0.attn.c_attn.lora_A.weight`;
const B = `${PREFIX}.0.attn.c_attn.lora_B.weight`;

function renamed(from: string, to: string): Changes["tensors"] {
  return (tensors) => {
    tensors.set(to, tensors.get(from)!);
    tensors.delete(from);
  };
}

const DAMAGED: readonly [what: string, changes: Changes, message: string][] = [
  ["it is DoRA", { config: { use_dora: true } }, "(DoRA), which cannot be used here (use_dora)"],
  ["biases were trained", { config: { bias: "all" } }, "it has biases that were trained"],
  ["it has biases", { config: { lora_bias: true } }, "it has biases beside its matrices"],
  ["modules were saved", { config: { modules_to_save: ["ln_f"] } }, "it has whole modules"],
  [
    "the base was changed",
    { config: { init_lora_weights: "pissa" } },
    "a base model whose weights",
  ],
  ["it is no LoRA", { config: { peft_type: "IA3" } }, 'peft_type must be LORA: received "IA3"'],
  ["alpha is no number", { config: { lora_alpha: "8" } }, "lora_alpha must be a number"],
  ["a rank is another", { config: { r: 5 } }, "has rank 5: received 4"],
  [
    "a pattern is a regular expression",
    { config: { alpha_pattern: { "h\\.\\d+.attn": 3 } } },
    "alpha_pattern has a regular expression, which is not carried out",
  ],
  ["a matrix is missing", { tensors: (all) => all.delete(B) }, `belongs to "${A}" is missing`],
  [
    "both matrices of a weight are missing",
    { tensors: (all) => void (all.delete(A), all.delete(B)) },
    `it has nothing for "transformer.h.0.attn.c_attn", which ${CONFIG} names`,
  ],
  ["it has no tensor", { tensors: (all) => all.clear() }, "it has no tensor"],
  [
    "it changes embeddings",
    { tensors: renamed(A, "base_model.model.transformer.wte.lora_embedding_A") },
    "it changes embeddings or the vocabulary projection",
  ],
  [
    "it has a tensor of another kind",
    { tensors: renamed(A, `${PREFIX}.0.attn.c_attn.lora_magnitude_vector`) },
    "it splits weights into length and direction (DoRA)",
  ],
  [
    "it is for another architecture",
    { tensors: renamed(A, "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight") },
    "none of a LoRA for the projections of GPT-2",
  ],
  [
    "the ranks differ",
    { tensors: (all) => all.set(B, { ...all.get(B)!, shape: [4, 96] }) },
    "must be the same: received 96",
  ],
  [
    "a tensor is no matrix",
    { tensors: (all) => all.set(B, { ...all.get(B)!, shape: [384] }) },
    "must be a matrix",
  ],
  [
    "a number is not finite",
    { tensors: (all) => void new Float32Array(all.get(A)!.bytes.buffer).fill(NaN, 3, 4) },
    'holds what is not a finite number: received "infinity or NaN at element 3"',
  ],
  [
    "it has a type that is not computed with",
    { tensors: (all) => all.set(A, { ...all.get(A)!, dtype: "I32" }) },
    'has a type that cannot be computed with: received "i32"',
  ],
];

for (const [what, changes, message] of DAMAGED) {
  Deno.test(`readAdapter() rejects when ${what}`, async () => {
    using folder = new TemporaryFolder();
    const path = await copyAdapter(folder, changes);
    const error = await assertRejects(
      () => readAdapter(path, baseConfig),
      FileFormatError,
      message,
    );
    assert(error.message.length < 1000, error.message);
  });
}

Deno.test("readAdapter() rejects when it was made for a model of another size", async () => {
  const { embeddingDim, hiddenDim, numLayers } = baseConfig;
  for (
    const [sizes, message] of [
      [{ embeddingDim: 2 * embeddingDim }, "blocks.0.qkvProjection of the model is 192 x 64"],
      [{ hiddenDim: 2 * hiddenDim }, "blocks.0.hiddenProjection of the model is 128 x 32"],
      [{ numLayers: numLayers - 1 }, 'the model has 1 blocks: received "an update of blocks.1.qkv'],
      [{ numLayers: numLayers + 1 }, 'it has nothing for "transformer.h.2.attn.c_attn"'],
    ] as const
  ) {
    const config = new GPT2Config({ ...baseConfig, ...sizes });
    await assertRejects(() => readAdapter(adapterPath("plain"), config), FileFormatError, message);
  }
});

Deno.test("readAdapter() rejects when a file is cut off", async () => {
  using folder = new TemporaryFolder();
  const path = await copyAdapter(folder, {});
  Deno.truncateSync(`${path}/${WEIGHTS}`, 5000);
  await assertRejects(() => readAdapter(path, baseConfig), FileFormatError);
  const gguf = folder.file("adapter.gguf");
  await saveAdapter(randomAdapter(baseConfig, { rank: 2 }), baseConfig, gguf);
  for (const length of [0, 3, 100, Deno.statSync(gguf).size - 64]) {
    Deno.truncateSync(gguf, length);
    await assertRejects(() => readAdapter(gguf, baseConfig), FileFormatError);
    await saveAdapter(randomAdapter(baseConfig, { rank: 2 }), baseConfig, gguf);
  }
});

Deno.test("readAdapter() rejects when a file is missing", async () => {
  using folder = new TemporaryFolder();
  for (const path of [folder.path, basePath, folder.file("none"), folder.file("none.gguf")]) {
    await assertRejects(() => readAdapter(path, baseConfig), Deno.errors.NotFound);
  }
  Deno.writeTextFileSync(folder.file(CONFIG), "{}");
  Deno.writeTextFileSync(folder.file("adapter_model.bin"), "");
  await assertRejects(
    () => readAdapter(folder.path, baseConfig),
    FileFormatError,
    'its weights are not safetensors: received "adapter_model.bin"',
  );
});

Deno.test("readAdapter() rejects a GGUF file that is no adapter for GPT-2", async () => {
  using folder = new TemporaryFolder();
  const path = folder.file("model.gguf");
  await writeGoldenModel(path, quickModel);
  const isRejected = (message: string) =>
    assertRejects(() => readAdapter(path, baseConfig), FileFormatError, message);
  await isRejected("it is a model");
  const text = (value: string): GgufValue => ({ type: "string", value });
  const write = async (keys: Record<string, GgufValue>, name = "blk.0.attn_qkv.weight") => {
    const metadata = new Map(Object.entries({
      "general.type": text("adapter"),
      "general.architecture": text("gpt2"),
      "adapter.type": text("lora"),
      ...keys,
    }));
    const tensors = [["lora_a", [2, 32]], ["lora_b", [96, 2]]] as const;
    const list = tensors.map(([side, shape]) => ({
      name: `${name}.${side}`,
      shape,
      type: "f32" as const,
      produce: () => new Uint8Array(4 * shape[0] * shape[1]),
    }));
    await writeGguf(path, { metadata, tensors: list });
  };
  await write({});
  // Without alpha the product counts as it is.
  const { weights: [{ rank, alpha }] } = await readAdapter(path, baseConfig);
  assert(rank === 2 && alpha === 2);
  await write({ "general.architecture": text("llama") });
  await isRejected("its general.architecture must be gpt2");
  await write({ "adapter.type": text("control_vector") });
  await isRejected("its adapter.type must be lora");
  await write({ "adapter.alora.invocation_tokens": { type: "i32[]", value: Int32Array.of(3) } });
  await isRejected("(aLoRA), which cannot be used here");
  await write({ "adapter.lora.alpha": { type: "f32", value: NaN } });
  await isRejected("adapter.lora.alpha must be a finite number");
  for (
    const name of ["token_embd.weight", "blk.0.attn_qkv.bias", "blk.x.attn_qkv.weight", "rope"]
  ) {
    await write({}, name);
    await isRejected("none of a LoRA for the projections of GPT-2");
  }
});

Deno.test("readAdapter() rejects when it is aborted", async () => {
  const signal = AbortSignal.abort();
  await assertRejects(
    () => readAdapter(adapterPath("plain"), baseConfig, { signal }),
    DOMException,
  );
});
