// Attribution patching, against patching itself.

import { assert, assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import { GPT2 } from "../../src/gpt2.ts";
import {
  type ActivationPatching,
  activationPatching,
  attributionPatching,
  type PatchingSites,
  replace,
} from "../../src/inspect.ts";

/** Of all that is to be told: what is curved, and rounded. */
const SLOPE_TOLERANCE = 0.01;

/** So much of the way from one prompt to the other is gone for the slope. */
const STEP = 1 / 32;

const SITES: readonly PatchingSites[] = ["residual", "attention", "mlp", "heads"];

async function demo() {
  const model = await GPT2.fromPretrained("demo", { type: "f32", threads: 1 });
  const [clean, corrupted] = ["God save the king and", "God save the queen and"].map((
    text,
  ) => [...model.tokenizer!.encode(text)]);
  const [answer, against] = [" his", " her"].map((text) => model.tokenizer!.encode(text)[0]);
  return { model, prompts: { clean, corrupted, answer, against } };
}

for (const sites of SITES) {
  Deno.test(`attributionPatching() of ${sites} is the slope of what patching does`, async () => {
    const { model: disposed, prompts } = await demo();
    using model = disposed;
    const { clean, corrupted, answer, against } = prompts;
    const found = await attributionPatching(model, { ...prompts, sites });
    const exact = await activationPatching(model, { ...prompts, sites });
    assertEquals([found.axes, found.shape], [exact.axes, exact.shape]);
    assertEquals([found.answer, found.against], [
      { id: answer, text: " his" },
      { id: against, text: " her" },
    ]);
    assertEquals([found.answer, found.against], [exact.answer, exact.against]);
    assertAlmostEquals(found.clean, exact.clean, 1e-4);
    assertAlmostEquals(found.corrupted, exact.corrupted, 1e-4);

    const layer = 1;
    const name = {
      residual: "blocks.0.residual",
      attention: "blocks.1.attention.output",
      mlp: "blocks.1.mlp.output",
      heads: "blocks.1.attention.attended",
    }[sites];
    const [from, to] = await Promise.all([corrupted, clean].map(async (tokens) => {
      const { activations } = await model.forward(tokens, { capture: [name] });
      return activations!.get(name)!;
    }));
    const data = from.data.map((x, i) => x + STEP * (to.data[i] - x));
    for (let index = 0; index < found.shape[1]; index++) {
      const place = sites === "heads" ? { heads: [index] } : { positions: [index] };
      const intervene = { [name]: replace({ ...from, data }, place) };
      const { logits } = await model.forward(corrupted, { logits: "last", intervene });
      const slope = (logits[answer] - logits[against] - found.corrupted) / STEP;
      const estimate = found.metrics[layer * found.shape[1] + index] - found.corrupted;
      assertAlmostEquals(estimate, slope, SLOPE_TOLERANCE, `${sites} ${index}`);
    }
  });
}

Deno.test("attributionPatching() is near to patching where little differs", async () => {
  const { model: disposed, prompts } = await demo();
  using model = disposed;
  const found = await attributionPatching(model, { ...prompts, sites: "heads" });
  const exact = await activationPatching(model, { ...prompts, sites: "heads" });
  const largestError = ({ data }: ActivationPatching) =>
    data.reduce((most, x, i) => Math.max(most, Math.abs(x - exact.data[i])), 0);
  // Curvature is left, of which the sites of this pair have up to 0.08.
  assert(largestError(found) < 0.1, `${largestError(found)}`);
  assert(largestError({ ...found, data: found.data.toReversed() }) > 0.3, "any would do");
});

Deno.test("attributionPatching() has no scale where both prompts measure the same", async () => {
  const { model: disposed, prompts } = await demo();
  using model = disposed;
  const { clean, answer, against } = prompts;
  const { data } = await attributionPatching(model, { clean, corrupted: clean, answer, against });
  assert(data.every(Number.isNaN));
});

Deno.test("attributionPatching() refuses what it cannot compare", async () => {
  const { model: disposed, prompts } = await demo();
  using model = disposed;
  const refuse = (options: object, error: ErrorConstructor, message: string) =>
    assertRejects(
      () => attributionPatching(model, { ...prompts, ...options }),
      error,
      message,
    );
  await refuse({ clean: [1] }, RangeError, "must have the same number of tokens");
  await refuse({ answer: -1 }, RangeError, "answer must be a token");
  await refuse({ answer: " his" }, TypeError, "encode(text)[0]");
  await refuse({ against: prompts.answer }, RangeError, "must differ");
  await refuse({ sites: "head" }, RangeError, "sites must be one of");
  await refuse({ metric: () => 1 }, TypeError, "there is no such option");
  const nothing = {} as GPT2;
  await assertRejects(() => attributionPatching(nothing, prompts), TypeError, "a GPT2 is needed");
});
