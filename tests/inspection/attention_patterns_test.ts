// Where heads look, against the weights that forward() captures.

import { assert, assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import type { ForwardOptions } from "../../src/engine/forward.ts";
import { type AttentionLink, attentionPatterns } from "../../src/inspection/attention_patterns.ts";
import type { InspectableModel } from "../../src/inspection/inspectable_model.ts";
import { createReferenceModel } from "../model/reference.ts";
import { inspectable } from "./inspectable.ts";

/** Token 3 comes three times, token 9 twice; right after one another at the end. */
const text = [3, 9, 3, 17, 9, 3, 5, 5];

/** The weight of a link, in the layers that a capture has been made of. */
async function weightsOf(model: InspectableModel) {
  const { activations } = await model.forward(text, { capture: ["blocks.*.attention.weights"] });
  return ({ layer, head, query, key }: Omit<AttentionLink, "weight">) => {
    const { data } = activations!.get(`blocks.${layer}.attention.weights`)!;
    return data[(head * text.length + query) * text.length + key];
  };
}

Deno.test("attentionPatterns() scores each head by the weights of what it may look at", async () => {
  using model = inspectable(createReferenceModel("activations"));
  const weight = await weightsOf(model);
  const { scores } = await attentionPatterns(model, text);
  assertEquals(
    scores.map(({ layer, head }) => [layer, head]),
    [0, 1].flatMap((layer) => [0, 1, 2, 3].map((head) => [layer, head])),
  );
  // Which keys of which queries count, written down by hand.
  const same = [[2, [0]], [4, [1]], [5, [0, 2]], [7, [6]]] as const;
  const afterSame = [[2, [1]], [4, [2]], [5, [1, 3]]] as const;
  for (const { layer, head, ...found } of scores) {
    const mean = (keys: readonly (readonly [number, readonly number[]])[]) =>
      keys.reduce(
        (sum, [query, own]) =>
          sum + own.reduce((sum, key) => sum + weight({ layer, head, query, key }), 0),
        0,
      ) /
      keys.length;
    const later = [1, 2, 3, 4, 5, 6, 7];
    assertAlmostEquals(found.previousToken, mean(later.map((q) => [q, [q - 1]])), 1e-9);
    assertAlmostEquals(found.firstToken, mean(later.map((q) => [q, [0]])), 1e-9);
    assertAlmostEquals(found.sameTokenBefore, mean(same), 1e-9);
    assertAlmostEquals(found.afterSameTokenBefore, mean(afterSame), 1e-9);
  }
});

Deno.test("attentionPatterns() finds the strongest looks back to another position than the first", async () => {
  using model = inspectable(createReferenceModel("activations"));
  const weight = await weightsOf(model);
  const all: AttentionLink[] = [];
  for (let layer = 0; layer < 2; layer++) {
    for (let head = 0; head < 4; head++) {
      for (let query = 0; query < text.length; query++) {
        for (let key = 1; key < query; key++) {
          const link = { layer, head, query, key };
          all.push({ ...link, weight: weight(link) });
        }
      }
    }
  }
  all.sort((a, b) => b.weight - a.weight);
  assertEquals((await attentionPatterns(model, text)).links, all.slice(0, 20));
  for (const top of [0, 1, 7, 1000]) {
    assertEquals((await attentionPatterns(model, text, { top })).links, all.slice(0, top));
  }
});

Deno.test("attentionPatterns() says NaN of what there is not, and finds no links in two tokens", async () => {
  using model = inspectable(createReferenceModel("activations"));
  const { links, scores: [first] } = await attentionPatterns(model, [3, 4]);
  assertEquals(links, []);
  assertEquals([first.previousToken, first.firstToken].map(Number.isNaN), [false, false]);
  assertEquals([first.sameTokenBefore, first.afterSameTokenBefore], [NaN, NaN]);
  const { scores: [alone] } = await attentionPatterns(model, [3]);
  assertEquals([alone.previousToken, alone.firstToken], [NaN, NaN]);
});

Deno.test("attentionPatterns() reads a long text for some layers at a time", async () => {
  using model = inspectable(createReferenceModel("activations"));
  const captured: unknown[] = [];
  // With so many heads, one layer takes as much as is captured at once.
  const config = Object.create(model.config, { numHeads: { value: 2 ** 20 } });
  const watched = Object.create(model, {
    config: { value: config },
    forward: {
      value: (_tokens: unknown, { capture }: ForwardOptions) => {
        captured.push(capture);
        return Promise.reject(new Error("enough"));
      },
    },
  });
  const { registerEngine, engineOf } = await import("../../src/engine/engines.ts");
  registerEngine(watched, engineOf(model)!);
  await assertRejects(() => attentionPatterns(watched, text), Error, "enough");
  assertEquals(captured, [["blocks.0.attention.weights"]]);
  assert((await attentionPatterns(model, text)).scores.length === 8);
});
