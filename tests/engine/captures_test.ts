// Activations that are captured, against those of Hugging Face transformers and against each other.

import { assert, assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import type {
  CapturedActivation,
  CapturedActivations,
} from "../../src/engine/activation_record.ts";
import { Engine } from "../../src/engine/engine.ts";
import { forward } from "../../src/engine/forward.ts";
import { startHooks } from "../../src/engine/start_hooks.ts";
import { generate } from "../../src/generation/generate.ts";
import { activationNames } from "../../src/model/activation_sites.ts";
import { GPT2Config } from "../../src/model/config.ts";
import { createModel } from "../../src/model/create_model.ts";
import type { Model } from "../../src/model/model.ts";
import { assertClose, maxDifference } from "../close.ts";
import { createReferenceModel, readExpected } from "../model/reference.ts";

/** What is promised: F32 activations equal those of Hugging Face transformers within this. */
const REFERENCE_TOLERANCE = 1e-4;
/** Spelled-out attention adds up in another order than the fused kernel: 1.4e-6 here, where activations reach 10. */
const SPELLED_TOLERANCE = 5e-6;

const expected = readExpected("activations");
const text = [...expected.get("tokens")!.data];
/** Longer and shorter than the reference, so that batches are ragged. */
const others = [Array.from({ length: 10 }, (_, i) => (i * 31) % 64), [5, 3]];

function activationsModel(): Model {
  return createReferenceModel("activations");
}

/** Texts of it are read in more than one part. */
function longModel(): Model {
  const sizes = { vocabSize: 97, contextLength: 1024, embeddingDim: 32, numHeads: 4, numLayers: 2 };
  return createModel(new GPT2Config(sizes), { threads: 1 });
}

for (const cacheType of ["f32", "f16", "q8_0"] as const) {
  Deno.test(`attention is spelled out of keys and values in ${cacheType} as exactly as it is fused`, async () => {
    const sizes = {
      vocabSize: 97,
      contextLength: 128,
      embeddingDim: 64,
      numHeads: 2,
      numLayers: 2,
    };
    using model = createModel(new GPT2Config(sizes), { threads: 1, seed: 1, cacheType });
    using engine = new Engine(model);
    const texts = [Array.from({ length: 70 }, (_, i) => i), [5, 6]];
    const plain = await forward(engine, texts);
    const capture = ["blocks.*.attention.weights"];
    const spelled = await forward(engine, texts, { capture });
    assertClose(spelled.logits, plain.logits, SPELLED_TOLERANCE, "logits");
    assertNotEquals(spelled.logits, plain.logits);
  });
}

/** What the reference says of an activation. Scores of positions that come later are masked here. */
function expectedOf(name: string): { shape: readonly number[]; data: Float32Array } {
  const { shape, data } = expected.get(name)!;
  const values = Float32Array.from(data);
  const seq = shape.at(-1)!;
  if (name.endsWith(".scores")) {
    for (let i = 0; i < values.length; i++) {
      if (i % seq > Math.floor(i / seq) % seq) values[i] = -Infinity;
    }
  }
  return { shape, data: values };
}

/** One text of a batch, as if it were alone. */
function ofText(
  { axes, shape, data }: CapturedActivation,
  index: number,
  length: number,
): CapturedActivation {
  const [, second, third, fourth] = shape;
  const isPairs = axes.includes("seq_k");
  const [heads, seq, width] = shape.length === 4 ? [second, third, fourth] : [1, second, third];
  const columns = isPairs ? length : width;
  const values: number[] = [];
  for (let head = 0; head < heads; head++) {
    for (let position = 0; position < length; position++) {
      const row = ((index * heads + head) * seq + position) * width;
      values.push(...data.subarray(row, row + columns));
    }
  }
  const own = shape.length === 4 ? [1, heads, length, columns] : [1, length, columns];
  return { axes, shape: own, data: Float32Array.from(values) };
}

function assertReference(activations: CapturedActivations): void {
  assertEquals(
    [...activations.keys()].sort(),
    [...expected.keys()].filter((name) => name !== "tokens" && name !== "targets").sort(),
  );
  for (const [name, { axes, shape, data }] of activations) {
    const { shape: expectedShape, data: values } = expectedOf(name);
    assertEquals(shape, expectedShape, name);
    assertEquals(axes.split(" ").length, shape.length, name);
    assertClose(data, values, REFERENCE_TOLERANCE, name);
  }
}

Deno.test("forward() captures every activation as transformers computes it", async () => {
  using model = activationsModel();
  using engine = new Engine(model);
  const { activations } = await forward(engine, text, { capture: activationNames(model.config) });
  assertReference(activations!);
});

Deno.test("forward() captures the same of a text in a ragged batch", async () => {
  using model = activationsModel();
  using engine = new Engine(model);
  const capture = activationNames(model.config);
  const texts = [others[0], text, others[1]];
  const { activations } = await forward(engine, texts, { capture });
  const own = new Map(
    [...activations!].map(([name, all]) => [name, ofText(all, 1, text.length)]),
  );
  assertReference(own);
  // A text of the batch has no other positions than its own.
  const { shape, data } = activations!.get("embedding")!;
  assertEquals(shape, [3, 10, 32]);
  assert(data.subarray((10 + text.length) * 32, 2 * 10 * 32).every(Number.isNaN));
});

Deno.test("step() captures the same of a text that is read in parts", async () => {
  using model = activationsModel();
  using engine = new Engine(model);
  const hooks = await startHooks("test", { capture: activationNames(model.config) }, model.config);
  const hooked = hooks!.open(0, text.length);
  using sequence = engine.open();
  using beside = engine.open();
  let start = 0;
  for (const count of [3, 1, text.length - 4]) {
    const tokens = text.slice(start, start += count);
    await engine.step([
      { sequence: beside, tokens: others[0].slice(0, 2), logits: "none" },
      { sequence, tokens, logits: "last", hooked },
    ]);
  }
  assertReference(hooks!.assemble([hooked])!);
});

Deno.test("forward() reads long texts in parts and captures all of it", async () => {
  using model = longModel();
  using engine = new Engine(model);
  const long = Array.from({ length: 600 }, (_, i) => (i * 13) % model.config.vocabSize);
  const capture = ["blocks.1.attention.weights", "blocks.0.residual"];
  const { activations } = await forward(engine, long, { capture, logits: "last" });
  const weights = activations!.get("blocks.1.attention.weights")!;
  assertEquals(weights.shape, [1, model.config.numHeads, 600, 600]);
  for (const position of [0, 511, 512, 599]) {
    const row = weights.data.subarray(position * 600, (position + 1) * 600);
    const sum = row.subarray(0, position + 1).reduce((a, b) => a + b, 0);
    assertClose([sum], [1], 1e-5, "the weights of a query");
    assert(row.subarray(position + 1).every((weight) => weight === 0));
  }
  assertEquals(activations!.get("blocks.0.residual")!.shape, [1, 600, model.config.embeddingDim]);
});

for (const logits of ["all", "last", "none"] as const) {
  Deno.test(`capturing changes no bit of the logits but by spelling attention out, with logits: "${logits}"`, async () => {
    using model = activationsModel();
    using engine = new Engine(model);
    const texts = [text, ...others];
    const plain = await forward(engine, texts, { logits });
    const names = activationNames(model.config);
    const fused = names.filter((name) => !/scores|weights/.test(name));
    const captured = await forward(engine, texts, { logits, capture: fused });
    assertEquals(captured.logits, plain.logits);
    assertEquals(captured.activations!.get("finalNorm")!.shape, [3, 10, 32]);
    const spelled = await forward(engine, texts, { logits, capture: names });
    assertClose(spelled.logits, plain.logits, SPELLED_TOLERANCE, "logits");
    for (const name of fused) {
      const { data } = captured.activations!.get(name)!;
      assertClose(spelled.activations!.get(name)!.data, data, SPELLED_TOLERANCE, name);
    }
  });
}

Deno.test("generate() gives each token what was read for it, and together that is what forward() captures", async () => {
  using model = activationsModel();
  using engine = new Engine(model);
  const capture = ["blocks.*.residual", "blocks.1.attention.weights", "logits"];
  const prompts = [text.slice(0, 4), others[0]];
  const written: number[][] = [[], []];
  const captured: CapturedActivations[][] = [[], []];
  const options = { maxNewTokens: 6, temperature: 0, capture };
  for await (const { prompt, id, activations } of generate(engine, undefined, prompts, options)) {
    written[prompt].push(id);
    captured[prompt].push(activations!);
  }
  const plain: number[][] = [[], []];
  for await (
    const { prompt, id, ...rest } of generate(engine, undefined, prompts, {
      ...options,
      capture: undefined,
    })
  ) {
    plain[prompt].push(id);
    assertEquals("activations" in rest, false);
  }
  assertEquals(written, plain);
  for (const [prompt, tokens] of prompts.entries()) {
    const all = [...tokens, ...written[prompt].slice(0, -1)];
    const { activations } = await forward(engine, all, { capture });
    let position = 0;
    for (const step of captured[prompt]) {
      const end = position === 0 ? tokens.length : position + 1;
      for (const [name, { shape, data }] of step) {
        const whole = activations!.get(name)!;
        const own = shape.length === 4 ? [1, shape[1], end - position, end] : [
          1,
          end - position,
          shape[2],
        ];
        assertEquals(shape, own, name);
        const rows = rowsOf(whole, position, end);
        assertClose(data, rows, SPELLED_TOLERANCE, `${name} at ${position}`);
      }
      position = end;
    }
    assertEquals(position, all.length);
  }
});

/** Some positions of an activation of one text; of `seq_k`, those up to the last of them. */
function rowsOf({ axes, shape, data }: CapturedActivation, start: number, end: number): number[] {
  const width = shape.at(-1)!;
  const seq = shape.at(-2)!;
  const columns = axes.includes("seq_k") ? end : width;
  const heads = shape.length === 4 ? shape[1] : 1;
  return Array.from({ length: heads }, (_, head) =>
    Array.from({ length: end - start }, (_, i) => {
      const row = (head * seq + start + i) * width;
      return [...data.subarray(row, row + columns)];
    })).flat(2);
}

Deno.test("generate() gives the prompt's activations with the first token of each of its continuations", async () => {
  using model = activationsModel();
  using engine = new Engine(model);
  const lengths: number[][] = [];
  const options = { maxNewTokens: 2, seed: 1, capture: ["embedding"], numReturnSequences: 3 };
  for await (const { sequence, activations } of generate(engine, undefined, [text], options)) {
    (lengths[sequence] ??= []).push(activations!.get("embedding")!.shape[1]);
  }
  assertEquals(lengths, [[text.length, 1], [text.length, 1], [text.length, 1]]);
});

Deno.test("what is captured of one continuation is in no memory of another, nor of another text", async () => {
  using model = activationsModel();
  using engine = new Engine(model);
  const name = "blocks.0.residual";
  const options = { maxNewTokens: 1, seed: 1, capture: [name], numReturnSequences: 2 };
  const steps = await Array.fromAsync(generate(engine, undefined, [text, others[0]], options));
  const { activations } = await forward(engine, [text, others[0]], { capture: [name] });
  const arrays = [...steps.map(({ activations }) => activations!), activations!]
    .map((each) => each.get(name)!.data);
  assertEquals(new Set(arrays.map(({ buffer }) => buffer)).size, 5);
  for (const data of arrays) assertEquals(data.byteLength, data.buffer.byteLength);
  assertEquals(arrays[0], arrays[1]);
  arrays[0].fill(0);
  assert(arrays.slice(1).every((data) => data.some((value) => value !== 0)));
});

Deno.test("generate() captures what is read again after a crop", async () => {
  using model = activationsModel();
  using engine = new Engine(model);
  const { contextLength } = model.config;
  const prompt = Array.from({ length: contextLength - 1 }, (_, i) => i % 64);
  const lengths: number[] = [];
  const options = { maxNewTokens: 4, overflow: "crop" as const, capture: ["finalNorm"] };
  for await (const { activations } of generate(engine, undefined, [prompt], options)) {
    lengths.push(activations!.get("finalNorm")!.shape[1]);
  }
  assertEquals(lengths, [contextLength - 1, 1, Math.ceil(contextLength / 2), 1]);
});

Deno.test("positions says which rows are kept, in that order", async () => {
  using model = activationsModel();
  using engine = new Engine(model);
  const names = ["blocks.1.mlp.hidden", "blocks.0.attention.query"];
  const texts = [text, others[1]];
  const all = (await forward(engine, texts, { capture: names })).activations!;
  const some = (await forward(engine, texts, { capture: { names, positions: [4, 1] } }))
    .activations!;
  for (const name of names) {
    const whole = ofText(all.get(name)!, 0, text.length);
    const rows = ofText(some.get(name)!, 0, 2);
    const [fourth, first] = [rowsOf(whole, 4, 5), rowsOf(whole, 1, 2)];
    assertEquals(rowsOf(rows, 0, 1), fourth, name);
    assertEquals(rowsOf(rows, 1, 2), first, name);
    // The second text has two tokens: of position 4 there is nothing.
    assert(rowsOf(ofText(some.get(name)!, 1, 2), 0, 1).every(Number.isNaN));
  }
  const last = (await forward(engine, texts, { capture: { names, positions: "last" } }))
    .activations!;
  for (const name of names) {
    for (const [i, { length }] of texts.entries()) {
      const whole = ofText(all.get(name)!, i, length);
      assertEquals(
        rowsOf(ofText(last.get(name)!, i, 1), 0, 1),
        rowsOf(whole, length - 1, length),
      );
    }
  }
});

Deno.test("* alone captures everything", async () => {
  using model = activationsModel();
  using engine = new Engine(model);
  const { activations } = await forward(engine, text, { capture: ["*"] });
  assertEquals([...activations!.keys()], activationNames(model.config));
});

Deno.test("* stands for any characters of a name, dots as well", async () => {
  using model = activationsModel();
  using engine = new Engine(model);
  const { activations } = await forward(engine, text, { capture: ["blocks.1.*", "*Norm"] });
  const names = activationNames(model.config);
  const expected = names.filter((name) => name.startsWith("blocks.1.") || name.endsWith("Norm"));
  assertEquals([...activations!.keys()], expected);
});

const wrong: [capture: unknown, error: ErrorConstructor, message: string][] = [
  [["blocks.0.resid"], RangeError, `Did you mean "blocks.0.residual"`],
  [["blocks.2.residual"], RangeError, "no such activation"],
  [["blocks.2.residual"], RangeError, "The last block of this model is 1."],
  [["blocks.12.hook_resid_post"], RangeError, "The last block of this model is 1."],
  [["weights"], RangeError, `Did you mean "blocks.*.attention.weights"`],
  [["*.nothing"], RangeError, "activationNames(model.config) lists all"],
  ["embedding", TypeError, "an array of names"],
  [[3], TypeError, "names must be an array of texts"],
  [{ positions: [1] }, TypeError, "names must be an array of texts: received nothing"],
  [{ names: ["embedding"], positions: [1, 1] }, RangeError, "different integers"],
  [{ names: ["embedding"], positions: [-8] }, RangeError, "of the longest text 7 tokens are given"],
  [{ names: ["embedding"], positions: [-999] }, RangeError, "or below 0, counted from the end"],
  [{ names: ["embedding"], positions: [] }, RangeError, "different integers"],
  [{ names: ["embedding"], positions: [7] }, RangeError, "the longest text has 7 tokens"],
  [{ names: ["embedding"], positions: "first" }, RangeError, `"last", or an array of positions`],
  [{ names: ["embedding"], position: "last" }, TypeError, "Did you mean positions?"],
];

for (const [capture, error, message] of wrong) {
  Deno.test(`capturing ${JSON.stringify(capture)} is refused`, async () => {
    using model = activationsModel();
    using engine = new Engine(model);
    // deno-lint-ignore no-explicit-any -- what no type checker lets through
    const options = { capture: capture as any };
    await assertRejects(() => forward(engine, text, options), error, message);
  });
}

Deno.test("capturing more than fits is refused before anything is computed", async () => {
  using model = longModel();
  using engine = new Engine(model);
  const texts = Array.from({ length: 400 }, () => new Array(900).fill(1));
  const capture = ["blocks.*.attention.weights"];
  await assertRejects(
    () => forward(engine, texts, { capture, logits: "last" }),
    RangeError,
    "2 are kept at most. Ask for fewer of them",
  );
});

Deno.test("the comparison of activations notices a difference in a single element", () => {
  const { data } = expectedOf("blocks.0.residual");
  const changed = data.with(5, data[5] + 2e-4);
  assert(maxDifference(changed, data) > REFERENCE_TOLERANCE);
});

Deno.test("calls that capture the same use the same graphs", async () => {
  using model = activationsModel();
  using engine = new Engine(model);
  let numBuilt = 0;
  const { build } = model;
  model.build = (pass) => {
    numBuilt++;
    return build.call(model, pass);
  };
  const call = async (capture: string[]) => {
    const options = { maxNewTokens: 4, temperature: 0, capture };
    const given = generate(engine, undefined, [text.slice(0, 4)], options);
    return (await Array.fromAsync(given)).map(({ activations }) => activations);
  };
  // As long as there is a text, there is a cache that graphs can be about.
  using other = engine.open();
  await engine.step([{ sequence: other, tokens: [1], logits: "none" }]);
  await call([]);
  numBuilt = 0;
  const first = await call(["blocks.0.residual"]);
  // One for the prompt, and one for all tokens after it.
  assertEquals(numBuilt, 2);
  assertEquals(await call(["blocks.0.residual"]), first);
  assertEquals(numBuilt, 2);
  await call(["blocks.1.residual"]);
  assertEquals(numBuilt, 4);
});
