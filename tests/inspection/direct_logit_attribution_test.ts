// Direct logit attribution, against plain PyTorch and against the logits that it explains.

import { assert, assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import { GPT2 } from "../../src/gpt2.ts";
import {
  type DirectLogitAttribution,
  directLogitAttribution,
} from "../../src/inspection/direct_logit_attribution.ts";
import { createReferenceModel, readExpected } from "../model/reference.ts";
import { inspectable } from "./inspectable.ts";
import { untiedModel } from "./untied_model.ts";

/** What `scripts/make_lens_reference.py` has written. */
const { attributions: expected }: {
  attributions: {
    position: number;
    answer: number;
    against: number | null;
    logit: number;
    contributions: Record<string, number>;
  }[];
} = JSON.parse(
  Deno.readTextFileSync(new URL("../fixtures/inspection/lens.json", import.meta.url)),
);
/** What is promised of F32 models. */
const TOLERANCE = 1e-4;
/**
 * What rounding leaves of the demo model's logits. Measured with AVX2: 0.041 in Q8_0, 0.018 in Q4_K_M, and half
 * as much again for processors that round elsewhere. In F16 3e-6 there; other kernels round activations to 11 bits.
 */
const ROUNDING = { f16: 0.01, q8_0: 0.06, q4_k_m: 0.03 };
/** The same of a projection alone, in Q8_0. Measured: 0.0017. */
const PROJECTION_ROUNDING = 0.003;

const text = [...readExpected("activations").get("tokens")!.data];

function assertSum({ logit, contributions, remainder }: DirectLogitAttribution, tolerance: number) {
  const sum = contributions.reduce((sum, { logit }) => sum + logit, 0);
  assertAlmostEquals(sum, logit, tolerance);
  assertAlmostEquals(sum + remainder, logit, 1e-9);
}

for (const { position, answer, against, logit, contributions } of expected) {
  Deno.test(`directLogitAttribution() finds what plain PyTorch does for ${answer} against ${against}`, async () => {
    using model = inspectable(createReferenceModel("activations"));
    const options = { position, answer, against: against ?? undefined };
    const found = await directLogitAttribution(model, text, options);
    assertAlmostEquals(found.logit, logit, TOLERANCE);
    assertEquals(found.contributions.map(({ name }) => name), Object.keys(contributions));
    for (const { name, logit } of found.contributions) {
      assertAlmostEquals(logit, contributions[name], TOLERANCE, name);
    }
    assertSum(found, TOLERANCE);
    assertEquals([found.position, found.answer.id, found.against?.id], [
      position,
      answer,
      against ?? undefined,
    ]);
  });
}

Deno.test("directLogitAttribution() names heads, MLPs and biases with their blocks", async () => {
  using model = inspectable(createReferenceModel("activations"));
  const { contributions } = await directLogitAttribution(model, text);
  const ofBlock = contributions.filter(({ layer }) => layer === 1);
  assertEquals(ofBlock.map(({ kind }) => kind), [
    ...new Array(4).fill("head"),
    "outputBias",
    "mlp",
  ]);
  assertEquals(ofBlock.map(({ head }) => head), [0, 1, 2, 3, undefined, undefined]);
  assertEquals(contributions.at(-1)!.kind, "finalNormBias");
});

Deno.test("directLogitAttribution() explains the likeliest token after the last position, if not told otherwise", async () => {
  using model = inspectable(createReferenceModel("activations"));
  const { logits } = await model.forward(text, { logits: "last" });
  const { position, answer, logit } = await directLogitAttribution(model, text);
  assertEquals([position, answer.id], [text.length - 1, logits.indexOf(Math.max(...logits))]);
  assertEquals(logit, Math.max(...logits));
});

Deno.test("directLogitAttribution() does not look at what comes later", async () => {
  using model = inspectable(createReferenceModel("activations"));
  const early = await directLogitAttribution(model, text.slice(0, 3), { answer: 5 });
  for (const position of [2, 2 - text.length]) {
    assertEquals(await directLogitAttribution(model, text, { answer: 5, position }), early);
  }
});

for (
  const [type, tolerance] of [
    ["f32", TOLERANCE],
    ["f16", ROUNDING.f16],
    ["q8_0", ROUNDING.q8_0],
    ["q4_k_m", ROUNDING.q4_k_m],
  ] as const
) {
  Deno.test(`directLogitAttribution() sums to the logits of the demo model in ${type}`, async () => {
    using model = await GPT2.fromPretrained("demo", { type, threads: 1 });
    const tokens = model.tokenizer!.encode("First Citizen:\nBefore we proceed any further");
    for (const position of [0, 4, -1]) {
      const found = await directLogitAttribution(model, tokens, { position, against: 7 });
      assertSum(found, tolerance);
      assertEquals(found.answer.text, model.tokenizer!.decode([found.answer.id]));
    }
  });
}

for (const [type, tolerance] of [["f32", TOLERANCE], ["q8_0", PROJECTION_ROUNDING]] as const) {
  Deno.test(`directLogitAttribution() sums to the logits where the projection is a ${type} weight of its own`, async () => {
    using model = inspectable(await untiedModel(type));
    for (const [answer, against] of [[0, 70], [33, undefined]]) {
      assertSum(await directLogitAttribution(model, [5, 9, 70], { answer, against }), tolerance);
    }
  });
}

const wrong: [options: unknown, error: ErrorConstructor, message: string][] = [
  [{ answer: 64 }, RangeError, "answer must be a token, an integer from 0 to 63"],
  [{ against: 1.5 }, RangeError, "against must be a token, an integer from 0 to 63"],
  [{ answer: " the" }, TypeError, "answer must be a token, which is a number"],
  [{ position: 7 }, RangeError, "from 0 to 6"],
  [{ position: -8 }, RangeError, "from -7 to -1"],
  [{ positions: 1 }, TypeError, "Did you mean position?"],
  [{ answer: 3, against: 3 }, RangeError, "`answer` and `against` must differ"],
];

for (const [options, error, message] of wrong) {
  Deno.test(`directLogitAttribution() refuses ${JSON.stringify(options)}`, async () => {
    using model = inspectable(createReferenceModel("activations"));
    await assertRejects(
      // deno-lint-ignore no-explicit-any -- what no type checker lets through
      () => directLogitAttribution(model, text, options as any),
      error,
      message,
    );
  });
}

Deno.test("the comparison of sums notices a contribution that is missing", () => {
  const [{ logit, contributions: { "blocks.0.mlp": missing, ...others } }] = expected;
  const sum = Object.values(others).reduce((sum, each) => sum + each, 0);
  assert(Math.abs(missing) > 2 * TOLERANCE);
  assert(Math.abs(sum - logit) > TOLERANCE);
});
