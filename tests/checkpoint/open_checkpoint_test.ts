import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { convertCheckpoint } from "../../src/checkpoint/convert.ts";
import { openCheckpoint } from "../../src/checkpoint/open_checkpoint.ts";
import { FileFormatError } from "../../src/base/errors.ts";
import type { GgufValue } from "../../src/formats/gguf_value.ts";
import { assertFormatError } from "../formats/error_cases.ts";
import {
  type Changes,
  copyFolder,
  plainFolder,
  readTensors,
  TemporaryFolder,
  type TestTensor,
  valuesOf,
} from "./folders.ts";
import { copyGguf, type GgufParts } from "./gguf_files.ts";
import { openLibrary } from "../../src/native_library/native_library.ts";

await openLibrary();

type Tensors = Map<string, TestTensor>;

const PREFIX = "transformer.";

function rename(tensors: Tensors, change: (name: string) => string): void {
  for (const [name, tensor] of [...tensors]) {
    tensors.delete(name);
    tensors.set(change(name), tensor);
  }
}

/** The bytes of a weight, in the layout of this package. */
async function readWeight(path: string, name: string): Promise<Uint8Array> {
  using checkpoint = await openCheckpoint(path);
  const { spec, dtype } = checkpoint.weights.get(name)!;
  assertEquals(dtype, "f32");
  const bytes = new Uint8Array(4 * spec.shape.reduce((a, b) => a * b, 1));
  checkpoint.readRows(name, 0, bytes);
  return bytes;
}

Deno.test("openCheckpoint() opens a Hugging Face folder", async () => {
  using checkpoint = await openCheckpoint(plainFolder);
  assertEquals(checkpoint.name, "hf_folder");
  assertEquals(checkpoint.config.hiddenDim, 64);
  assertEquals(checkpoint.tied, true);
  assertEquals(checkpoint.weights.size, 28);
  assertEquals((await checkpoint.readTokenizer())!.vocabSize, 288);
  assertEquals((await checkpoint.readTokenizer())!.endOfTextId, 287);
});

Deno.test("openCheckpoint() gives matrices as (out in), from any row", async () => {
  const stored = valuesOf(
    readTensors(`${plainFolder}/model.safetensors`),
    "transformer.h.1.mlp.c_fc.weight",
  );
  using checkpoint = await openCheckpoint(plainFolder);
  const rows = new Float32Array(3 * 32);
  checkpoint.readRows("blocks.1.hiddenProjection.weight", 10, new Uint8Array(rows.buffer));
  for (let row = 0; row < 3; row++) {
    for (let column = 0; column < 32; column++) {
      assertEquals(rows[row * 32 + column], stored[column * 64 + 10 + row]);
    }
  }
});

const accepted: [what: string, changes: Changes][] = [
  ["names without prefix", {
    tensors: (tensors) => rename(tensors, (name) => name.slice(PREFIX.length)),
  }],
  ["causal masks", {
    tensors: (tensors) => {
      const mask = { shape: [1, 1, 48, 48], dtype: "U8", bytes: new Uint8Array(48 * 48) } as const;
      tensors.set("transformer.h.0.attn.bias", { ...mask });
      tensors.set("h.1.attn.masked_bias", { shape: [], dtype: "F32", bytes: new Uint8Array(4) });
    },
  }],
  ["a repeated token embedding", {
    tensors: (tensors) => tensors.set("lm_head.weight", tensors.get("transformer.wte.weight")!),
  }],
  ["vocab.json and merges.txt", {
    remove: ["tokenizer.json"],
    files: {
      "vocab.json": Deno.readTextFileSync(`${plainFolder}/vocab.json`),
      "merges.txt": Deno.readTextFileSync(`${plainFolder}/merges.txt`),
    },
  }],
];

for (const [what, changes] of accepted) {
  Deno.test(`openCheckpoint() accepts a folder with ${what}`, async () => {
    using folder = new TemporaryFolder();
    const path = await copyFolder(folder, changes);
    using checkpoint = await openCheckpoint(path);
    using plain = await openCheckpoint(plainFolder);
    assertEquals(checkpoint.tied, true);
    assertEquals([...checkpoint.weights.keys()], [...plain.weights.keys()]);
    for (const name of checkpoint.weights.keys()) {
      assertEquals(await readWeight(path, name), await readWeight(plainFolder, name), name);
    }
    assertEquals((await checkpoint.readTokenizer())!.tokens, (await plain.readTokenizer())!.tokens);
  });
}

