// What careless or hostile interventions do: errors that say what to do, and a model that goes on.

import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { Engine } from "../../src/engine/engine.ts";
import { forward } from "../../src/engine/forward.ts";
import type { InterventionContext, InterventionFunction } from "../../src/engine/intervention.ts";
import { generate } from "../../src/generation/generate.ts";
import { activationNames } from "../../src/model/activation_sites.ts";
import { add } from "../../src/tensor/elementwise.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { replace } from "../../src/inspection/replace.ts";
import { smallConfig, smallModel, smallTexts } from "../inspection/small_model.ts";

const [tokens] = smallTexts;

/** What no type checker lets through. */
// deno-lint-ignore no-explicit-any
type Anything = any;

const endless = { length: 2 ** 31, 0: 1 };

const wrong: [what: string, apply: Anything, error: ErrorConstructor, message: string][] = [
  ["a promise", (x: Tensor) => Promise.resolve(x), TypeError, "received a promise"],
  ["null", () => null, TypeError, "received null"],
  ["a proxy", (x: Tensor) => new Proxy(x, {}), TypeError, "received an object"],
  [
    "something that inherits from it",
    (x: Tensor) => Object.create(Object.getPrototypeOf(x)),
    TypeError,
    "received an object",
  ],
  [
    "values that claim to be 2^31 numbers",
    (x: Tensor, { input }: InterventionContext) => add(x, input([64], () => endless)),
    TypeError,
    "64 numbers are needed: received 2147483648",
  ],
  [
    "values that are nothing",
    (x: Tensor, { input }: Anything) => add(x, input([64], () => undefined)),
    TypeError,
    "64 numbers are needed: received nothing",
  ],
  [
    "values that are a promise",
    (x: Tensor, { input }: Anything) => add(x, input([64], async () => await [])),
    TypeError,
    "received a promise",
  ],
  [
    "an input without values",
    (x: Tensor, { input }: Anything) => add(x, input([64])),
    TypeError,
    "values must be a function: received nothing",
  ],
  [
    "a choice of nothing",
    (x: Tensor, { choose }: Anything) => choose(x, x),
    TypeError,
    "isChosen must be a function",
  ],
  [
    "a choice that has to be waited for",
    (x: Tensor, { choose }: Anything) => choose(x, x, async () => await false),
    TypeError,
    "isChosen must return true or false: received a promise",
  ],
  [
    "a choice of another shape",
    (x: Tensor, { choose, input }: Anything) => choose(input([1], () => [1]), x, () => true),
    TypeError,
    "chosen must be a tensor in the shape of the activation, (1, 7, 64): received f32 (1)",
  ],
  [
    "rows of another tensor",
    (_: Tensor, { writeRows, input }: Anything) =>
      writeRows(input([3], () => [1, 2, 3]), () => true),
    TypeError,
    "x must be a tensor in the shape of the activation",
  ],
  [
    "rows that are written later",
    (x: Tensor, { writeRows }: Anything) => writeRows(x, async () => await true),
    TypeError,
    "write must return true or false: received a promise",
  ],
];

for (const [what, apply, error, message] of wrong) {
  Deno.test(`an intervention with ${what} is an error, and the model goes on`, async () => {
    using model = smallModel();
    using engine = new Engine(model);
    const before = await forward(engine, tokens);
    for (const name of ["embedding", "blocks.1.residual"]) {
      const intervene = { [name]: apply as InterventionFunction };
      await assertRejects(() => forward(engine, tokens, { intervene }), error, message);
      const written = generate(engine, undefined, [tokens], { maxNewTokens: 3, intervene });
      await assertRejects(() => Array.fromAsync(written), error, "");
    }
    assertEquals(await forward(engine, tokens), before);
  });
}

Deno.test("intervene is no Map: that would look as if nothing were to be done", async () => {
  using model = smallModel();
  using engine = new Engine(model);
  const intervene: Anything = new Map([["embedding", (x: Tensor) => x]]);
  await assertRejects(
    () => forward(engine, tokens, { intervene }),
    TypeError,
    "intervene must be an object with functions",
  );
});

Deno.test("replace() refuses where to that has to be waited for", async () => {
  using model = smallModel();
  using engine = new Engine(model);
  const { activations } = await forward(engine, tokens, { capture: ["embedding"] });
  const where: Anything = async () => await false;
  const intervene = { embedding: replace(activations!.get("embedding")!, { where }) };
  await assertRejects(
    () => forward(engine, tokens, { intervene }),
    TypeError,
    "where must return true or false: received a promise",
  );
});

Deno.test("places of a beam search are checked as those of any other call", async () => {
  using model = smallModel();
  using engine = new Engine(model);
  const options = { numBeams: 2, maxNewTokens: 2 };
  for (const place of [{ texts: [1] }, { positions: [60] }, { positions: [-8] }]) {
    const intervene = { embedding: { change: (x: Tensor) => x, ...place } };
    const written = generate(engine, undefined, [tokens], { ...options, intervene });
    await assertRejects(() => Array.fromAsync(written), RangeError, "there is no such");
  }
});

Deno.test("the config of a model in use cannot be changed", async () => {
  using model = smallModel();
  using engine = new Engine(model);
  const change = (x: Tensor, { config }: InterventionContext) => {
    assertThrows(() => (config as { numHeads: number }).numHeads = 2, TypeError);
    return x;
  };
  await forward(engine, tokens, { intervene: { embedding: change } });
  assertEquals(model.config.numHeads, 4);
});

Deno.test("activationNames() refuses what is no number of layers", () => {
  const wrong: [config: Anything, error: ErrorConstructor][] = [
    [undefined, TypeError],
    [{}, TypeError],
    [{ numLayers: "2" }, TypeError],
    [{ numLayers: 0 }, RangeError],
    [{ numLayers: 1.5 }, RangeError],
    [{ numLayers: 1e9 }, RangeError],
  ];
  for (const [config, error] of wrong) {
    assertThrows(() => activationNames(config), error, "numLayers must be an integer from 1 to");
  }
  assertEquals(activationNames(smallConfig).length, 3 + 2 * 13);
});
