import { assert, assertEquals, assertFalse } from "@std/assert";
import {
  INITIAL_STATUS,
  nextStatus,
  trainingLine,
  type TrainingStatus,
} from "../../../src/cli/train/training_line.ts";
import { beginOf, stepOf } from "../../training/plausible_run.ts";

const STATUS: TrainingStatus = {
  step: 1250,
  numSteps: 2000,
  loss: 1.82314,
  validationLoss: 1.90124,
  learningRate: 8.123e-4,
  gradientNorm: 0.6123,
  tokensPerSecond: 23_104.4,
  remainingMs: 66_400,
};

Deno.test("trainingLine() shows all that fits, and leaves out what matters least first", () => {
  assertEquals(trainingLine(STATUS, 20), "step 1,250 of 2,000");
  assertEquals(trainingLine(STATUS, 40), "step 1,250 of 2,000  loss 1.8231");
  assertEquals(
    trainingLine(STATUS, 80),
    "step 1,250 of 2,000  loss 1.8231  val 1.9012  1:06 left  23,104 tokens/s",
  );
  assertEquals(
    trainingLine(STATUS, 120),
    "step 1,250 of 2,000  loss 1.8231  val 1.9012  1:06 left  23,104 tokens/s  " +
      "learning rate 8.12e-4  gradient norm 0.61",
  );
  assertEquals(
    trainingLine(STATUS, 130),
    "step 1,250 of 2,000  [#######----]  loss 1.8231  val 1.9012  1:06 left  23,104 tokens/s  " +
      "learning rate 8.12e-4  gradient norm 0.61",
  );
});

Deno.test("trainingLine() is never wider than it may be, and never shows less where it may be wider", () => {
  let before: string[] = [];
  for (let width = 19; width <= 200; width++) {
    const line = trainingLine(STATUS, width);
    assert(line.length <= width, `${width}: ${line}`);
    const parts = line.replace(/\[.*?\] {2}/, "").split("  ");
    assertEquals(parts.slice(0, before.length), before);
    before = parts;
  }
  assertEquals(before.length, 7);
});

Deno.test("trainingLine() keeps its parts where they are while steps go on", () => {
  const widths = [[1, 0.0123], [99, 9.999], [100, 10.04], [1999, 480.2]].map((
    [step, gradientNorm],
  ) => trainingLine({ ...STATUS, step, gradientNorm }, 120).length);
  assertEquals(widths, [115, 115, 115, 114]);
});

Deno.test("trainingLine() leaves out what is not known", () => {
  const { validationLoss: _, ...status } = STATUS;
  assertEquals(
    trainingLine(status, 60),
    "step 1,250 of 2,000  loss 1.8231  1:06 left  23,104 tokens/s",
  );
  assertEquals(trainingLine(INITIAL_STATUS, 80), "step 0 of 0");
  assertEquals(
    trainingLine(nextStatus(INITIAL_STATUS, beginOf(100, 50)), 37),
    `step  50 of 100  [${"#".repeat(9)}${"-".repeat(9)}]`,
  );
});

Deno.test("trainingLine() shows what is no number as what it is", () => {
  const line = trainingLine(
    { ...STATUS, loss: NaN, remainingMs: Infinity, tokensPerSecond: Infinity },
    80,
  );
  assertEquals(line, "step 1,250 of 2,000  loss NaN  val 1.9012  ? left  ? tokens/s");
});

Deno.test("nextStatus() keeps the last validation loss while steps go on", () => {
  let status = nextStatus(INITIAL_STATUS, beginOf(100));
  assertEquals(status, { step: 0, numSteps: 100 });
  const evaluation = {
    kind: "evaluation",
    step: 1,
    loss: 2.5,
    numTokens: 9,
    isBest: true,
  } as const;
  for (const event of [stepOf(1, 100), evaluation, stepOf(2, 100)]) {
    status = nextStatus(status, event);
  }
  assertEquals([status.step, status.validationLoss], [2, 2.5]);
  assertEquals(status.loss, stepOf(2, 100).loss);
  assertFalse("kind" in status);
});
