// What heads do, on a model whose heads are known.

import { assert, assertEquals, assertRejects } from "@std/assert";
import { Engine } from "../../src/engine/engine.ts";
import { generate } from "../../src/generation/generate.ts";
import { headScores, type HeadScoresOptions } from "../../src/inspection/head_scores.ts";
import { assertClose } from "../close.ts";
import { inspectable } from "./inspectable.ts";
import { INDUCTION_HEAD, inductionModel } from "./induction_model.ts";
import { smallModel } from "./small_model.ts";

Deno.test("headScores() finds the induction head that was written by hand, and the one that it needs", async () => {
  using model = inspectable(inductionModel());
  for (const options of [{ numTokens: 16 }, { numTokens: 5, seed: 7, numTexts: 2 }, {}]) {
    const scores = await headScores(model, options);
    assertEquals(scores.map(({ layer, head }) => [layer, head]), [[0, 0], [0, 1], [1, 0], [1, 1]]);
    const [before, , idle, induction] = scores;
    assertClose([before.previousToken, induction.induction], [1, 1], 1e-6);
    assertEquals(induction.head, INDUCTION_HEAD);
    assertClose(
      [induction.duplicateToken, before.duplicateToken, before.induction],
      [0, 0, 0],
      1e-6,
    );
    // A head that does nothing looks at all positions alike.
    const numTokens = options.numTokens ?? 16;
    const alike = (queries: number[]) =>
      queries.reduce((sum, query) => sum + 1 / (query + 1), 0) / queries.length;
    const all = Array.from({ length: 2 * numTokens - 1 }, (_, i) => i + 1);
    assertClose([idle.previousToken, idle.firstToken], [alike(all), alike(all)], 1e-6);
    const repeated = all.slice(numTokens - 1);
    assertClose([idle.induction, idle.duplicateToken], [alike(repeated), alike(repeated)], 1e-6);
  }
});

Deno.test("the model with the induction head goes on with what it has read before", async () => {
  using model = inductionModel();
  using engine = new Engine(model);
  const tokens = [3, 14, 1, 5, 9, 2, 6];
  const prompt = [...tokens, tokens[0]];
  const ids: number[] = [];
  const options = { maxNewTokens: 12, temperature: 0, ignoreEndOfText: true };
  for await (const { id } of generate(engine, undefined, [prompt], options)) ids.push(id);
  assertEquals(ids, [14, 1, 5, 9, 2, 6, 3, 14, 1, 5, 9, 2]);
});

Deno.test("headScores() gives the same for the same seed only", async () => {
  using model = inspectable(smallModel());
  const first = await headScores(model, { seed: 1 });
  assertEquals(await headScores(model, { seed: 1 }), first);
  const other = await headScores(model, { seed: 2 });
  assert(other.some(({ induction }, i) => induction !== first[i].induction));
});

Deno.test("headScores() refuses what it cannot do", async () => {
  using model = inspectable(inductionModel());
  const cases: [options: unknown, error: ErrorConstructor, message: string][] = [
    [
      { numTokens: 17 },
      RangeError,
      "numTokens must be at most 16, as there are 16 tokens and each stands twice in the context of 32: received 17",
    ],
    [{ numTokens: 1 }, RangeError, "numTokens must be an integer of at least 2"],
    [{ numTexts: 0 }, RangeError, "numTexts must be"],
    [{ seed: "a" }, TypeError, "seed must be"],
    [{ numToken: 3 }, TypeError, "Did you mean numTokens?"],
    [{ signal: AbortSignal.abort() }, DOMException as unknown as ErrorConstructor, ""],
  ];
  for (const [options, error, message] of cases) {
    await assertRejects(() => headScores(model, options as HeadScoresOptions), error, message);
  }
  // deno-lint-ignore no-explicit-any -- what no type checker lets through
  await assertRejects(() => headScores({} as any), TypeError, "a GPT2 is needed");
});