Deno.test("openCheckpoint() keeps a vocabulary projection that differs from the embedding", async () => {
  using folder = new TemporaryFolder();
  const path = await copyFolder(folder, {
    tensors: (tensors) => {
      const embedding = tensors.get("transformer.wte.weight")!;
      tensors.set("lm_head.weight", { ...embedding, bytes: embedding.bytes.slice() });
      valuesOf(tensors, "lm_head.weight")[288 * 32 - 1] += 1;
    },
  });
  using checkpoint = await openCheckpoint(path);
  assertEquals(checkpoint.tied, false);
  assertEquals(checkpoint.weights.size, 29);
});

Deno.test("openCheckpoint() gives no text to the ids that a model has beyond its tokenizer", async () => {
  using folder = new TemporaryFolder();
  const path = await copyFolder(folder, {
    config: { vocab_size: 320 },
    tensors: (tensors) => {
      const bytes = new Uint8Array(320 * 32 * 4);
      bytes.set(tensors.get("transformer.wte.weight")!.bytes);
      tensors.set("transformer.wte.weight", { shape: [320, 32], dtype: "F32", bytes });
    },
  });
  using checkpoint = await openCheckpoint(path);
  const tokenizer = (await checkpoint.readTokenizer())!;
  assertEquals(tokenizer.vocabSize, 320);
  assertEquals(tokenizer.tokens[319], "");
  assertEquals(tokenizer.decode([5, 319, 6, 288]), tokenizer.decode([5, 6]));
  assertEquals([...tokenizer.tokenTypes.slice(286)], [1, 3, ...Array(32).fill(5)]);
  assertEquals(tokenizer.endOfTextId, 287);
  const ids = tokenizer.encode("the cat [PAD319]");
  assert(ids.every((id) => id < 288));
  assertEquals(tokenizer.decode(ids), "the cat [PAD319]");
});

Deno.test("openCheckpoint() accepts a folder without tokenizer", async () => {
  using folder = new TemporaryFolder();
  using checkpoint = await openCheckpoint(await copyFolder(folder, { remove: ["tokenizer.json"] }));
  assertEquals(await checkpoint.readTokenizer(), undefined);
});

const tensorProblems: [what: string, change: (tensors: Tensors) => void, messages: string[]][] = [
  ["a missing tensor", (tensors) => tensors.delete("transformer.h.1.ln_2.bias"), [
    '"transformer.h.1.ln_2.bias" is missing',
  ]],
  ["a tensor that is none of GPT-2's", (tensors) => {
    tensors.set("rope.weight", { shape: [2], dtype: "F32", bytes: new Uint8Array(8) });
  }, ['"rope.weight" is none of GPT-2\'s', "29 tensors"]],
  ["a wrong shape", (tensors) => {
    tensors.get("transformer.h.0.mlp.c_fc.weight")!.shape = [64, 32];
  }, ['"transformer.h.0.mlp.c_fc.weight" is (64, 32), not (32, 64)']],
  ["a wrong shape of the projection", (tensors) => {
    tensors.set("lm_head.weight", { shape: [2, 2], dtype: "F32", bytes: new Uint8Array(16) });
  }, ['"lm_head.weight" is (2, 2), not (288, 32)']],
  ["an unsupported type", (tensors) => {
    const shape = [32];
    tensors.set("transformer.ln_f.bias", { shape, dtype: "I64", bytes: new Uint8Array(32 * 8) });
  }, [
    '"transformer.ln_f.bias" has a type that cannot be computed with: received "i64". ',
    ". Save the checkpoint again as F32, F16 or BF16.",
  ]],
  ["weights in FP8, with their scales", (tensors) => {
    for (const [name, { shape }] of [...tensors].filter(([, { shape }]) => shape.length === 2)) {
      const numBytes = shape[0] * shape[1];
      tensors.set(name, { shape, dtype: "F8_E4M3", bytes: new Uint8Array(numBytes) });
      tensors.set(`${name}_scale`, { shape: [1], dtype: "F32", bytes: new Uint8Array(4) });
    }
  }, [
    '" and 9 more have a type that cannot be computed with: received "f8_e4m3". ' +
    "Save the checkpoint again as F32, F16 or BF16.",
  ]],
  ["names of another model", (tensors) => rename(tensors, (name) => `x.${name}`), [
    '"transformer.wte.weight" is missing',
    "and 46 more",
  ]],
  ["no tensors", (tensors) => tensors.clear(), ["and 18 more", "0 tensors"]],
];

