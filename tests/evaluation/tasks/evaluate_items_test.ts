import { assert, assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import { evaluateItems } from "../../../src/evaluation/tasks/evaluate_items.ts";
import type { TaskItem } from "../../../src/evaluation/tasks/task.ts";
import { GPT2 } from "../../../src/gpt2.ts";
import { fixtureItems } from "./fixture_items.ts";

const model = await GPT2.fromPretrained("demo");
/** Of sums up to 500. */
const TOLERANCE = 1e-4;
const items = fixtureItems("multiple-choice").slice(0, 12);

Deno.test("evaluateItems() gives side by side, and in their order, what questions give alone", async () => {
  const results = await Array.fromAsync(evaluateItems(model, "multiple-choice", items));
  assertEquals(results.map(({ line }) => line), items.map(({ line }) => line));
  for (const [i, result] of results.entries()) {
    const [alone] = await Array.fromAsync(evaluateItems(model, "multiple-choice", [items[i]]));
    const { logProbabilities, ...answer } = result;
    assertEquals({ ...alone, logProbabilities }, { ...answer, logProbabilities });
    for (const [choice, sum] of logProbabilities.entries()) {
      assertAlmostEquals(sum, alone.logProbabilities[choice], TOLERANCE);
    }
  }
});

Deno.test("evaluateItems() asks for questions as there is room for them", async () => {
  let numAsked = 0;
  function* many(): Generator<TaskItem> {
    for (;; numAsked++) yield items[numAsked % items.length];
  }
  for await (const result of evaluateItems(model, "multiple-choice", many())) {
    assertEquals(result.line, 1);
    break;
  }
  // Most have 3 to 6 texts of 20 to 256 tokens.
  assert(numAsked > 1 && numAsked < 100, `${numAsked}`);
});

Deno.test("evaluateItems() names the line of what is too long to be scored", async () => {
  const long = { ...items[0], line: 7, continuations: ["a ".repeat(300), "b"] };
  const evaluated = Array.fromAsync(evaluateItems(model, "multiple-choice", [items[1], long]));
  await assertRejects(() => evaluated, RangeError, "Check line 7.");
});

Deno.test("evaluateItems() stops when its signal is aborted", async () => {
  const stop = new AbortController();
  const evaluated = evaluateItems(model, "multiple-choice", items, { signal: stop.signal });
  await evaluated.next();
  stop.abort();
  await assertRejects(() => Array.fromAsync(evaluated), DOMException, "abort");
});

Deno.test("evaluateItems() needs a tokenizer", async () => {
  using untold = new GPT2(model.config, { seed: 1 });
  const evaluated = Array.fromAsync(evaluateItems(untold, "multiple-choice", items));
  await assertRejects(() => evaluated, TypeError, "tokenizer");
});
