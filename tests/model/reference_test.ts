import { fullLogits } from "./full_logits.ts";
import { assertEquals } from "@std/assert";
import { generate } from "../../src/generation/generate.ts";
import { Engine } from "../../src/engine/engine.ts";
import { logSumExp } from "../../src/base/log_sum_exp.ts";
import { crossEntropy } from "../../src/model/loss.ts";
import type { Model } from "../../src/model/model.ts";
import { Graph } from "../../src/tensor/graph.ts";
import { assertClose } from "../close.ts";
import { CapturingPass } from "./capturing_pass.ts";
import { createReferenceModel, makeWeight, readCase, readExpected } from "./reference.ts";

/** What is promised: F32 logits and activations equal those of Hugging Face transformers within this. */
const LOGIT_TOLERANCE = 1e-4;
const LOSS_TOLERANCE = 1e-5;
/** The same sums in another order: a cached key is a row of another matrix. */
const CACHE_TOLERANCE = 2e-5;

const GENERATED_CASES = ["tiny", "odd_heads_3", "odd_heads_5", "custom_shape"];

Deno.test("makeWeight() gives the weights that the reference was made with", () => {
  for (const name of [...GENERATED_CASES, "gpt2_small_shape", "activations"]) {
    const scales = readCase(name);
    for (const [weight, [first, second, third]] of Object.entries(scales.weight_samples)) {
      assertEquals([...makeWeight(weight, 3, scales)], [first, second, third], weight);
    }
  }
});

for (const name of GENERATED_CASES) {
  Deno.test(`logits and loss of ${name} are those of transformers`, async () => {
    using model = createReferenceModel(name);
    const expected = readExpected(name);
    const tokens = expected.get("tokens")!;
    const [batch, seq] = tokens.shape;
    const logits = await fullLogits(model, Int32Array.from(tokens.data), batch, seq);
    assertClose(logits, expected.get("logits")!.data, LOGIT_TOLERANCE, "logits");
    const loss = crossEntropy(logits, expected.get("targets")!.data, model.config.vocabSize);
    assertClose([loss], [readCase(name).loss], LOSS_TOLERANCE, "losses");
  });

  Deno.test(`the greedy continuation of ${name} is that of transformers`, async () => {
    using model = createReferenceModel(name);
    const { prompt, continuation } = readCase(name).greedy;
    assertEquals(await continueGreedily(model, [prompt], continuation.length), [continuation]);
  });
}

Deno.test("logits of GPT-2 small's shape are those of transformers", async () => {
  using model = createReferenceModel("gpt2_small_shape");
  const expected = readExpected("gpt2_small_shape");
  const [batch, seq] = expected.get("tokens")!.shape;
  const { vocabSize } = model.config;
  const logits = await fullLogits(model, Int32Array.from(expected.get("tokens")!.data), batch, seq);
  const rows = Array.from(
    { length: seq },
    (_, i) => logits.subarray(i * vocabSize, (i + 1) * vocabSize),
  );
  const columns = [...expected.get("columns")!.data];
  assertClose(
    rows.flatMap((row) => columns.map((column) => row[column])),
    expected.get("logits_at_columns")!.data,
    LOGIT_TOLERANCE,
    "logits",
  );
  const maxima = rows.map((row) => row.reduce((a, b) => Math.max(a, b)));
  assertClose(maxima, expected.get("logits_max")!.data, LOGIT_TOLERANCE, "maxima");
  assertEquals(
    rows.map((row, i) => row.indexOf(maxima[i])),
    [...expected.get("logits_argmax")!.data],
  );
  assertClose(
    rows.map((row) => logSumExp(row)),
    expected.get("logits_logsumexp")!.data,
    LOGIT_TOLERANCE,
    "normalizers",
  );
  const loss = crossEntropy(logits, expected.get("targets")!.data, vocabSize);
  assertClose([loss], [readCase("gpt2_small_shape").loss], LOSS_TOLERANCE, "losses");
});

