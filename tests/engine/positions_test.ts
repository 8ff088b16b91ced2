// Positions below 0 are counted from the end of what is given, wherever positions are named.

import { assert, assertEquals } from "@std/assert";
import type { CapturedActivations } from "../../src/engine/activation_record.ts";
import { Engine } from "../../src/engine/engine.ts";
import { forward } from "../../src/engine/forward.ts";
import { generate } from "../../src/generation/generate.ts";
import { Text } from "../../src/generation/text.ts";
import { ablate } from "../../src/inspection/ablate.ts";
import { scale } from "../../src/tensor/elementwise.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { smallModel, smallTexts } from "../inspection/small_model.ts";

const NAME = "blocks.0.residual";

/** The positions of a text at which the rows of an activation are not all zeros. */
function nonZeroRows(activations: CapturedActivations | undefined, text: number): boolean[] {
  const { shape: [, seq, width], data } = activations!.get(NAME)!;
  return Array.from({ length: seq }, (_, row) => {
    const begin = (text * seq + row) * width;
    return data.subarray(begin, begin + width).some((value) => value !== 0 && !Number.isNaN(value));
  });
}

Deno.test("capture at positions below 0 keeps the last ones of each text", async () => {
  using model = smallModel();
  using engine = new Engine(model);
  const all = (await forward(engine, smallTexts, { capture: [NAME] })).activations!.get(NAME)!;
  const capture = { names: [NAME], positions: [-1, 0, -5] };
  const some = (await forward(engine, smallTexts, { capture })).activations!.get(NAME)!;
  assertEquals(some.shape, [3, 3, 64]);
  const row = ({ shape, data }: typeof all, text: number, position: number) =>
    data.slice((text * shape[1] + position) * 64, (text * shape[1] + position + 1) * 64);
  for (const [text, { length }] of smallTexts.entries()) {
    assertEquals(row(some, text, 0), row(all, text, length - 1));
    assertEquals(row(some, text, 1), row(all, text, 0));
    // The second text has three tokens: it has no fifth from the end.
    if (length < 5) assert(row(some, text, 2).every(Number.isNaN));
    else assertEquals(row(some, text, 2), row(all, text, length - 5));
  }
});

Deno.test("interventions at positions below 0 are made at the last ones of each text", async () => {
  using model = smallModel();
  using engine = new Engine(model);
  const zero = (x: Tensor) => scale(x, 0);
  for (const intervention of [ablate({ positions: [-2] }), { change: zero, positions: [-2] }]) {
    const options = { capture: [NAME], intervene: { [NAME]: intervention } };
    const { activations } = await forward(engine, smallTexts, options);
    for (const [text, { length }] of smallTexts.entries()) {
      const expected = Array.from({ length: 7 }, (_, i) => i < length && i !== length - 2);
      assertEquals(nonZeroRows(activations, text), expected);
    }
  }
});

Deno.test("generate() counts them from the end of the prompt, whatever is written after it", async () => {
  using model = smallModel();
  using engine = new Engine(model);
  const [, prompt] = smallTexts;
  const options = {
    maxNewTokens: 4,
    temperature: 0,
    capture: [NAME],
    intervene: { [NAME]: ablate({ positions: [-1, 1] }) },
  };
  const steps = await Array.fromAsync(generate(engine, undefined, [prompt], options));
  const rows = steps.flatMap(({ activations }) => nonZeroRows(activations, 0));
  assertEquals(rows, [true, false, false, true, true, true]);
  const capture = { names: [NAME], positions: [-1] };
  const [first, second] = await Array.fromAsync(
    generate(engine, undefined, [prompt], { ...options, intervene: undefined, capture }),
  );
  assertEquals(nonZeroRows(first.activations, 0), [true]);
  assert(second.activations!.get(NAME)!.data.every(Number.isNaN));
});

Deno.test("Text.generate() counts them from the end of the text as it was", async () => {
  using model = smallModel();
  using engine = new Engine(model);
  using text = new Text(engine, { tokenizer: undefined, endOfTextIds: [] });
  await text.append([1, 2, 3]);
  await Array.fromAsync(text.generate({ maxNewTokens: 2, temperature: 0 }));
  const options = { maxNewTokens: 3, temperature: 0, capture: [NAME] };
  const intervene = { [NAME]: ablate({ positions: [-1] }) };
  const steps = await Array.fromAsync(text.generate({ ...options, intervene }));
  // The last token, which has not been read before, and two of those that follow.
  assertEquals(steps.flatMap(({ activations }) => nonZeroRows(activations, 0)), [
    false,
    true,
    true,
  ]);
});
