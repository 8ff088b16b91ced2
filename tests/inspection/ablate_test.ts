// Taking parts of a model away.

import { assertEquals, assertNotEquals, assertRejects, assertThrows } from "@std/assert";
import { ablate, type AblateOptions } from "../../src/inspection/ablate.ts";
import { initializing } from "../../src/model/initialize.ts";
import { assertClose } from "../close.ts";
import { inspectable } from "./inspectable.ts";
import {
  logitsOf,
  SMALL_SEED,
  smallConfig,
  smallModel,
  smallTexts as texts,
} from "./small_model.ts";

const attended = "blocks.1.attention.attended";

Deno.test("ablate() of a head is what the model computes when the output projection does not read that head", async () => {
  using model = inspectable(smallModel());
  const changed = smallModel();
  const { weights, config: { embeddingDim, numHeads } } = changed;
  const name = "blocks.1.outputProjection.weight";
  const rows = matrixOf(name);
  const headDim = embeddingDim / numHeads;
  for (let out = 0; out < embeddingDim; out++) {
    rows.fill(0, out * embeddingDim + 2 * headDim, out * embeddingDim + 3 * headDim);
  }
  weights.write(name, new Uint8Array(rows.buffer));
  using without = inspectable(changed);
  const plain = await model.forward(texts);
  const { logits } = await model.forward(texts, {
    intervene: { [attended]: ablate({ heads: [2] }) },
  });
  assertNotEquals(logits, plain.logits);
  assertEquals(logits, (await without.forward(texts)).logits);
});

Deno.test("ablate() writes zeros where it is told to and nowhere else", async () => {
  using model = inspectable(smallModel());
  const name = "blocks.0.attention.attended";
  const capture = [name];
  const plain = (await model.forward(texts[0], { capture })).activations!.get(name)!;
  const cases: [AblateOptions, (head: number, position: number) => boolean][] = [
    [{}, () => true],
    [{ heads: [0, 3] }, (head) => head === 0 || head === 3],
    [{ positions: [2, 5] }, (_, position) => position === 2 || position === 5],
    [{ heads: [1], positions: [6] }, (head, position) => head === 1 && position === 6],
    [{ heads: [] }, () => false],
    [{ during: "continuation" }, () => false],
    [{ texts: [] }, () => false],
    [{ where: ({ head, position }) => head === position }, (head, position) => head === position],
  ];
  for (const [options, isZero] of cases) {
    const { activations } = await model.forward(texts[0], {
      capture,
      intervene: { [name]: ablate(options) },
    });
    const { data } = activations!.get(name)!;
    const expected = plain.data.map((value, i) =>
      isZero(Math.floor(i / 16 / 7), Math.floor(i / 16) % 7) ? 0 : value
    );
    assertClose(data, expected, 0, JSON.stringify(options));
  }
});

Deno.test("ablate() in one text of a batch changes no bit of the others", async () => {
  using model = inspectable(smallModel());
  const { logits } = await model.forward(texts);
  const intervene = { [attended]: ablate({ heads: [0], texts: [1] }) };
  const changed = (await model.forward(texts, { intervene })).logits;
  for (const text of [0, 2]) assertEquals(logitsOf(changed, text), logitsOf(logits, text));
  assertNotEquals(logitsOf(changed, 1), logitsOf(logits, 1));
});

Deno.test("ablate() writes the mean over the positions of other texts, for each head", async () => {
  using model = inspectable(smallModel());
  for (const name of ["blocks.0.mlp.output", "blocks.0.attention.attended"]) {
    const capture = [name];
    const mean = (await model.forward(texts, { capture })).activations!.get(name)!;
    const { activations } = await model.forward([9, 8], {
      capture,
      intervene: { [name]: ablate({ mean }) },
    });
    const { data, shape } = activations!.get(name)!;
    const width = shape.at(-1)!;
    const heads = shape.length === 4 ? shape[1] : 1;
    const numPositions = texts.flat().length;
    for (let head = 0; head < heads; head++) {
      for (let i = 0; i < width; i++) {
        let sum = 0;
        texts.forEach((tokens, text) =>
          tokens.forEach((_, position) =>
            sum += mean.data[((text * heads + head) * 7 + position) * width + i]
          )
        );
        for (const position of [0, 1]) {
          const actual = data[(head * 2 + position) * width + i];
          assertClose([actual], [sum / numPositions], 1e-6, name);
        }
      }
    }
  }
});

Deno.test("ablate() refuses what it cannot do, with words that help", async () => {
  using model = inspectable(smallModel());
  const capture = ["embedding", "blocks.0.attention.weights"];
  const { activations } = await model.forward(texts[0], { capture });
  const mean = activations!.get("embedding")!;
  const used: [name: string, options: AblateOptions, error: ErrorConstructor, message: string][] = [
    ["embedding", { heads: [0] }, TypeError, "Cannot ablate heads of embedding: it has the axes"],
    [attended, { heads: [4] }, RangeError, "is an integer from 0 to 3: received [4]"],
    [
      "embedding",
      { positions: [7] },
      RangeError,
      "no such position: received [7], where each is from 0 to 6",
    ],
    [
      "embedding",
      { texts: [1] },
      RangeError,
      "no such text: received [1], where each is from 0 to 0",
    ],
    [attended, { mean }, TypeError, "the mean must be one of the same activation"],
    [
      "blocks.0.mlp.hidden",
      { mean },
      TypeError,
      "of vectors of 256: received batch seq embed, of 64",
    ],
  ];
  for (const [name, options, error, message] of used) {
    const intervene = { [name]: ablate(options) };
    await assertRejects(() => model.forward(texts[0], { intervene }), error, message);
  }
  const made: [options: unknown, error: ErrorConstructor, message: string][] = [
    [{ heads: [-1] }, RangeError, "Cannot ablate: heads must be integers from 0 on: received [-1]"],
    [{ heads: 3 }, TypeError, "heads must be an array"],
    [{ positions: ["1"] }, TypeError, "positions must be integers"],
    [{ head: [1] }, TypeError, "Did you mean heads?"],
    [{ mean: [1, 2] }, TypeError, "a captured activation is needed"],
    [{ mean: activations!.get("blocks.0.attention.weights") }, TypeError, "has no mean"],
  ];
  for (const [options, error, message] of made) {
    assertThrows(() => ablate(options as AblateOptions), error, message);
  }
});

/** A weight of the small model as it was drawn: in memory it may lie in another order. */
function matrixOf(name: string): Float32Array<ArrayBuffer> {
  let found: Float32Array<ArrayBuffer> | undefined;
  const keep = (each: string, { buffer }: Uint8Array<ArrayBuffer>) => {
    if (each === name) found = new Float32Array(buffer);
  };
  for (const _ of initializing(smallConfig, keep, { seed: SMALL_SEED }));
  return found!;
}
