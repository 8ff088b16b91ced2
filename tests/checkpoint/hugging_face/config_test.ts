import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import {
  parseHuggingFaceConfig,
  readHuggingFaceConfig,
  toHuggingFaceConfig,
} from "../../../src/checkpoint/hugging_face/config.ts";
import { readEndOfTextIds } from "../../../src/checkpoint/hugging_face/token_ids.ts";
import { FileFormatError } from "../../../src/base/errors.ts";
import { parseStrictJson } from "../../../src/base/strict_json.ts";
import { GPT2Config } from "../../../src/model/config.ts";
import { assertFormatError } from "../../formats/error_cases.ts";
import { TemporaryFolder } from "../folders.ts";

const base = { model_type: "gpt2", n_embd: 48, n_head: 4, n_layer: 2, n_positions: 64 };

function parse(changes: Record<string, unknown>) {
  const json = parseStrictJson(JSON.stringify({ ...base, ...changes }));
  return parseHuggingFaceConfig(json, "some/config.json");
}

Deno.test("parseHuggingFaceConfig() reads every key that counts", () => {
  const { config, endOfTextIds, tied } = parse({
    vocab_size: 300,
    n_inner: 100,
    layer_norm_epsilon: 1e-3,
    resid_pdrop: 0.2,
    eos_token_id: 299,
    activation_function: "gelu",
    scale_attn_weights: false,
    scale_attn_by_inverse_layer_idx: true,
    tie_word_embeddings: false,
  });
  const expected = new GPT2Config({
    vocabSize: 300,
    contextLength: 64,
    embeddingDim: 48,
    numHeads: 4,
    numLayers: 2,
    hiddenDim: 100,
    layerNormEpsilon: 1e-3,
    dropout: 0.2,
    activation: "gelu",
    scaleAttention: false,
    scaleAttentionByLayer: true,
  });
  assertEquals(config, expected);
  assertEquals([endOfTextIds, tied], [[299], false]);
});

Deno.test("parseHuggingFaceConfig() has the defaults of transformers", () => {
  const { config, endOfTextIds, tied } = parse({ n_inner: null, n_positions: undefined });
  assertEquals(config, new GPT2Config({ embeddingDim: 48, numHeads: 4, numLayers: 2 }));
  assertEquals([endOfTextIds, tied], [undefined, true]);
  assertEquals(parseHuggingFaceConfig(new Map(), "config.json").config, GPT2Config.gpt2Small());
  assertEquals(parse({ n_positions: undefined, n_ctx: 77 }).config.contextLength, 77);
});

Deno.test("parseHuggingFaceConfig() ignores what does not change the model", () => {
  const same = {
    reorder_and_upcast_attn: true,
    scale_attn_weights: true,
    task_specific_params: { "text-generation": { do_sample: true } },
    vocab_size: 300,
  };
  assertEquals(parse(same).config, parse({ vocab_size: 300 }).config);
});

Deno.test("parseHuggingFaceConfig() knows all names of the two GELUs", () => {
  const names = {
    gelu_tanh: ["gelu_new", "gelu_pytorch_tanh", "gelu_python_tanh", "gelu_accurate", "gelu_fast"],
    gelu: ["gelu", "gelu_python"],
  };
  for (const [activation, aliases] of Object.entries(names)) {
    for (const activation_function of aliases) {
      assertEquals(parse({ activation_function }).config.activation, activation);
    }
  }
});

Deno.test("parseHuggingFaceConfig() takes the names that transformers has for all models", () => {
  const general = {
    hidden_size: 48,
    num_attention_heads: 4,
    num_hidden_layers: 2,
    max_position_embeddings: 64,
  };
  const json = parseStrictJson(JSON.stringify(general));
  assertEquals(parseHuggingFaceConfig(json, "config.json").config, parse({}).config);
  assertEquals(parse(general).config, parse({}).config);
});

const endings: [value: unknown, ids: number[] | undefined][] = [
  [undefined, undefined],
  [null, []],
  [-1, []],
  [[], []],
  [7, [7]],
  [[7, 9, 7], [7, 9]],
  [[-1, 3], [3]],
];

for (const [value, ids] of endings) {
  Deno.test(`parseHuggingFaceConfig() reads eos_token_id ${JSON.stringify(value)}`, () => {
    assertEquals(parse({ eos_token_id: value }).endOfTextIds, ids);
  });
}

for (const [value, ids] of endings) {
  Deno.test(`readEndOfTextIds() prefers ${JSON.stringify(value)} in generation_config.json`, () => {
    using folder = new TemporaryFolder();
    const text = JSON.stringify({ eos_token_id: value });
    Deno.writeTextFileSync(folder.file("generation_config.json"), text);
    assertEquals(readEndOfTextIds(folder.path, [5], 300), ids ?? []);
  });
}

Deno.test("readEndOfTextIds() leaves out what is not in the vocabulary", () => {
  using folder = new TemporaryFolder();
  // Many small test models keep the default, a token that they do not have.
  assertEquals(readEndOfTextIds(folder.path, [50256], 300), []);
  assertEquals(readEndOfTextIds(folder.path, [299, 300], 300), [299]);
  assertEquals(readEndOfTextIds(folder.path, undefined, 300), undefined);
});

