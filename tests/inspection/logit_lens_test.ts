// The logit lens, against plain PyTorch and against the model's own logits.

import { assert, assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import { GPT2 } from "../../src/gpt2.ts";
import { logitLens, type RankedToken } from "../../src/inspection/logit_lens.ts";
import { logSumExp } from "../../src/base/log_sum_exp.ts";
import { createReferenceModel, readExpected } from "../model/reference.ts";
import { inspectable } from "./inspectable.ts";
import { untiedModel } from "./untied_model.ts";

type Standing = [id: number, probability: number, rank: number];

/** What `scripts/make_lens_reference.py` has written. */
const expected: {
  layers: string[];
  lens: { top: Standing[]; entropy: number; answer: Standing; next?: Standing }[][];
} = JSON.parse(
  Deno.readTextFileSync(new URL("../fixtures/inspection/lens.json", import.meta.url)),
);
/** What is promised of F32 models. */
const TOLERANCE = 1e-4;
/** The same weights and the same operations: what differs is how many rows are computed at once. */
const SAME_TOLERANCE = 1e-5;
/** Quantized weights are multiplied with rows that are rounded to 8 bits; how many rows there are decides by which kernel. */
const QUANTIZED_TOLERANCE = 2e-3;

const text = [...readExpected("activations").get("tokens")!.data];

function assertStanding(actual: RankedToken, [id, probability, rank]: Standing, where: string) {
  assertEquals([actual.id, actual.rank], [id, rank], where);
  assertAlmostEquals(actual.probability, probability, TOLERANCE, where);
}

Deno.test("logitLens() reads every layer as plain PyTorch does", async () => {
  using model = inspectable(createReferenceModel("activations"));
  const layers = await logitLens(model, text, { top: 3 });
  assertEquals(layers.map(({ name }) => name), expected.layers);
  for (const [i, { name, positions }] of layers.entries()) {
    assertEquals(positions.length, text.length);
    for (const [position, reading] of positions.entries()) {
      const where = `${name} at ${position}`;
      const { top, entropy, answer, next } = expected.lens[i][position];
      assertEquals(reading.top.length, top.length);
      top.forEach((each, rank) => assertStanding(reading.top[rank], each, where));
      assertAlmostEquals(reading.entropy, entropy, TOLERANCE, where);
      assertStanding(reading.answer, answer, where);
      assertEquals(reading.next === undefined, next === undefined, where);
      if (next !== undefined) assertStanding(reading.next!, next, where);
    }
  }
});

for (const [type, tolerance] of [["f32", SAME_TOLERANCE], ["q8_0", QUANTIZED_TOLERANCE]] as const) {
  Deno.test(`logitLens() says of the last layer what the model says, with ${type} weights`, async () => {
    using model = await GPT2.fromPretrained("demo", { type, threads: 1 });
    const tokens = model.tokenizer!.encode("First Citizen:\nBefore we proceed");
    const { logits, shape: [, , vocab] } = await model.forward(tokens);
    const last = (await logitLens(model, tokens, { top: 4 })).at(-1)!;
    for (const [position, { top, answer, next }] of last.positions.entries()) {
      const row = logits.subarray(position * vocab, (position + 1) * vocab);
      const logSum = logSumExp(row);
      const named = next === undefined ? top : [...top, next];
      for (const { id, text, probability } of named) {
        assertAlmostEquals(probability, Math.exp(row[id] - logSum), tolerance);
        assertEquals(text, model.tokenizer!.decode([id]));
      }
      assertEquals(answer, top[0]);
      assertEquals(next?.id, tokens[position + 1]);
    }
  });
}

for (const type of ["f32", "q8_0"] as const) {
  Deno.test(`logitLens() reads with a ${type} projection of a model's own, and leaves its padding out`, async () => {
    using model = inspectable(await untiedModel(type));
    const tokens = [5, 9, 70];
    const { logits } = await model.forward(tokens, { logits: "last" });
    const { top, entropy } = (await logitLens(model, tokens, { top: 71 })).at(-1)!.positions[2];
    const logSum = logSumExp(logits);
    for (const { id, probability } of top) {
      assertAlmostEquals(probability, Math.exp(logits[id] - logSum), QUANTIZED_TOLERANCE);
    }
    const expected = logits.reduce(
      (sum, logit) => sum + Math.exp(logit - logSum) * (logSum - logit),
      0,
    );
    assertAlmostEquals(entropy, expected, QUANTIZED_TOLERANCE);
  });
}

Deno.test("logitLens() gives the same for texts of many rows, while others compute", async () => {
  using model = await GPT2.fromPretrained("demo", { threads: 1 });
  const tokens = Array.from({ length: 250 }, (_, i) => (i * 37) % model.config.vocabSize);
  // More rows than are projected at once.
  const [layers, , short] = await Promise.all([
    logitLens(model, tokens, { top: 1 }),
    model.generateText("ROMEO:", { maxNewTokens: 5, greedy: true }),
    logitLens(model, tokens.slice(0, 9), { top: 1 }),
  ]);
  for (const [i, { positions }] of short.entries()) {
    for (const [position, { top, entropy, answer }] of positions.entries()) {
      const long = layers[i].positions[position];
      assertEquals([long.top[0].id, long.answer.id], [top[0].id, answer.id]);
      assertAlmostEquals(long.entropy, entropy, QUANTIZED_TOLERANCE);
    }
  }
});

Deno.test("logitLens() names as many tokens as there are, each once, when asked for more", async () => {
  using model = inspectable(createReferenceModel("activations"));
  const [{ positions: [{ top }] }] = await logitLens(model, text, { top: 100 });
  assertEquals(top.length, 64);
  assertEquals(new Set(top.map(({ id }) => id)).size, 64);
  assertEquals(top.map(({ rank }) => rank), top.map((_, i) => i));
  const sum = top.reduce((sum, { probability }) => sum + probability, 0);
  assertAlmostEquals(sum, 1, 1e-6);
});

Deno.test("logitLens() says the same where more tokens are named than are found beside the logits", async () => {
  using model = await GPT2.fromPretrained("demo", { threads: 1 });
  const tokens = model.tokenizer!.encode("KING RICHARD");
  const [few, many] = await Promise.all([5, 300].map((top) => logitLens(model, tokens, { top })));
  for (const [i, { name, positions }] of many.entries()) {
    for (const [position, { top, entropy, answer, next }] of positions.entries()) {
      const other = few[i].positions[position];
      assertEquals(top.length, 300);
      assertEquals(top.slice(0, 5).map(({ id }) => id), other.top.map(({ id }) => id), name);
      assertEquals([answer.rank, next?.rank], [other.answer.rank, other.next?.rank], name);
      assertAlmostEquals(answer.probability, other.answer.probability, 1e-6, name);
      assertAlmostEquals(entropy, other.entropy, 1e-5, name);
    }
  }
});

const wrong: [tokens: unknown, options: unknown, error: ErrorConstructor, message: string][] = [
  ["ROMEO:", {}, TypeError, "model.tokenizer.encode(text) gives them"],
  [[[1, 2]], {}, TypeError, "the tokens of one text are needed"],
  [[], {}, RangeError, "from 1 to 16 tokens: received 0"],
  [new Array(17).fill(1), {}, RangeError, "from 1 to 16 tokens: received 17"],
  [[64], {}, RangeError, "an integer from 0 to 63"],
  [[1], { top: 0 }, RangeError, "top must be an integer from 1 to 1000"],
  [[1], { tops: 1 }, TypeError, "Did you mean top?"],
];

for (const [tokens, options, error, message] of wrong) {
  Deno.test(`logitLens() refuses ${JSON.stringify([tokens, options])}`, async () => {
    using model = inspectable(createReferenceModel("activations"));
    // deno-lint-ignore no-explicit-any -- what no type checker lets through
    await assertRejects(() => logitLens(model, tokens as any, options as any), error, message);
  });
}

Deno.test("logitLens() refuses what is no model, and stops when it is told to", async () => {
  // deno-lint-ignore no-explicit-any -- what no type checker lets through
  await assertRejects(() => logitLens({} as any, [1]), TypeError, "a GPT2 is needed");
  using model = inspectable(createReferenceModel("activations"));
  const signal = AbortSignal.abort();
  const error = await assertRejects(() => logitLens(model, text, { signal }), DOMException);
  assert(error.name === "AbortError");
});

Deno.test("logitLens() says how each layer sees a token that is named", async () => {
  using model = inspectable(createReferenceModel("activations"));
  const [named] = text;
  const layers = await logitLens(model, text, { top: 1000, answer: named });
  for (const { positions } of layers) {
    for (const { top, answer } of positions) {
      const own = top.find(({ id }) => id === named)!;
      assertEquals([answer.id, answer.rank], [named, own.rank]);
      assertAlmostEquals(answer.probability, own.probability, SAME_TOLERANCE);
    }
  }
  await assertRejects(() => logitLens(model, text, { answer: -1 }), RangeError, "answer must be");
  const wrong = { answer: "a" as unknown as number };
  await assertRejects(() => logitLens(model, text, wrong), TypeError, "answer must be a token");
});
