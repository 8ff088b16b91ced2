// Patching activations of one prompt into another.

import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  activationPatching,
  type ActivationPatchingOptions,
  type PatchingProgress,
} from "../../src/inspection/activation_patching.ts";
import { replace } from "../../src/inspection/replace.ts";
import { assertClose } from "../close.ts";
import { inspectable } from "./inspectable.ts";
import { smallModel } from "./small_model.ts";

const clean = [1, 2, 3, 4, 5];
const corrupted = [1, 2, 99, 4, 5];
const [answer, against] = [7, 8];
/** As many rows at once as there are sites in a batch: products are added up in another order. */
const BATCH_TOLERANCE = 1e-6;

for (
  const [sites, names, size] of [
    ["residual", ["embedding", "blocks.0.residual"], 5],
    ["attention", ["blocks.0.attention.output", "blocks.1.attention.output"], 5],
    ["mlp", ["blocks.0.mlp.output", "blocks.1.mlp.output"], 5],
    ["heads", ["blocks.0.attention.attended", "blocks.1.attention.attended"], 4],
  ] as const
) {
  Deno.test(`activationPatching() of ${sites} is the metric with each of them replaced`, async () => {
    using model = inspectable(smallModel());
    const result = await activationPatching(model, { clean, corrupted, answer, against, sites });
    assertEquals(result.axes, sites === "heads" ? "layer head" : "layer position");
    assertEquals(result.shape, [2, size]);
    const difference = (logits: Float32Array) => logits[answer] - logits[against];
    const run = async (tokens: number[]) =>
      await model.forward(tokens, { capture: names, logits: "last" });
    const [right, other] = [await run(clean), await run(corrupted)];
    const [to, from] = [difference(right.logits), difference(other.logits)];
    assertClose([result.clean, result.corrupted], [to, from], BATCH_TOLERANCE);
    for (const [layer, activation] of names.entries()) {
      for (let index = 0; index < size; index++) {
        const where = sites === "heads" ? { heads: [index] } : { positions: [index] };
        const intervene = { [activation]: replace(right.activations!.get(activation)!, where) };
        const { logits } = await model.forward(corrupted, { intervene, logits: "last" });
        const i = layer * size + index;
        assertClose([result.metrics[i]], [difference(logits)], BATCH_TOLERANCE, activation);
        assertClose([result.data[i]], [(result.metrics[i] - from) / (to - from)], 1e-12);
      }
    }
  });
}

Deno.test("activationPatching() of the stream: what is alike changes nothing, what differs is all", async () => {
  using model = inspectable(smallModel());
  const { data } = await activationPatching(model, { clean, corrupted, answer, against });
  // Only one token differs, and positions before it never know.
  assertClose(data.subarray(0, 5), [0, 0, 1, 0, 0], 1e-5);
  assertClose(data.subarray(5, 7), [0, 0], 1e-5);
  assert(data.subarray(7).every((value) => Math.abs(value) > 1e-3), `${data}`);
});

Deno.test("activationPatching() finds the same in batches of any size, and tells how far it is", async () => {
  using model = inspectable(smallModel());
  const seen: PatchingProgress[] = [];
  const options = { clean, corrupted, answer, against };
  const all = await activationPatching(model, options);
  const onProgress = (progress: PatchingProgress) => void seen.push(progress);
  const some = await activationPatching(model, { ...options, batchSize: 4, onProgress });
  assertClose(some.metrics, all.metrics, BATCH_TOLERANCE);
  assertEquals(seen, [4, 8, 10].map((numDone) => ({ numDone, numSites: 10 })));
});

Deno.test("activationPatching() takes any metric, and the likeliest tokens if none is named", async () => {
  using model = inspectable(smallModel());
  const probability = (logits: Float32Array) =>
    Math.exp(logits[3]) / logits.reduce((sum, logit) => sum + Math.exp(logit), 0);
  const metric = await activationPatching(model, { clean, corrupted, metric: probability });
  const { logits } = await model.forward(clean, { logits: "last" });
  assertClose([metric.clean], [probability(logits)], 1e-9);
  assert(!("answer" in metric) && !("against" in metric));
  const one = [1, 2, 3];
  const two = [1, 2, 4];
  const likeliest = await Promise.all([one, two].map(async (tokens) => {
    const { logits } = await model.forward(tokens, { logits: "last" });
    return logits.indexOf(logits.reduce((a, b) => Math.max(a, b)));
  }));
  const named = { answer: likeliest[0], against: likeliest[1] };
  const found = await activationPatching(model, { clean: one, corrupted: two });
  assertEquals(
    found,
    await activationPatching(model, { clean: one, corrupted: two, ...named }),
  );
  assertEquals([found.answer?.id, found.against?.id], likeliest);
});

Deno.test("activationPatching() has no scale where both prompts measure the same", async () => {
  using model = inspectable(smallModel());
  let numMeasured = 0;
  const metric = () => numMeasured++ < 10 ? 1 : 2;
  const { data, metrics } = await activationPatching(model, { clean, corrupted, metric });
  assert(metrics.every((each) => each === 1) && data.every(Number.isNaN));
});

Deno.test("activationPatching() stops when it is told to", async () => {
  using model = inspectable(smallModel());
  const controller = new AbortController();
  const onProgress = () => controller.abort();
  const { signal } = controller;
  const options = { clean, corrupted, answer, against, batchSize: 1, onProgress, signal };
  await assertRejects(() => activationPatching(model, options), DOMException);
});

Deno.test("activationPatching() refuses what it cannot compare", async () => {
  using model = inspectable(smallModel());
  const cases: [options: unknown, error: ErrorConstructor, message: string][] = [
    [{ clean }, TypeError, "the tokens of one text are needed: received nothing"],
    [{ clean, corrupted: [1] }, RangeError, "the same number of tokens: received 5 and 1"],
    [{ clean, corrupted: clean }, RangeError, "the right answer and the wrong one must differ"],
    [{ clean, corrupted, answer: 131 }, RangeError, "answer must be a token"],
    [{ clean, corrupted, site: "mlp" }, TypeError, "Did you mean sites?"],
    [{ clean, corrupted, sites: "head" }, RangeError, "one of residual, attention, mlp, heads"],
    [{ clean, corrupted, metric: () => "1" }, TypeError, "the metric must be a number: received"],
    [{ clean, corrupted, metric: () => NaN }, RangeError, "a finite number: received NaN"],
  ];
  for (const [options, error, message] of cases) {
    const run = () => activationPatching(model, options as ActivationPatchingOptions);
    await assertRejects(run, error, message);
  }
});
