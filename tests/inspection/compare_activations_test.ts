// How far the activations of two models are apart.

import { assert, assertEquals, assertRejects } from "@std/assert";
import { GPT2 } from "../../src/gpt2.ts";
import { compareActivations } from "../../src/inspection/compare_activations.ts";
import { activationNames } from "../../src/model/activation_sites.ts";
import { createModel } from "../../src/model/create_model.ts";
import { assertClose } from "../close.ts";
import { inductionModel } from "./induction_model.ts";
import { inspectable } from "./inspectable.ts";
import { smallConfig, smallModel, smallTexts as texts } from "./small_model.ts";

Deno.test("compareActivations() finds nothing between a model and itself, whichever activation it is", async () => {
  using a = inspectable(smallModel());
  using b = inspectable(smallModel());
  const names = activationNames(smallConfig);
  const found = await compareActivations(a, b, texts, { names });
  assertEquals(found, names.map((name) => ({ name, relativeError: 0, maxDifference: 0 })));
});

Deno.test("compareActivations() is the Frobenius norm of the difference over that of the first", async () => {
  using a = inspectable(smallModel());
  using b = inspectable(createModel(smallConfig, { seed: 4, threads: 1 }));
  const found = await compareActivations(a, b, texts);
  const own = [0, 1].flatMap((layer) =>
    ["attention.output", "mlp.output", "residual"].map((name) => `blocks.${layer}.${name}`)
  );
  assertEquals(found.map(({ name }) => name), ["embedding", ...own, "logits"]);
  const { name, relativeError, maxDifference } = found[3];
  const capture = [name];
  const [x, y] = await Promise.all([a, b].map(async (model) => {
    const { activations } = await model.forward(texts, { capture });
    return activations!.get(name)!.data.filter((value) => !Number.isNaN(value));
  }));
  const norm = (values: Float32Array) => Math.hypot(...values);
  const difference = x.map((value, i) => value - y[i]);
  assertClose([relativeError], [norm(difference) / norm(x)], 1e-6);
  assertClose([maxDifference], [Math.max(...difference.map(Math.abs))], 1e-6);
});

Deno.test("compareActivations() shows that fewer bits hurt more", async () => {
  using exact = await GPT2.fromPretrained("demo", { type: "f32", threads: 1 });
  const tokens = exact.tokenizer!.encode("First Citizen:\nBefore we proceed any further");
  const errors: number[] = [];
  for (const type of ["f16", "q8_0", "q4_0"] as const) {
    using other = await GPT2.fromPretrained("demo", { type, threads: 1 });
    const found = await compareActivations(exact, other, tokens, { names: ["blocks.*.residual"] });
    assertEquals(found.length, exact.config.numLayers);
    errors.push(found.at(-1)!.relativeError);
  }
  const [f16, q8, q4] = errors;
  assert(f16 < q8 && q8 < q4 && q4 < 0.5, `${errors}`);
});

Deno.test("compareActivations() refuses models that cannot be compared", async () => {
  using a = inspectable(smallModel());
  using b = inspectable(inductionModel());
  await assertRejects(
    () => compareActivations(a, b, [1]),
    RangeError,
    "must have the same numHeads: received 4 and 2",
  );
  const misspelt = { names: ["blocks.*.residue"] };
  await assertRejects(() => compareActivations(a, a, [1], misspelt), RangeError, "Did you mean");
  // deno-lint-ignore no-explicit-any -- what no type checker lets through
  await assertRejects(() => compareActivations(a, {} as any, [1]), TypeError, "a GPT2 is needed");
});