for (const [what, tensors, messages] of tensorProblems) {
  Deno.test(`openCheckpoint() refuses a folder with ${what}`, async () => {
    using folder = new TemporaryFolder();
    const path = await copyFolder(folder, { tensors });
    const error = await assertRejects(() => openCheckpoint(path), FileFormatError);
    assertFormatError(error);
    for (const message of messages) assertStringIncludes(error.message, message);
    assertEquals(error.path, path);
  });
}

Deno.test("openCheckpoint() refuses the same weight under two names", async () => {
  using folder = new TemporaryFolder();
  const path = await copyFolder(folder, {
    tensors: (tensors) => tensors.set("wte.weight", tensors.get("transformer.wte.weight")!),
  });
  await assertRejects(
    () => openCheckpoint(path),
    FileFormatError,
    "two tensors are the same weight",
  );
});

Deno.test("a tokenizer with more tokens than the model is refused", async () => {
  using folder = new TemporaryFolder();
  const path = await copyFolder(folder, {
    config: { vocab_size: 280 },
    tensors: (tensors) => {
      const embedding = tensors.get("transformer.wte.weight")!;
      const bytes = embedding.bytes.slice(0, 280 * 32 * 4);
      tensors.set("transformer.wte.weight", { shape: [280, 32], dtype: "F32", bytes });
    },
  });
  using checkpoint = await openCheckpoint(path);
  const error = await assertRejects(() => checkpoint.readTokenizer(), FileFormatError);
  assertFormatError(error);
  assertStringIncludes(error.message, "it has more tokens than the 280 of the model: received 288");
});

const u32 = (value: number): GgufValue => ({ type: "u32", value });
const text = (value: string): GgufValue => ({ type: "string", value });

const ggufProblems: [what: string, change: (parts: GgufParts) => void, message: string][] = [
  [
    "another architecture",
    ({ metadata }) => metadata.set("general.architecture", text("llama")),
    'its architecture must be gpt2: received "llama"',
  ],
  [
    "no architecture",
    ({ metadata }) => metadata.delete("general.architecture"),
    "received nothing",
  ],
  [
    "no block_count",
    ({ metadata }) => metadata.delete("gpt2.block_count"),
    "gpt2.block_count must be an integer from 1 to 1000: received nothing",
  ],
  ["zero blocks", ({ metadata }) => metadata.set("gpt2.block_count", u32(0)), "received 0"],
  [
    "2^32 - 1 blocks",
    ({ metadata }) => metadata.set("gpt2.block_count", u32(2 ** 32 - 1)),
    "received 4294967295",
  ],
  [
    "text for a number",
    ({ metadata }) => metadata.set("gpt2.block_count", text("2")),
    "must be a number",
  ],
  [
    "heads that do not divide",
    ({ metadata }) => metadata.set("gpt2.attention.head_count", u32(5)),
    "gpt2.attention.head_count must divide gpt2.embedding_length, which is 32",
  ],
  [
    "grouped heads",
    ({ metadata }) => metadata.set("gpt2.attention.head_count_kv", u32(2)),
    "must be the number of heads, 4",
  ],
  [
    "NaN as epsilon",
    ({ metadata }) =>
      metadata.set("gpt2.attention.layer_norm_epsilon", { type: "f32", value: NaN }),
    "must be at least 0 and below 1: received NaN",
  ],
  [
    "another context length",
    ({ metadata }) => metadata.set("gpt2.context_length", u32(64)),
    '"position_embd.weight" is (48, 32), not (64, 32)',
  ],
  [
    "more blocks than tensors",
    ({ metadata }) => metadata.set("gpt2.block_count", u32(3)),
    "and 2 more",
  ],
  [
    "no token embedding",
    ({ tensors }) => tensors.delete("token_embd.weight"),
    "token_embd.weight must have",
  ],
  [
    "a missing tensor",
    ({ tensors }) => tensors.delete("output_norm.bias"),
    '"output_norm.bias" is missing',
  ],
  ["an unknown tensor", ({ tensors }) => {
    tensors.set("rope_freqs.weight", {
      ...tensors.get("output_norm.bias")!,
      name: "rope_freqs.weight",
    });
  }, '"rope_freqs.weight" is none of GPT-2\'s'],
  ["an unsupported type", ({ tensors }) => {
    tensors.set("output_norm.bias", { ...tensors.get("output_norm.bias")!, type: "i32" });
  }, '"output_norm.bias" has a type that cannot be computed with: received "i32". Convert'],
];

