import { assertEquals, assertThrows } from "@std/assert";
import { GPT2Config, type GPT2ConfigFields } from "../../src/model/config.ts";
import { numParameters } from "../../src/model/parameters.ts";

Deno.test("the presets have the sizes of the published models", () => {
  const expected: [GPT2Config, number[]][] = [
    [GPT2Config.gpt2Small(), [12, 12, 768, 3072, 124_439_808]],
    [GPT2Config.gpt2Medium(), [24, 16, 1024, 4096, 354_823_168]],
    [GPT2Config.gpt2Large(), [36, 20, 1280, 5120, 774_030_080]],
    [GPT2Config.gpt2Xl(), [48, 25, 1600, 6400, 1_557_611_200]],
  ];
  for (const [config, sizes] of expected) {
    const { numLayers, numHeads, embeddingDim, hiddenDim } = config;
    assertEquals([numLayers, numHeads, embeddingDim, hiddenDim, numParameters(config)], sizes);
    assertEquals([config.vocabSize, config.contextLength, config.headDim], [50257, 1024, 64]);
    assertEquals(config.layerNormEpsilon, 1e-5);
  }
  const tiny = GPT2Config.tiny();
  assertEquals([tiny.numLayers, tiny.numHeads, tiny.embeddingDim], [2, 4, 64]);
  assertEquals([tiny.vocabSize, tiny.contextLength], [1000, 128]);
});

Deno.test("numParameters() leaves out the position embedding when asked", () => {
  const small = GPT2Config.gpt2Small();
  assertEquals(numParameters(small, { nonEmbedding: true }), 124_439_808 - 1024 * 768);
});

Deno.test("a configuration that cannot be is refused", () => {
  const good: GPT2ConfigFields = { embeddingDim: 64, numHeads: 4, numLayers: 2 };
  assertEquals(new GPT2Config(good).hiddenDim, 256);
  assertEquals(new GPT2Config({ ...good, hiddenDim: 100 }).hiddenDim, 100);
  const cases: [Record<string, unknown>, typeof Error, string][] = [
    [{ numHeads: 5 }, RangeError, "received 5 heads for 64 dims"],
    [{ numHeads: 0 }, RangeError, "numHeads must be an integer from 1"],
    [{ embeddingDim: 1e9 }, RangeError, "embeddingDim must be"],
    [{ numLayers: 1e6 }, RangeError, "numLayers must be"],
    [{ vocabSize: 1.5 }, RangeError, "vocabSize must be"],
    [{ contextLength: -1 }, RangeError, "contextLength must be"],
    [{ hiddenDim: NaN }, RangeError, "hiddenDim must be"],
    [{ layerNormEpsilon: -1e-5 }, RangeError, "layerNormEpsilon must be"],
    [{ dropout: 1 }, RangeError, "dropout must be"],
    [{ embeddingDim: "64" }, TypeError, 'received "64"'],
    [{ numLayers: null }, TypeError, "numLayers must be an integer"],
    [{ embeddingDim: 8n }, TypeError, "received 8."],
    [
      { numHeads: undefined },
      TypeError,
      "numHeads must be an integer from 1 to 16777216: received nothing.",
    ],
    [{ activation: "relu" }, RangeError, "activation must be one of gelu_tanh, gelu"],
    [{ scaleAttention: 1 }, TypeError, "scaleAttention must be true or false"],
    [{ num_layers: 2 }, TypeError, "Did you mean numLayers?"],
  ];
  for (const [fields, errorClass, message] of cases) {
    assertThrows(
      () => new GPT2Config({ ...good, ...fields } as GPT2ConfigFields),
      errorClass,
      message,
    );
  }
});
