// Pushing activations in a direction, and finding one.

import { assert, assertEquals, assertNotEquals, assertRejects, assertThrows } from "@std/assert";
import { Engine } from "../../src/engine/engine.ts";
import type { Intervention, InterventionFunction } from "../../src/engine/intervention.ts";
import { generate } from "../../src/generation/generate.ts";
import { steer } from "../../src/inspection/steer.ts";
import { steeringVector } from "../../src/inspection/steering_vector.ts";
import { activationNames } from "../../src/model/activation_sites.ts";
import { scale } from "../../src/tensor/elementwise.ts";
import { assertClose } from "../close.ts";
import { inspectable } from "./inspectable.ts";
import { logitsOf, smallConfig, smallModel, smallTexts as texts } from "./small_model.ts";

const name = "blocks.0.residual";
const direction = Float32Array.from({ length: 64 }, (_, i) => Math.sin(i));

Deno.test("steer() by strength 0 changes no bit, wherever it is done", async () => {
  using model = inspectable(smallModel());
  const capture = activationNames(smallConfig);
  const { activations } = await model.forward(texts, { capture });
  const bits = (values: Float32Array) => new Uint32Array(values.buffer);
  const plain = bits((await model.forward(texts)).logits);
  for (const [name, { axes, shape }] of activations!) {
    if (axes.endsWith("seq_k")) continue;
    const vector = Array.from({ length: shape.at(-1)! }, (_, i) => i - 7);
    const { logits } = await model.forward(texts, { intervene: { [name]: steer(vector, 0) } });
    assertEquals(bits(logits), plain, name);
  }
});

Deno.test("steer() by strength 0 changes not even the sign of a zero", async () => {
  using model = inspectable(smallModel());
  const zeros = ((x) => scale(x, 0)) satisfies InterventionFunction;
  const run = async (...interventions: (Intervention | InterventionFunction)[]) => {
    const intervene = { [name]: interventions };
    const { activations } = await model.forward(texts[0], { capture: [name], intervene });
    return new Uint32Array(activations!.get(name)!.data.buffer);
  };
  const bits = await run(zeros);
  assert(bits.some((each) => each !== 0), "some zeros are negative");
  assertEquals(await run(zeros, steer(direction, 0)), bits);
});

Deno.test("steer() adds strength times the vector where it is told to", async () => {
  using model = inspectable(smallModel());
  const capture = [name];
  const plain = (await model.forward(texts[0], { capture })).activations!.get(name)!.data;
  const intervene = { [name]: steer(direction, -2.5, { positions: [1, 4] }) };
  const { activations } = await model.forward(texts[0], { capture, intervene });
  const expected = plain.map((value, i) =>
    [1, 4].includes(Math.floor(i / 64)) ? value + Math.fround(-2.5 * direction[i % 64]) : value
  );
  assertClose(activations!.get(name)!.data, expected, 1e-6);
});

Deno.test("steer() in one text of a batch changes no bit of the others", async () => {
  using model = inspectable(smallModel());
  const { logits } = await model.forward(texts);
  const intervene = { [name]: steer(direction, 5, { texts: [0] }) };
  const changed = (await model.forward(texts, { intervene })).logits;
  for (const text of [1, 2]) assertEquals(logitsOf(changed, text), logitsOf(logits, text));
  assertNotEquals(logitsOf(changed, 0), logitsOf(logits, 0));
});

