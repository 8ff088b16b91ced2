// Values of one run in another.

import { assertEquals, assertNotEquals, assertRejects, assertThrows } from "@std/assert";
import { Engine } from "../../src/engine/engine.ts";
import { forward } from "../../src/engine/forward.ts";
import { generate } from "../../src/generation/generate.ts";
import { ablate } from "../../src/inspection/ablate.ts";
import { freeze, replace, type ReplaceOptions } from "../../src/inspection/replace.ts";
import { activationNames } from "../../src/model/activation_sites.ts";
import { GPT2Config } from "../../src/model/config.ts";
import { createModel } from "../../src/model/create_model.ts";
import { assertClose } from "../close.ts";
import { inspectable } from "./inspectable.ts";
import { logitsOf, smallConfig, smallModel, smallTexts as texts } from "./small_model.ts";

const attended = "blocks.1.attention.attended";
const other = [9, 8, 7, 6, 5, 4, 3];
/** Spelled-out attention adds up in another order than the fused kernel. */
const SPELLED_TOLERANCE = 5e-6;

Deno.test("replace() of all of a layer makes the other run, bit for bit", async () => {
  using model = inspectable(smallModel());
  for (
    const name of ["embedding", "blocks.0.residual", "blocks.1.residual", "finalNorm", "logits"]
  ) {
    const { logits, activations } = await model.forward(texts[0], { capture: [name] });
    const intervene = { [name]: replace(activations!.get(name)!) };
    assertEquals((await model.forward(other, { intervene })).logits, logits, name);
  }
});

Deno.test("replace() by what an activation is anyway changes nothing, whichever it is", async () => {
  using model = inspectable(smallModel());
  const names = activationNames(smallConfig);
  const { logits, activations } = await model.forward(texts, { capture: names });
  for (const name of names) {
    const intervene = { [name]: replace(activations!.get(name)!) };
    const changed = (await model.forward(texts, { intervene })).logits;
    for (const text of texts.keys()) {
      assertClose(logitsOf(changed, text), logitsOf(logits, text), SPELLED_TOLERANCE, name);
    }
  }
});

Deno.test("replace() writes the heads, positions and texts that it is told to, and no others", async () => {
  using model = inspectable(smallModel());
  const capture = [attended];
  const batch = [texts[0], other];
  const given = (await model.forward([other, texts[0]], { capture })).activations!.get(attended)!;
  const plain = (await model.forward(batch, { capture })).activations!.get(attended)!;
  const cases: [ReplaceOptions, (text: number, head: number, position: number) => boolean][] = [
    [{}, () => true],
    [{ heads: [2] }, (_, head) => head === 2],
    [{ positions: [0, 6], texts: [1] }, (text, _, at) => text === 1 && (at === 0 || at === 6)],
    [{ where: ({ head, text }) => head === text }, (text, head) => head === text],
  ];
  for (const [options, isReplaced] of cases) {
    const intervene = { [attended]: replace(given, options) };
    const { activations } = await model.forward(batch, { capture, intervene });
    const expected = plain.data.map((value, i) => {
      const [row, rest] = [Math.floor(i / 16), Math.floor(i / 16 / 7)];
      return isReplaced(Math.floor(rest / 4), rest % 4, row % 7) ? given.data[i] : value;
    });
    assertClose(activations!.get(attended)!.data, expected, 0, Object.keys(options).join());
  }
});

Deno.test("replace() takes the values from the text that fromText names", async () => {
  using model = inspectable(smallModel());
  const name = "blocks.0.residual";
  const { activations, logits } = await model.forward(texts, { capture: [name] });
  const intervene = { [name]: replace(activations!.get(name)!, { fromText: 2 }) };
  const changed = await model.forward(other.slice(0, 5), { intervene });
  assertEquals(changed.logits, logitsOf(logits, 2));
});

