import { assert, assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import { NumericalError } from "../../src/base/errors.ts";
import { GPT2 } from "../../src/gpt2.ts";
import { activationNames } from "../../src/model/activation_sites.ts";
import { GPT2Config } from "../../src/model/config.ts";
import { slice } from "../../src/ops.ts";
import { disableTrainingKernels } from "../../src/tensor/training/has_training_kernels.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { randomAdapter } from "../model/random_adapter.ts";
import { startRpcServer } from "../model/rpc_servers.ts";
import { untiedModel } from "../inspection/untied_model.ts";
import { createTrainingModel, readTensors, readTrainingCase, relativeError } from "./reference.ts";

/** Of the largest element of each gradient, against float64: PyTorch's own F32 is off by up to 9e-7 here. */
const F32_TOLERANCE = 2e-6;

const { tokens, targets, loss } = readTrainingCase("tied");

Deno.test("gradients() of every activation and weight are PyTorch's", async () => {
  await compareAll();
});

Deno.test("gradients() of every activation and weight are PyTorch's without kernels of our own", async () => {
  using _kernels = disableTrainingKernels();
  await compareAll();
});

async function compareAll(): Promise<void> {
  using model = createTrainingModel("tied");
  const { value, gradients } = await model.gradients(tokens, { targets, of: ["*"] });
  assertAlmostEquals(value, loss, 2e-6);
  const expected = new Map([
    ...readTensors("tied", "gradients"),
    ...readTensors("tied", "activations"),
  ]);
  // PyTorch masks scores where nobody can ask for them.
  const scores = activationNames(model.config).filter((name) => name.endsWith(".scores"));
  assertEquals(new Set(gradients.keys()), new Set([...expected.keys(), ...scores]));
  for (const [name, gradient] of expected) {
    const error = relativeError(gradients.get(name)!.data, gradient);
    assert(error <= F32_TOLERANCE, `${name}: ${error}`);
  }
}

Deno.test("gradients() of a difference of logits are PyTorch's", async () => {
  using model = createTrainingModel("tied");
  const expected = readTensors("tied", "difference");
  const { value, gradients } = await model.gradients(tokens[0], {
    of: [...expected.keys()],
    answer: 5,
    against: 17,
    position: 6,
  });
  const { logits, shape: [, , vocab] } = await model.forward(tokens[0]);
  assertAlmostEquals(value, logits[6 * vocab + 5] - logits[6 * vocab + 17], 1e-5);
  assertEquals(new Set(gradients.keys()), new Set(expected.keys()));
  for (const [name, gradient] of expected) {
    const error = relativeError(gradients.get(name)!.data, gradient);
    assert(error <= F32_TOLERANCE, `${name}: ${error}`);
  }
});

Deno.test("gradients() of texts with an answer each are those of each alone", async () => {
  using model = createTrainingModel("tied");
  const of = ["blocks.0.residual", "blocks.1.qkvProjection.weight"];
  const texts = [[1, 2, 3, 4], [5, 6, 7, 8], [9, 10]];
  const [answer, against, position] = [[3, 4, 5], [6, 7, 8], [-1, 1, 0]];
  const together = await model.gradients(texts, { of, answer, against, position });
  const alone = await Promise.all(texts.map((text, i) => {
    return model.gradients(text, {
      of,
      answer: answer[i],
      against: against[i],
      position: position[i],
    });
  }));
  assertAlmostEquals(together.value, alone.reduce((sum, { value }) => sum + value, 0), 1e-5);
  for (const name of of) {
    const { data, shape } = together.gradients.get(name)!;
    const parts = alone.map(({ gradients }) => gradients.get(name)!.data);
    const isWeight = name.endsWith("weight");
    const size = data.length / shape[0];
    const expected = isWeight
      ? data.map((_, i) => parts.reduce((sum, part) => sum + part[i], 0))
      : Float32Array.from(parts.flatMap((part) => [...part]));
    const own = isWeight ? data : Float32Array.from(
      parts.flatMap((part, i) => [...data.subarray(i * size, i * size + part.length)]),
    );
    const error = relativeError(own, expected);
    assert(error <= F32_TOLERANCE, `${name}: ${error}`);
  }
});

Deno.test("gradients() have the axes and shapes of captured activations, and of weights", async () => {
  using model = createTrainingModel("tied");
  const { gradients } = await model.gradients(tokens, { targets, of: ["*"] });
  const { activations } = await model.forward(tokens, { capture: ["*"] });
  for (const [name, { axes, shape }] of activations!) {
    const found = gradients.get(name)!;
    assertEquals({ axes: found.axes, shape: found.shape }, { axes, shape }, name);
  }
  for (
    const [name, axes, shape] of [
      ["tokenEmbedding", "vocab embed", [61, 32]],
      ["positionEmbedding", "context embed", [16, 32]],
      ["blocks.1.mlpNorm.bias", "embed", [32]],
      ["blocks.1.qkvProjection.bias", "out", [96]],
      ["blocks.0.mlpProjection.weight", "out in", [32, 128]],
    ] as const
  ) {
    const found = gradients.get(name)!;
    assertEquals([found.axes, found.shape], [axes, [...shape]], name);
  }
});

Deno.test("gradients() of texts of several lengths are those of each, and NaN behind its end", async () => {
  using model = createTrainingModel("tied");
  const texts = [[1, 2, 3, 4, 5], [6, 7], [8, 9, 10, 11, 12], [13, 14, 15]];
  const options = {
    of: ["blocks.0.residual", "blocks.1.attention.scores", "tokenEmbedding"],
    answer: 3,
  };
  const together = await model.gradients(texts, options);
  let value = 0;
  const sum = new Float32Array(61 * 32);
  for (const [i, text] of texts.entries()) {
    const alone = await model.gradients(text, options);
    value += alone.value;
    alone.gradients.get("tokenEmbedding")!.data.forEach((x, at) => sum[at] += x);
    const { shape: [, seq, width], data } = together.gradients.get("blocks.0.residual")!;
    const own = data.subarray(i * seq * width, (i + 1) * seq * width);
    const expected = alone.gradients.get("blocks.0.residual")!.data;
    assert(relativeError(own.subarray(0, expected.length), expected) <= F32_TOLERANCE);
    assert(own.subarray(expected.length).every(Number.isNaN));
  }
  assertAlmostEquals(together.value, value, 1e-5);
  assert(relativeError(together.gradients.get("tokenEmbedding")!.data, sum) <= F32_TOLERANCE);
  const { shape, data } = together.gradients.get("blocks.1.attention.scores")!;
  assertEquals(shape, [4, 4, 5, 5]);
  // Of the text of two tokens, nothing is said of keys that it does not have.
  assertEquals([...data.subarray(100 + 2, 100 + 5)], [0, 0, 0]);
});

Deno.test("gradients() of quantized models are those of the weights that they stand for", async () => {
  const config = new GPT2Config({
    vocabSize: 300,
    contextLength: 32,
    embeddingDim: 256,
    numLayers: 2,
    numHeads: 4,
  });
  using original = new GPT2(config, { seed: 1 });
  const folder = await Deno.makeTempDir();
  try {
    for (const [type, tolerance] of [["f16", 3e-3], ["q8_0", 3e-2], ["q4_0", 3e-2]] as const) {
      const path = `${folder}/${type}.gguf`;
      await original.saveGguf(path, { type });
      using exact = await GPT2.fromPretrained(path, { trainable: true });
      using model = await GPT2.fromPretrained(path);
      const text = [1, 20, 299, 4, 5, 67];
      const of = ["*"];
      const [expected, found] = [
        await exact.gradients(text, { of }),
        await model.gradients(text, { of }),
      ];
      assertEquals(new Set(found.gradients.keys()), new Set(expected.gradients.keys()));
      for (const name of ["embedding", "blocks.1.mlpProjection.weight", "tokenEmbedding"]) {
        const data = found.gradients.get(name)!.data;
        const error = relativeError(data, expected.gradients.get(name)!.data);
        // What is multiplied is rounded to 8 bits on the way forward.
        assert(error <= tolerance, `${type} ${name}: ${error}`);
      }
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("gradients() leave out rows of padding that a vocabulary projection has in memory", async () => {
  const gradientsWith = async (type: "f32" | "q8_0") => {
    const model = await untiedModel(type);
    using gpt2 = new GPT2(model.config, {}, { model, tokenizer: undefined, endOfTextIds: [] });
    return await gpt2.gradients([1, 70, 3, 4], { of: ["*"] });
  };
  const exact = await gradientsWith("f32");
  const withKernels = await gradientsWith("q8_0");
  using _kernels = disableTrainingKernels();
  for (const quantized of [withKernels, await gradientsWith("q8_0")]) {
    assertAlmostEquals(quantized.value, exact.value, 1e-2);
    for (const name of ["logits", "vocabularyProjection", "embedding"]) {
      const [found, expected] = [quantized, exact].map(({ gradients }) => gradients.get(name)!);
      assertEquals(found.shape, expected.shape);
      const error = relativeError(found.data, expected.data);
      assert(error <= 3e-2, `${name}: ${error}`);
    }
  }
});

Deno.test("gradients() are those of a model with its adapters", async () => {
  using model = createTrainingModel("tied");
  using adapter = await model.loadAdapter(randomAdapter(model.config, { seed: 1 }));
  const text = tokens[0];
  const next = [...text.slice(1), -100];
  const of = ["blocks.0.residual"];
  const plain = await model.gradients(text, { of });
  const adapted = await model.gradients(text, { of, adapters: [adapter] });
  const { loss } = await model.forward(text, { targets: next, adapters: [adapter] });
  assertAlmostEquals(adapted.value, loss!, 2e-6);
  const [a, b] = [plain, adapted].map(({ gradients }) => gradients.get(of[0])!.data);
  assert(relativeError(a, b) > 1e-2);
  await model.useAdapters([adapter]);
  assertEquals(await model.gradients(text, { of }), adapted);
  assertEquals(await model.gradients(text, { of, adapters: [] }), plain);
});

Deno.test("gradients() says what it cannot do", async () => {
  using model = createTrainingModel("tied");
  const text = [1, 2, 3];
  const of = ["embedding"];
  const refusals: [Parameters<GPT2["gradients"]>, typeof Error, string][] = [
    [[text, {} as never], TypeError, "of must be an array of names of activations and weights"],
    [[text, { of: [] }], TypeError, "received none"],
    [[text, { of: ["blocks.0.residua"] }], RangeError, "no such activation or weight"],
    [[text, { of: ["blocks.0.residua"] }], RangeError, 'Did you mean "blocks.0.residual"'],
    [[text, { of: ["blocks.0.mlpProjection.wieght"] }], RangeError, "mlpProjection.weight"],
    [[text, { of, answer: 61 }], RangeError, "answer must be a token, an integer from 0 to 60"],
    [[text, { of, answer: 1, against: 1 }], RangeError, "must differ"],
    [[text, { of, answer: 1, position: 3 }], RangeError, "from 0 to 2"],
    [[text, { of, answer: [1, 2] }], TypeError, "answer must be one number, or one for each text"],
    [[text, { of, answer: [] }], TypeError, "received 0 for 1 texts"],
    [[text, { of, answer: ["a"] as never }], TypeError, "answer must be a number, or an array"],
    [[text, { of, answer: [1], against: [1] }], RangeError, "must differ"],
    [[text, { of, answer: 1, targets: text }], TypeError, "received targets and answer"],
    [[text, { of, against: 1 }], TypeError, "against belongs to answer"],
    [[text, { of, position: 1 }], TypeError, "position belongs to answer"],
    [[text, { of, targets: [1, 2] }], TypeError, "targets must have the shape of the tokens"],
    [[[1], { of }], RangeError, "there is nothing to predict"],
    [[[61], { of }], RangeError, "an integer from 0 to 60"],
    [[[], { of }], RangeError, "from 1 to 16"],
    [[text, { of, layers: 1 } as never], TypeError, "there is no such option"],
    [
      [text, { of, intervene: { "blocks.0.residual": (x: Tensor) => slice(x, 1, 0, 1) } }],
      TypeError,
      "Cannot intervene in blocks.0.residual",
    ],
  ];
  for (const [args, ErrorClass, message] of refusals) {
    await assertRejects(() => model.gradients(...args), ErrorClass, message);
  }
});

Deno.test("gradients() are refused where the model is computed elsewhere", async () => {
  await using server = await startRpcServer();
  using model = await GPT2.fromPretrained("demo", { rpc: [server.endpoint] });
  await assertRejects(
    () => model.gradients([1, 2, 3], { of: ["embedding"] }),
    TypeError,
    'they are computed on the processor. Load the model with device: "cpu"',
  );
});

Deno.test("gradients() refuses more than can be kept before anything is computed", async () => {
  using model = new GPT2(GPT2Config.tiny(), { seed: 1 });
  const text = new Array<number>(128).fill(1);
  const texts = new Array<number[]>(5000).fill(text);
  await assertRejects(
    () => model.gradients(texts, { of: ["blocks.*.attention.scores"] }),
    RangeError,
    "Cannot compute gradients: the gradients of activations would take 2.4 GiB",
  );
});

Deno.test("gradients() stops when its signal is aborted, and the model goes on", async () => {
  using model = createTrainingModel("tied");
  const options = { of: ["embedding"] };
  await assertRejects(
    () => model.gradients(tokens, { ...options, signal: AbortSignal.abort() }),
    DOMException,
  );
  const [first, second] = await Promise.all([
    model.gradients(tokens, options),
    model.gradients(tokens, options),
    model.forward(tokens),
  ]);
  assertEquals(first.gradients.get("embedding"), second.gradients.get("embedding"));
});

for (const name of ["blocks.0.attentionNorm.weight", "blocks.0.attentionNorm"]) {
  Deno.test(`gradients() that are too large to be numbers are an error: ${name}`, async () => {
    using model = new GPT2(GPT2Config.tiny(), { seed: 1, threads: 1 });
    using adapter = await model.loadAdapter(randomAdapter(model.config, { rank: 2, seed: 1 }));
    const adapters = [{ adapter, scale: 2 ** 60 }];
    await assertRejects(
      () => model.gradients([1, 2, 3, 4], { of: [name], answer: 7, adapters }),
      NumericalError,
      "not finite",
    );
    const { gradients } = await model.gradients([1, 2, 3, 4], { of: [name], answer: 7 });
    assert(gradients.get(name)!.data.every(Number.isFinite));
  });
}
