import { assertAlmostEquals, assertEquals } from "@std/assert";
import type { ItemResult } from "../../../src/evaluation/tasks/item_result.ts";
import { summarizeItems } from "../../../src/evaluation/tasks/summarize_items.ts";

const result = (isRight: boolean, logProbability: number): ItemResult => ({
  line: 1,
  contexts: [""],
  continuations: [""],
  answer: 0,
  logProbabilities: [logProbability],
  areGreedy: [isRight],
  isCorrect: { acc: isRight },
});

Deno.test("summarizeItems() gives means and their standard errors", () => {
  const results = [result(true, -1), result(false, -3), result(false, -2), result(false, -2)];
  const [acc, perplexity] = summarizeItems("lambada", results);
  assertEquals([acc.name, acc.value, perplexity.name], ["acc", 0.25, "perplexity"]);
  // The deviation is that of 1, 0, 0, 0: sqrt(3 / 4 / 3).
  assertAlmostEquals(acc.error, 0.25, 1e-15);
  assertAlmostEquals(perplexity.value, Math.exp(2), 1e-12);
  assertAlmostEquals(perplexity.error, Math.exp(2) * Math.sqrt(2 / 3) / 2, 1e-12);
});

Deno.test("summarizeItems() knows no standard error of a single question", () => {
  const [{ value, error }] = summarizeItems("winogrande", [result(true, -1)]);
  assertEquals([value, error], [1, NaN]);
});
