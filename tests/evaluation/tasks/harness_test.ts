/** What lm-evaluation-harness finds of the same files with the same weights: scripts/make_evaluation_reference.py. */
import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { evaluateItems } from "../../../src/evaluation/tasks/evaluate_items.ts";
import type { ItemResult } from "../../../src/evaluation/tasks/item_result.ts";
import { summarizeItems } from "../../../src/evaluation/tasks/summarize_items.ts";
import { type TaskName, taskNames } from "../../../src/evaluation/tasks/tasks.ts";
import { GPT2 } from "../../../src/gpt2.ts";
import { fixtureItems, fixtureText } from "./fixture_items.ts";

/** Sums are up to 500, in float32, of other computations in another order. */
const TOLERANCE = 1e-4;

interface Reference {
  metrics: Record<string, number>;
  items: ({ logProbabilities: number[]; areGreedy: boolean[] } & Record<string, unknown>)[];
}

const reference = (name: TaskName): Reference => JSON.parse(fixtureText(`${name}.json`));

// As in the folder that the harness has read.
const model = await GPT2.fromPretrained("demo", { type: "f32" });

function assertSame(results: readonly ItemResult[], { items }: Reference): void {
  assertEquals(results.length, items.length);
  for (const [i, { line, logProbabilities, areGreedy, isCorrect }] of results.entries()) {
    const expected = items[i];
    assertEquals(line, i + 1);
    assertEquals(logProbabilities.length, expected.logProbabilities.length);
    for (const [choice, sum] of logProbabilities.entries()) {
      const where = `line ${line}, choice ${choice}`;
      assertAlmostEquals(sum, expected.logProbabilities[choice], TOLERANCE, where);
    }
    assertEquals(areGreedy, expected.areGreedy, `line ${line}`);
    for (const [name, isRight] of Object.entries(isCorrect)) {
      assertEquals(Number(isRight), expected[name], `line ${line}, ${name}`);
    }
  }
}

for (const name of taskNames) {
  Deno.test(`evaluateItems() finds of ${name} what lm-evaluation-harness finds, to the last item`, async () => {
    const results = await Array.fromAsync(evaluateItems(model, name, fixtureItems(name)));
    const expected = reference(name);
    assertSame(results, expected);
    const metrics = summarizeItems(name, results);
    const measured = Object.keys(expected.metrics).filter((key) => !key.endsWith("_stderr"));
    assertEquals(metrics.map(({ name }) => name as string).sort(), measured.sort());
    for (const { name, value, error } of metrics) {
      const relative = Math.abs(value / expected.metrics[name] - 1);
      if (name === "perplexity") assert(relative < 1e-5, `${value}`);
      else assertAlmostEquals(value, expected.metrics[name], 1e-12);
      // That of the perplexity is not drawn here, but follows from the other.
      if (name === "perplexity") continue;
      assertAlmostEquals(error, expected.metrics[`${name}_stderr`], 1e-12);
    }
  });
}

Deno.test("the references are of questions with right and wrong answers, by each measure", () => {
  const all = taskNames.flatMap((name) => reference(name).items);
  for (const name of ["acc", "acc_norm", "acc_bytes"]) {
    for (const value of [0, 1]) assert(all.some((item) => item[name] === value), name);
  }
  // Otherwise it would not matter by what a sum is divided.
  const differ = (a: string, b: string) => all.some((item) => b in item && item[a] !== item[b]);
  assert(differ("acc", "acc_norm"));
  assert(differ("acc_norm", "acc_bytes"));
});

Deno.test("the comparison with the harness sees a sum that is off, and a wrong answer", async () => {
  const results = await Array.fromAsync(
    evaluateItems(model, "piqa", fixtureItems("piqa").slice(0, 2)),
  );
  const { metrics, items } = reference("piqa");
  const expected = { metrics, items: items.slice(0, 2) };
  assertSame(results, expected);
  const [first, second] = results;
  const off = { ...second, logProbabilities: second.logProbabilities.map((sum) => sum + 2e-4) };
  assertThrows(() => assertSame([first, off], expected), "line 2, choice 0");
  const wrong = { ...second, isCorrect: { acc: !second.isCorrect.acc } };
  assertThrows(() => assertSame([first, wrong], expected), "line 2, acc");
});