Deno.test("every activation of a small model is that of transformers", async (t) => {
  using model = createReferenceModel("activations");
  const expected = readExpected("activations");
  const tokens = expected.get("tokens")!;
  const [batch, seq] = tokens.shape;
  using graph = new Graph(model.backend, {
    attention: "explicit",
  });
  const pass = new CapturingPass(graph, batch, seq);
  model.build(pass);
  graph.allocate();
  pass.write(Int32Array.from(tokens.data));
  graph.compute();
  const names = [...expected.keys()].filter((name) => name !== "tokens" && name !== "targets");
  assertEquals([...pass.activations.keys()].sort(), names.sort());
  for (const name of names) {
    await t.step(name, () => {
      const activation = pass.activations.get(name)!;
      assertEquals(activation.shape, expected.get(name)!.shape);
      assertClose(graph.readF32(activation), expected.get(name)!.data, LOGIT_TOLERANCE, name);
    });
  }
});

Deno.test("fused and explicit attention agree", async () => {
  using model = createReferenceModel("tiny");
  const tokens = Int32Array.from({ length: 60 }, (_, i) => (i * 97) % 300);
  const fused = await fullLogits(model, tokens, 2, 30);
  using graph = new Graph(model.backend, { attention: "explicit" });
  const pass = new CapturingPass(graph, 2, 30);
  const logits = graph.output(model.build(pass));
  graph.allocate();
  pass.write(tokens);
  graph.compute();
  assertClose(graph.readF32(logits), fused, CACHE_TOLERANCE, "logits");
});

Deno.test("decoding from the cache equals reading everything again", async () => {
  using model = createReferenceModel("tiny");
  const { vocabSize } = model.config;
  const texts = [150, 131].map((seq, text) =>
    Int32Array.from({ length: seq }, (_, i) => (i * i * 7 + text * 31 + 3 * i) % vocabSize)
  );
  const full: Float32Array[] = [];
  for (const tokens of texts) full.push(await fullLogits(model, tokens, 1, tokens.length));
  using engine = new Engine(model);
  const sequences = texts.map(() => engine.open());
  const lengths = [0, 0];
  // Parts of all sizes, across the steps in which the cache is read, for texts of different lengths.
  const parts = [[5, 1], [1, 1], [70, 64], [1, 1], [1, 0], [1, 1], [60, 3], [1, 50], [10, 10]];
  for (const part of parts) {
    const added = part.map((count, text) =>
      texts[text].slice(lengths[text], lengths[text] + count)
    );
    const logits = await engine.step(
      sequences.map((sequence, i) => ({ sequence, tokens: added[i], logits: "last" })),
    );
    part.forEach((count, text) => {
      lengths[text] += count;
      if (count === 0) return;
      const row = (lengths[text] - 1) * vocabSize;
      assertClose(
        logits[text],
        full[text].subarray(row, row + vocabSize),
        CACHE_TOLERANCE,
        `logits of text ${text} after ${lengths[text]} tokens`,
      );
    });
  }
  assertEquals(lengths, [150, 131]);
});

Deno.test("a batch of prompts of different lengths gives what each prompt gives alone", async () => {
  using model = createReferenceModel("tiny");
  const prompts = [[1, 2, 3], [200], Array.from({ length: 40 }, (_, i) => 7 * i % 300)];
  const alone = [];
  for (const prompt of prompts) alone.push(...await continueGreedily(model, [prompt], 30));
  assertEquals(await continueGreedily(model, prompts, 30), alone);
});

async function continueGreedily(
  model: Model,
  prompts: number[][],
  maxNewTokens: number,
): Promise<number[][]> {
  const continuations: number[][] = prompts.map(() => []);
  for await (
    const { prompt, id } of generate(new Engine(model), undefined, prompts, {
      greedy: true,
      maxNewTokens,
    })
  ) {
    continuations[prompt].push(id);
  }
  return continuations;
}
