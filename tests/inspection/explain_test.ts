// What is told about one prediction, against the functions that it is made of.

import { assert, assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import { logSumExp } from "../../src/base/log_sum_exp.ts";
import { attentionPatterns } from "../../src/inspection/attention_patterns.ts";
import { directLogitAttribution } from "../../src/inspection/direct_logit_attribution.ts";
import { explain } from "../../src/inspection/explain.ts";
import { logitLens } from "../../src/inspection/logit_lens.ts";
import { createReferenceModel } from "../model/reference.ts";
import { inspectable } from "./inspectable.ts";

const text = [3, 9, 3, 17, 9, 3];

Deno.test("explain() puts lens, attention and attribution together", async () => {
  using model = inspectable(createReferenceModel("activations"));
  const { lens, attention, attribution, position } = await explain(model, text, { top: 4 });
  assertEquals(position, 5);
  assertEquals(lens, await logitLens(model, text, { top: 4 }));
  assertEquals(attention, await attentionPatterns(model, text, { top: 4 }));
  const [{ id: answer }, { id: against }] = lens.at(-1)!.positions[5].top;
  assertEquals(attribution, await directLogitAttribution(model, text, { answer, against }));
});

Deno.test("explain() says how likely each token was after those before it", async () => {
  using model = inspectable(createReferenceModel("activations"));
  const { logits, shape: [, , vocab] } = await model.forward(text);
  const { tokens } = await explain(model, text);
  assertEquals(tokens.map(({ id }) => id), text);
  assertEquals(tokens[0], { id: 3, text: "" });
  for (const [i, { id, probability, rank }] of tokens.entries()) {
    if (i === 0) continue;
    const row = logits.subarray((i - 1) * vocab, i * vocab);
    assertAlmostEquals(probability!, Math.exp(row[id] - logSumExp(row)), 1e-5);
    assertEquals(rank, row.filter((logit) => logit > row[id]).length);
  }
});

Deno.test("explain() explains what follows another position, and looks only so far", async () => {
  using model = inspectable(createReferenceModel("activations"));
  for (const asked of [2, -4]) {
    const { attention, attribution, position, tokens } = await explain(model, text, {
      position: asked,
    });
    assertEquals([position, attribution.position, tokens.length], [2, 2, 6]);
    assert(attention.links.every(({ query }) => query <= 2));
  }
});

Deno.test("explain() compares an answer with the likeliest token, and that with the next", async () => {
  using model = inspectable(createReferenceModel("activations"));
  const [best, second] = (await logitLens(model, text)).at(-1)!.positions.at(-1)!.top;
  const pair = async (options: { answer?: number; against?: number }) => {
    const { attribution: { answer, against } } = await explain(model, text, options);
    return [answer.id, against?.id];
  };
  assertEquals(await pair({}), [best.id, second.id]);
  assertEquals(await pair({ answer: best.id }), [best.id, second.id]);
  assertEquals(await pair({ answer: second.id }), [second.id, best.id]);
  assertEquals(await pair({ answer: 0, against: 1 }), [0, 1]);
});

Deno.test("explain() refuses options that cannot be", async () => {
  using model = inspectable(createReferenceModel("activations"));
  await assertRejects(() => explain(model, text, { position: 6 }), RangeError, "from 0 to 5");
  await assertRejects(() => explain(model, text, { answer: 64 }), RangeError, "from 0 to 63");
  await assertRejects(() => explain(model, text, { top: 0 }), RangeError, "top must be");
});
