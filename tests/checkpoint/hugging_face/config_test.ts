import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import {
  parseHuggingFaceConfig,
  readHuggingFaceConfig,
  toHuggingFaceConfig,
} from "../../../src/checkpoint/hugging_face/config.ts";
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
  const { config, endOfTextId } = parse({
    vocab_size: 300,
    n_inner: 100,
    layer_norm_epsilon: 1e-3,
    resid_pdrop: 0.2,
    eos_token_id: 299,
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
  });
  assertEquals(config, expected);
  assertEquals(endOfTextId, 299);
});

Deno.test("parseHuggingFaceConfig() has the defaults of transformers", () => {
  const { config, endOfTextId } = parse({ n_inner: null, n_positions: undefined });
  assertEquals(config, new GPT2Config({ embeddingDim: 48, numHeads: 4, numLayers: 2 }));
  assertEquals(endOfTextId, undefined);
  assertEquals(parse({ n_positions: undefined, n_ctx: 77 }).config.contextLength, 77);
});

Deno.test("parseHuggingFaceConfig() ignores what does not change the model", () => {
  const same = {
    activation_function: "gelu_pytorch_tanh",
    reorder_and_upcast_attn: true,
    scale_attn_weights: true,
    task_specific_params: { "text-generation": { do_sample: true } },
    eos_token_id: 50256,
    vocab_size: 300,
  };
  assertEquals(parse(same).config, parse({ vocab_size: 300 }).config);
  // Many small test models keep the default, a token that they do not have.
  assertEquals(parse(same).endOfTextId, undefined);
});

const refused: [changes: Record<string, unknown>, what: string, received: string][] = [
  [{ n_head: 5 }, "n_head must divide n_embd, which is 48", "5"],
  [{ n_head: 0 }, "n_head must be an integer from 1 to", "0"],
  [{ n_embd: -48 }, "n_embd must be an integer from 1 to", "-48"],
  [{ n_embd: 1e9 }, "n_embd must be an integer from 1 to 16777216", "1000000000"],
  [{ n_embd: "48" }, "n_embd must be an integer", '"48"'],
  [{ n_embd: [48] }, "n_embd must be an integer", "[48]"],
  [{ n_embd: undefined }, "n_embd must be an integer", "nothing"],
  [{ n_layer: 1e9 }, "n_layer must be an integer from 1 to 1000", "1000000000"],
  [{ n_layer: 1.5 }, "n_layer must be an integer", "1.5"],
  [{ n_inner: 0 }, "n_inner must be an integer", "0"],
  [{ n_positions: true }, "n_positions must be an integer", "true"],
  [{ vocab_size: {} }, "vocab_size must be an integer", "an object"],
  [{ layer_norm_epsilon: -1 }, "layer_norm_epsilon must be at least 0 and below 1", "-1"],
  [{ resid_pdrop: 1 }, "resid_pdrop must be at least 0 and below 1", "1"],
  [{ eos_token_id: 1.5 }, "eos_token_id must be the id of a token", "1.5"],
  [{ model_type: "llama" }, 'model_type must be "gpt2"', '"llama"'],
  [{ activation_function: "relu" }, 'activation_function must be "gelu_new"', '"relu"'],
  [{ scale_attn_weights: false }, "scale_attn_weights must be true", "false"],
  [
    { scale_attn_by_inverse_layer_idx: true },
    "scale_attn_by_inverse_layer_idx must be false",
    "true",
  ],
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
  [" ".repeat(2 ** 20 + 1), "larger than"],
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
    }),
  ];
  for (const config of configs) {
    const json = parseStrictJson(JSON.stringify(toHuggingFaceConfig(config, { endOfTextId: 7 })));
    assertEquals(parseHuggingFaceConfig(json, "config.json"), { config, endOfTextId: 7 });
  }
});
