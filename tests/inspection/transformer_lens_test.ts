// What TransformerLens finds in the same model: scripts/make_inspection_reference.py tells how.

import { assert, assertEquals } from "@std/assert";
import { activationPatching } from "../../src/inspection/activation_patching.ts";
import { attentionPatterns } from "../../src/inspection/attention_patterns.ts";
import { directLogitAttribution } from "../../src/inspection/direct_logit_attribution.ts";
import { logitLens } from "../../src/inspection/logit_lens.ts";
import { activationNames } from "../../src/model/activation_sites.ts";
import { assertClose } from "../close.ts";
import { createReferenceModel } from "../model/reference.ts";
import { inspectable } from "./inspectable.ts";

/** What is promised of F32 models. */
const TOLERANCE = 1e-4;

interface Values {
  readonly shape: readonly number[];
  /** Null for what is infinite. */
  readonly data: readonly (number | null)[];
}

/** What the script has written. */
const expected: {
  clean: number[];
  corrupted: number[];
  answer: number;
  against: number;
  repeated: number[];
  cache: Record<string, Values>;
  patching: Record<"residual" | "attention" | "mlp" | "heads", Values>;
  lens: Values;
  headScores: Record<"previous_token_head" | "duplicate_token_head" | "induction_head", Values>;
  attribution: Record<string, number>;
} = JSON.parse(
  Deno.readTextFileSync(new URL("../fixtures/inspection/transformer_lens.json", import.meta.url)),
);
const { clean, corrupted, answer, against, repeated } = expected;

const numbers = ({ data }: Values) => data.map((value) => value ?? -Infinity);

function referenceModel() {
  return inspectable(createReferenceModel("activations"));
}

Deno.test("forward() captures what is in the cache of TransformerLens", async () => {
  using model = referenceModel();
  const names = activationNames(model.config);
  assertEquals(Object.keys(expected.cache), names);
  const { activations } = await model.forward(clean, { capture: names });
  for (const [name, { shape, data }] of activations!) {
    assertEquals(shape, expected.cache[name].shape, name);
    assertClose(data, numbers(expected.cache[name]), TOLERANCE, name);
  }
});

for (const sites of ["residual", "attention", "mlp", "heads"] as const) {
  Deno.test(`activationPatching() of ${sites} finds the matrix that TransformerLens finds`, async () => {
    using model = referenceModel();
    const options = { clean, corrupted, answer, against, sites };
    const { shape, metrics } = await activationPatching(model, options);
    assertEquals(shape, expected.patching[sites].shape);
    assertClose(metrics, numbers(expected.patching[sites]), TOLERANCE, sites);
  });
}

Deno.test("attentionPatterns() scores heads as TransformerLens does, but for what it divides by", async () => {
  using model = referenceModel();
  const { scores } = await attentionPatterns(model, repeated);
  const numPositions = repeated.length;
  const cases = [
    ["previousToken", "previous_token_head", numPositions - 1],
    ["sameTokenBefore", "duplicate_token_head", numPositions / 2],
    ["afterSameTokenBefore", "induction_head", numPositions / 2],
  ] as const;
  for (const [name, theirs, numLooking] of cases) {
    const mean = numbers(expected.headScores[theirs]).map((x) => x * numPositions / numLooking);
    assertClose(scores.map((score) => score[name]), mean, TOLERANCE, name);
  }
});

Deno.test("logitLens() reads the accumulated residual stream of TransformerLens", async () => {
  using model = referenceModel();
  const { vocabSize } = model.config;
  const layers = await logitLens(model, clean, { top: vocabSize });
  const all = numbers(expected.lens);
  for (const [i, { name, positions }] of layers.entries()) {
    const probabilities = new Array<number>(vocabSize);
    for (const { id, probability } of positions.at(-1)!.top) probabilities[id] = probability;
    assertClose(probabilities, all.slice(i * vocabSize, (i + 1) * vocabSize), TOLERANCE, name);
  }
});

Deno.test("directLogitAttribution() gives each part what TransformerLens gives it", async () => {
  using model = referenceModel();
  const found = await directLogitAttribution(model, clean, { answer, against });
  const own = new Map(found.contributions.map(({ name, logit }) => [name, logit]));
  for (const [name, logit] of Object.entries(expected.attribution)) {
    assert(own.has(name), name);
    assertClose([own.get(name)!], [logit], TOLERANCE, name);
  }
});