for (const [what, change, message] of ggufProblems) {
  Deno.test(`openCheckpoint() refuses a GGUF file with ${what}`, async () => {
    using folder = new TemporaryFolder();
    const [good, bad] = [folder.file("good.gguf"), folder.file("bad.gguf")];
    await convertCheckpoint(plainFolder, good, { type: "f32" });
    await copyGguf(good, bad, change);
    const error = await assertRejects(() => openCheckpoint(bad), FileFormatError);
    assertFormatError(error);
    assertStringIncludes(error.message, message);
    assertEquals(error.path, bad);
  });
}

const tokenizerProblems: [what: string, change: (parts: GgufParts) => void, message: string][] = [
  [
    "another model",
    ({ metadata }) => metadata.set("tokenizer.ggml.model", text("llama")),
    "tokenizer.ggml.model must be gpt2",
  ],
  [
    "another way to cut words",
    ({ metadata }) => metadata.set("tokenizer.ggml.pre", text("llama-bpe")),
    "tokenizer.ggml.pre must be one of",
  ],
  [
    "no tokens",
    ({ metadata }) => metadata.delete("tokenizer.ggml.tokens"),
    "must have the 288 tokens of token_embd.weight: received nothing",
  ],
  [
    "too few tokens",
    ({ metadata }) => metadata.set("tokenizer.ggml.tokens", { type: "string[]", value: ["a"] }),
    "received 1",
  ],
  [
    "no merges",
    ({ metadata }) => metadata.delete("tokenizer.ggml.merges"),
    "tokenizer.ggml.merges must be there",
  ],
  [
    "types of another type",
    ({ metadata }) => metadata.set("tokenizer.ggml.token_type", text("1")),
    "must be an array of i32",
  ],
  [
    "an end of text beyond the tokens",
    ({ metadata }) => metadata.set("tokenizer.ggml.eos_token_id", u32(288)),
    "end-of-text token is not in the vocabulary",
  ],
];

for (const [what, change, message] of tokenizerProblems) {
  Deno.test(`a GGUF tokenizer with ${what} is refused`, async () => {
    using folder = new TemporaryFolder();
    const [good, bad] = [folder.file("good.gguf"), folder.file("bad.gguf")];
    await convertCheckpoint(plainFolder, good, { type: "f32" });
    await copyGguf(good, bad, change);
    using checkpoint = await openCheckpoint(bad);
    const error = await assertRejects(() => checkpoint.readTokenizer(), FileFormatError);
    assertFormatError(error);
    assertStringIncludes(error.message, message);
  });
}

Deno.test("openCheckpoint() accepts what older converters leave out", async () => {
  using folder = new TemporaryFolder();
  const [good, old] = [folder.file("good.gguf"), folder.file("old.gguf")];
  await convertCheckpoint(plainFolder, good, { type: "f32" });
  await copyGguf(good, old, ({ metadata }) => {
    for (
      const key of [
        "general.name",
        "general.type",
        "general.file_type",
        "tokenizer.ggml.pre",
        "tokenizer.ggml.token_type",
        "tokenizer.ggml.eos_token_id",
      ]
    ) metadata.delete(key);
  });
  using checkpoint = await openCheckpoint(old);
  assertEquals(checkpoint.name, "old");
  assertEquals((await checkpoint.readTokenizer())!.endOfTextId, 287);
  assertEquals(checkpoint.config.layerNormEpsilon, 1e-5);
});

Deno.test("openCheckpoint() drops an output.weight that repeats the embedding, as old converters wrote it", async () => {
  using folder = new TemporaryFolder();
  const [good, old] = [folder.file("good.gguf"), folder.file("old.gguf")];
  await convertCheckpoint(plainFolder, good, { type: "q8_0" });
  await copyGguf(good, old, ({ tensors }) => {
    tensors.set("output.weight", { ...tensors.get("token_embd.weight")!, name: "output.weight" });
  });
  using checkpoint = await openCheckpoint(old);
  assertEquals(checkpoint.tied, true);
});

Deno.test("a checkpoint cannot be read after it was disposed of", async () => {
  const checkpoint = await openCheckpoint(plainFolder);
  checkpoint[Symbol.dispose]();
  checkpoint[Symbol.dispose]();
  assertThrows(
    () => checkpoint.readRows("tokenEmbedding", 0, new Uint8Array(128)),
    TypeError,
    "closed",
  );
});

Deno.test("a weight that a checkpoint does not have cannot be read", async () => {
  using checkpoint = await openCheckpoint(plainFolder);
  assertThrows(
    () => checkpoint.readRows("vocabularyProjection", 0, new Uint8Array(128)),
    TypeError,
    'received "vocabularyProjection"',
  );
});
