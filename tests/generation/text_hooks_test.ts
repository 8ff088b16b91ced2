// Looking into a text while it is read.

import { assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { GPT2, GPT2Config } from "../../mod.ts";
import { Engine } from "../../src/engine/engine.ts";
import { forward } from "../../src/engine/forward.ts";
import { Text } from "../../src/generation/text.ts";
import { ablate } from "../../src/inspection/ablate.ts";
import { smallModel } from "../inspection/small_model.ts";

const vocabulary = { tokenizer: undefined, endOfTextIds: [] };
const NAME = "blocks.0.residual";
const first = [5, 6, 7];
const second = [8, 9];

Deno.test("append() keeps what was captured of the tokens that it read", async () => {
  using model = smallModel();
  using engine = new Engine(model);
  using text = new Text(engine, vocabulary);
  assertEquals(text.activations, undefined);
  await text.append(first, { capture: [NAME] });
  const { activations } = await forward(engine, [...first, ...second], { capture: [NAME] });
  const { data } = activations!.get(NAME)!;
  assertEquals(text.activations!.get(NAME)!.shape, [1, 3, 64]);
  await text.append(second, { capture: { names: [NAME], positions: [-1, 3] } });
  const captured = text.activations!.get(NAME)!;
  assertEquals(captured.shape, [1, 2, 64]);
  assertEquals(captured.data.slice(0, 64), data.slice(4 * 64));
  assertEquals(captured.data.slice(64), data.slice(3 * 64, 4 * 64));
  await text.append([], { capture: [NAME] });
  assertEquals(text.activations!.get(NAME)!.shape, [1, 0, 64]);
  await text.append([1]);
  assertEquals(text.activations, undefined);
});

Deno.test("append() remembers what an intervention makes of the tokens", async () => {
  using model = smallModel();
  using engine = new Engine(model);
  using text = new Text(engine, vocabulary);
  using plain = new Text(engine, vocabulary);
  const intervene = { [NAME]: ablate({ positions: [1] }) };
  await text.append(first, { intervene });
  await text.append(second);
  await plain.append([...first, ...second]);
  assertNotEquals(await text.logits(), await plain.logits());
  const { logits } = await forward(engine, [...first, ...second], { intervene, logits: "last" });
  assertEquals(await text.logits(), logits);
});

Deno.test("append() with hooks waits for its turn, and adds nothing if they fail", async () => {
  using model = smallModel();
  using engine = new Engine(model);
  using text = new Text(engine, vocabulary);
  const failing = {
    [NAME]: () => {
      throw new Error("mine");
    },
  };
  const [a, b, c, d] = await Promise.allSettled([
    text.append(first, { capture: [NAME] }),
    text.append(second, { intervene: failing }),
    text.append(second, { capture: ["blocks.0.resid"] }),
    text.append([1]),
  ]);
  assertEquals([a, b, c, d].map(({ status }) => status), [
    "fulfilled",
    "rejected",
    "rejected",
    "fulfilled",
  ]);
  assertEquals(text.tokens, [...first, 1]);
  const tooFar = { capture: { names: [NAME], positions: [9] } };
  await assertRejects(() => text.append([2], tooFar), RangeError, "the longest text has 5 tokens");
  assertEquals(text.tokens, [...first, 1]);
});

Deno.test("what open() cannot do is named so", async () => {
  using model = new GPT2(GPT2Config.tiny(), { seed: 1, threads: 1 });
  const capture = ["nothing"];
  const message = "Cannot open the text: there is no such activation";
  await assertRejects(() => model.open([1], { capture }), RangeError, message);
  using text = await model.open([1]);
  await assertRejects(
    () => text.append([1], { capture }),
    RangeError,
    "Cannot append: there is no",
  );
});