const refused: [changes: Record<string, unknown>, what: string, received: string][] = [
  [{ n_head: 5 }, "n_head must divide n_embd, which is 48", "5"],
  [{ n_head: 0 }, "n_head must be an integer from 1 to", "0"],
  [{ n_embd: -48 }, "n_embd must be an integer from 1 to", "-48"],
  [{ n_embd: 1e9 }, "n_embd must be an integer from 1 to 16777216", "1000000000"],
  [{ n_embd: "48" }, "n_embd must be an integer", '"48"'],
  [{ n_embd: [48] }, "n_embd must be an integer", "[48]"],
  [{ hidden_size: 64 }, "hidden_size is another name of n_embd, which is 48", "64"],
  [{ num_hidden_layers: 3 }, "num_hidden_layers is another name of n_layer", "3"],
  [{ n_layer: 1e9 }, "n_layer must be an integer from 1 to 1000", "1000000000"],
  [{ n_layer: 1.5 }, "n_layer must be an integer", "1.5"],
  [{ n_inner: 0 }, "n_inner must be an integer", "0"],
  [{ n_positions: true }, "n_positions must be an integer", "true"],
  [{ vocab_size: {} }, "vocab_size must be an integer", "an object"],
  [{ layer_norm_epsilon: -1 }, "layer_norm_epsilon must be at least 0 and below 1", "-1"],
  [{ resid_pdrop: 1 }, "resid_pdrop must be at least 0 and below 1", "1"],
  [{ eos_token_id: 1.5 }, "eos_token_id must be the id of a token", "1.5"],
  [{ eos_token_id: -2 }, "eos_token_id must be the id of a token", "-2"],
  [{ eos_token_id: "7" }, "eos_token_id must be the id of a token", '"7"'],
  [{ eos_token_id: [7, [8]] }, "eos_token_id must be the id of a token", "[7, a list]"],
  [{ eos_token_id: true }, "eos_token_id must be the id of a token", "true"],
  [{ model_type: "llama" }, "model_type must be gpt2", '"llama"'],
  [{ activation_function: "relu" }, "activation_function must be gelu_new or", '"relu"'],
  [{ activation_function: "toString" }, "activation_function must be gelu_new or", '"toString"'],
  [{ scale_attn_weights: 1 }, "scale_attn_weights must be true or false", "1"],
  [{ tie_word_embeddings: "no" }, "tie_word_embeddings must be true or false", '"no"'],
  [{ add_cross_attention: true }, "add_cross_attention must be false", "true"],
];

for (const [changes, what, received] of refused) {
  Deno.test(`parseHuggingFaceConfig() refuses ${JSON.stringify(changes)}`, () => {
    const error = assertThrows(() => parse(changes), FileFormatError);
    assertFormatError(error);
    assertStringIncludes(error.message, "some/config.json");
    assertStringIncludes(error.message, what);
    assertStringIncludes(error.message, `received ${received}`);
    assertEquals(error.path, "some/config.json");
  });
}

const notConfigurations: [text: string, what: string][] = [
  ["version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 665\n", "Git-LFS pointer"],
  ["<!DOCTYPE html><html><body>404</body></html>", "HTML page"],
  ['{"n_embd": NaN}', "not valid JSON"],
  ['{"n_embd": 48, "n_embd": 64}', "is there twice"],
  ["", "not valid JSON"],
  ["[]", "must hold a JSON object"],
  [" ".repeat(2 ** 24 + 1), "larger than"],
];

for (const [text, what] of notConfigurations) {
  Deno.test(`readHuggingFaceConfig() refuses ${text.slice(0, 30).trim() || "blanks"}`, () => {
    using folder = new TemporaryFolder();
    const path = folder.file("config.json");
    Deno.writeTextFileSync(path, text);
    const error = assertThrows(() => readHuggingFaceConfig(path), FileFormatError, what);
    assertFormatError(error);
  });
}

Deno.test("toHuggingFaceConfig() gives what parseHuggingFaceConfig() reads", () => {
  const configs = [
    GPT2Config.tiny(),
    GPT2Config.gpt2Xl(),
    new GPT2Config({
      vocabSize: 311,
      contextLength: 40,
      embeddingDim: 48,
      numHeads: 4,
      numLayers: 3,
      hiddenDim: 100,
      layerNormEpsilon: 1e-3,
      dropout: 0,
      activation: "gelu",
      scaleAttention: false,
      scaleAttentionByLayer: true,
    }),
  ];
  for (const config of configs) {
    for (const endOfTextIds of [[], [7], [7, 9]]) {
      const written = toHuggingFaceConfig(config, { endOfTextIds, tied: false });
      const json = parseStrictJson(JSON.stringify(written));
      const expected = { config, endOfTextIds, tied: false };
      assertEquals(parseHuggingFaceConfig(json, "config.json"), expected);
    }
  }
});

Deno.test("toHuggingFaceConfig() writes whole numbers as the floats that transformers wants", () => {
  const config = new GPT2Config({ ...GPT2Config.tiny(), layerNormEpsilon: 0, dropout: 0 });
  const text = JSON.stringify(toHuggingFaceConfig(config));
  for (const key of ["layer_norm_epsilon", "resid_pdrop", "attn_pdrop", "embd_pdrop"]) {
    assertStringIncludes(text, `"${key}":0.0`);
  }
});
