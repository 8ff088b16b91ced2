import { assertEquals } from "@std/assert";
import { runHistory } from "../../../src/training/report/run_history.ts";
import type { TrainingEvent } from "../../../src/training/training_event.ts";
import { beginOf, plausibleRun, stepOf } from "../plausible_run.ts";

/** An evaluation after a step. */
function evaluationOf(step: number, loss: number, isBest = true) {
  return { kind: "evaluation", step, loss, numTokens: 10, isBest } as const;
}

Deno.test("runHistory() sorts the events of a run", () => {
  const { runs, steps, evaluations, best, samples } = runHistory(plausibleRun());
  assertEquals(runs.map(({ end }) => end?.reason), ["finished"]);
  assertEquals(steps.map(({ step }) => step), Array.from({ length: 2000 }, (_, i) => i + 1));
  assertEquals(evaluations.map(({ step }) => step), [250, 500, 750, 1000, 1250, 1500, 1750, 2000]);
  assertEquals(best, evaluations[5]);
  assertEquals(samples.length, 8);
});

Deno.test("runHistory() counts steps that were done anew as they were the last time", () => {
  const sample = (step: number) => ({ kind: "sample", step, prompt: "", text: "" }) as const;
  const events: TrainingEvent[] = [
    beginOf(6),
    ...[1, 2, 3, 4].map((step) => ({ ...stepOf(step, 6), loss: step })),
    evaluationOf(2, 2),
    evaluationOf(4, 1),
    sample(2),
    sample(4),
    { kind: "end", step: 4, reason: "stopped", elapsedMs: 4 },
    beginOf(6, 2),
    ...[3, 4, 5, 6].map((step) => ({ ...stepOf(step, 6), loss: 10 * step })),
    evaluationOf(6, 1.5),
  ];
  const { runs, steps, evaluations, best, samples } = runHistory(events);
  assertEquals(runs.map(({ begin, end }) => [begin.step, end?.reason]), [
    [0, "stopped"],
    [2, undefined],
  ]);
  assertEquals(steps.map(({ step, loss }) => [step, loss]), [
    [1, 1],
    [2, 2],
    [3, 30],
    [4, 40],
    [5, 50],
    [6, 60],
  ]);
  assertEquals(evaluations.map(({ step }) => step), [2, 6]);
  assertEquals(best?.step, 6);
  assertEquals(samples.map(({ step }) => step), [2]);
});

Deno.test("runHistory() takes what a log has as null for no number", () => {
  const events = [
    beginOf(2),
    { ...stepOf(1, 2), loss: NaN, gradientNorm: Infinity },
    evaluationOf(1, NaN, false),
  ];
  const { steps, evaluations, best } = runHistory(JSON.parse(JSON.stringify(events)));
  assertEquals([steps[0].loss, steps[0].gradientNorm, evaluations[0].loss], [NaN, NaN, NaN]);
  assertEquals(best, undefined);
});

Deno.test("runHistory() of nothing is empty", () => {
  assertEquals(runHistory([]), { runs: [], steps: [], evaluations: [], samples: [] });
});