Deno.test("freeze() keeps attention as it was in a longer text", async () => {
  const sizes = { vocabSize: 131, embeddingDim: 64, numHeads: 4, numLayers: 2 };
  const config = new GPT2Config({ ...sizes, contextLength: 1024 });
  using model = inspectable(createModel(config, { threads: 1 }));
  const name = "blocks.1.attention.weights";
  const capture = [name];
  const long = Array.from({ length: 600 }, (_, i) => i % 131);
  const { activations } = await model.forward(long, { capture });
  const intervene = { [name]: freeze(activations!.get(name)!) };
  const changed = await model.forward(other.slice(0, 3), { capture, intervene });
  const { data, shape } = changed.activations!.get(name)!;
  assertEquals(shape, [1, 4, 3, 3]);
  const all = activations!.get(name)!.data;
  const expected = data.map((_, i) =>
    all[Math.floor(i / 9) * 600 * 600 + Math.floor(i / 3) % 3 * 600 + i % 3]
  );
  assertClose(data, expected, 0, name);
});

Deno.test("freeze() keeps attention as it was while a text goes on", async () => {
  using model = smallModel();
  using engine = new Engine(model);
  const names = [0, 1].map((layer) => `blocks.${layer}.attention.weights`);
  const run = await forward(engine, texts[0], { capture: names });
  const frozen = Object.fromEntries(
    names.map((name) => [name, freeze(run.activations!.get(name)!)]),
  );
  const intervene = { embedding: ablate({ positions: [3] }), ...frozen };
  const changed = await forward(engine, texts[0], { capture: names, intervene });
  for (const name of names) {
    const { data } = run.activations!.get(name)!;
    assertClose(changed.activations!.get(name)!.data, data, 0, name);
  }
  assertNotEquals(changed.logits, run.logits);
  const ids: number[] = [];
  const options = { maxNewTokens: 4, temperature: 0, ignoreEndOfText: true };
  for await (const { id } of generate(engine, undefined, [texts[0]], { ...options, intervene })) {
    ids.push(id);
  }
  assertEquals(ids.length, 4);
});

Deno.test("replace() refuses what it cannot do, with words that help", async () => {
  using model = inspectable(smallModel());
  const capture = ["embedding", attended, "blocks.0.attention.weights"];
  const { activations } = await model.forward([texts[0], other.slice(0, 2)], { capture });
  const stream = activations!.get("embedding")!;
  const heads = activations!.get(attended)!;
  const used: [name: string, intervention: unknown, error: ErrorConstructor, message: string][] = [
    ["embedding", replace(heads), TypeError, "values of the same activation are needed"],
    ["blocks.0.mlpNorm", replace({ ...stream, shape: [4, 7, 32] }), TypeError, "(4, 7, 32)"],
    ["embedding", replace(stream, { heads: [1] }), TypeError, "heads of embedding"],
    [attended, replace(heads, { heads: [5] }), RangeError, "received [5]"],
    ["embedding", replace(stream, { fromText: 1 }), RangeError, "none for position 2 of text 0"],
    ["embedding", replace({ ...stream, shape: [1, 14, 64] }), RangeError, "position 9"],
    ["embedding", replace(stream), RangeError, "2 texts were captured, and the call has 1"],
    ["embedding", freeze(stream), RangeError, "Say in fromText which of the captured ones"],
  ];
  for (const [name, intervention, error, message] of used) {
    const intervene = { [name]: intervention as ReturnType<typeof replace> };
    const run = () => model.forward(other.concat(other), { intervene });
    await assertRejects(run, error, message);
  }
  const made: [activation: unknown, options: unknown, error: ErrorConstructor, message: string][] =
    [
      [undefined, {}, TypeError, "Cannot replace: a captured activation is needed"],
      [{ ...stream, shape: [2, 3, 64] }, {}, TypeError, "received an object"],
      [{ ...stream, shape: [-2, -7, 64] }, {}, TypeError, "with at least one position"],
      [stream, { where: 1 }, TypeError, "where must be a function"],
      [stream, { positions: [0.5] }, RangeError, "positions must be integers: received [0.5]"],
      [stream, { fromText: 2 }, RangeError, "one of the 2 captured texts: received 2"],
      [stream, { fromtext: 1 }, TypeError, "Did you mean fromText?"],
    ];
  for (const [activation, options, error, message] of made) {
    // deno-lint-ignore no-explicit-any -- what no type checker lets through
    assertThrows(() => replace(activation as any, options as any), error, message);
  }
});