Deno.test("the strength and the vector of steer() can be set while a text is written", async () => {
  using model = smallModel();
  using engine = new Engine(model);
  const options = { maxNewTokens: 9, temperature: 0, ignoreEndOfText: true };
  const write = async (
    steering = steer(direction, 0),
    after: (count: number) => void = () => {},
  ) => {
    const ids: number[] = [];
    let numBuilt = 0;
    const counted = {
      change: ((x, context) => {
        numBuilt++;
        return steering.change(x, context);
      }) as typeof steering.change,
    };
    const intervene = { [name]: counted };
    for await (const { id } of generate(engine, undefined, [texts[0]], { ...options, intervene })) {
      after(ids.push(id));
    }
    // Once for the prompt, once for all steps of one token.
    assertEquals(numBuilt, 2);
    return ids;
  };
  const plain = await write();
  const stronger = steer(direction, 0);
  const changed = await write(stronger, (count) => {
    if (count === 4) stronger.strength = 60;
  });
  assertEquals(changed.slice(0, 4), plain.slice(0, 4));
  assertNotEquals(changed, plain);
  const turned = steer(new Float32Array(64), 60);
  assertEquals(
    await write(turned, (count) => {
      if (count === 4) turned.vector = direction;
    }),
    changed,
  );
  // A copy: what is done to it makes no difference.
  (turned.vector as Float32Array).fill(0);
  assertEquals([stronger.strength, Array.from(turned.vector)], [60, [...direction]]);
});

Deno.test("steer() refuses what it cannot add", async () => {
  using model = inspectable(smallModel());
  const used: [string, ReturnType<typeof steer>, ErrorConstructor, string][] = [
    [
      name,
      steer([1, 2]),
      TypeError,
      "its last axis is embed, of 64 elements: received a vector of 2",
    ],
    ["blocks.0.attention.weights", steer([1, 1, 1, 1, 1, 1, 1]), TypeError, "last axis is seq_k"],
    [name, steer(direction, 1, { heads: [1] }), TypeError, "Cannot steer heads of"],
  ];
  for (const [name, steering, error, message] of used) {
    const run = () => model.forward(texts[0], { intervene: { [name]: steering } });
    await assertRejects(run, error, message);
  }
  const made: [unknown[], ErrorConstructor, string][] = [
    [["up"], TypeError, "the vector must be an array of some numbers"],
    [[[]], TypeError, "the vector must be an array"],
    [[[1, NaN]], RangeError, "finite numbers only, in f32: received [1, NaN]"],
    [[[1e39]], RangeError, "in f32: received [1e+39]"],
    [[[1], Infinity], RangeError, "strength must be a finite number"],
    [[[1], "2"], TypeError, "strength must be a finite number"],
    [[[1], 1, { position: [1] }], TypeError, "Did you mean positions?"],
  ];
  for (const [args, error, message] of made) {
    assertThrows(() => steer(...args as Parameters<typeof steer>), error, message);
  }
  assertThrows(() => steer([1, 2]).vector = [1], TypeError, "an array of 2 numbers");
  assertThrows(() => steer([1, 2]).strength = NaN, RangeError, "strength");
});

Deno.test("steeringVector() is the difference of the mean streams at the last positions", async () => {
  using model = inspectable(smallModel());
  const last = async (tokens: number[]) => {
    const { activations } = await model.forward(tokens, { capture: [name] });
    return activations!.get(name)!.data.slice(-64);
  };
  const [a, b, c] = await Promise.all(texts.map(last));
  const expected = a.map((value, i) => (value + b[i]) / 2 - c[i]);
  assertClose(await steeringVector(model, texts.slice(0, 2), texts[2], 0), expected, 1e-6);
  assert((await steeringVector(model, texts[0], texts[0], 1)).every((value) => value === 0));
});

Deno.test("steeringVector() refuses what there is none between", async () => {
  using model = inspectable(smallModel());
  const cases: [unknown[], ErrorConstructor, string][] = [
    [[[1], [2], 2], RangeError, ": layer must be an integer from 0 to 1: received 2"],
    [[[1], [2], "0"], TypeError, ": layer must be"],
    [[["a"], [2], 0], TypeError, "positive must be an array of token ids"],
    [[[[1]], [[131]], 0], RangeError, "received 131"],
    [[[1], [[]], 0], RangeError, "1 to 64"],
    [[[1], [2], 0, { signal: AbortSignal.abort() }], DOMException, ""],
  ] as [unknown[], ErrorConstructor, string][];
  for (const [args, error, message] of cases) {
    // deno-lint-ignore no-explicit-any -- what no type checker lets through
    await assertRejects(() => (steeringVector as any)(model, ...args), error, message);
  }
});
